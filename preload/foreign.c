/* foreign.c - see foreign.h. The layout is that of glibc's malloc. In front of a chunk lies its size, with three flags in
 * the low bits. The flag for "in use" is in the header of the next chunk.
 *
 *   heap begin |header|chunk|header|chunk| ... |header| unused top | end
 *
 * Any bytes may look like a header: those of a freed chunk, or what a program writes into its own chunks. So a pointer is
 * taken for a chunk if a walk from the begin of the heap, header by header, comes to it. That needs a heap in one piece,
 * so findLibcHeap takes two liberties of the C library away: chunks with mappings of their own, and further heaps for
 * other threads. A walk also needs to see which chunks are free. Those in glibc's fast bins look as if they were in use,
 * so there are no fast bins. Those in its thread caches do too, but have a key behind the link in them.
 *
 * Other threads may change the heap during a walk, as they call the C library's malloc without a lock of ours. A walk
 * counts if the next one agrees. */
#define _GNU_SOURCE
#include "foreign.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>

#include "rawCalls.h"

enum { HEADER = 2 * sizeof(size_t), SIZE_FIELD = sizeof(size_t) };
/* glibc aligns chunks to two words, or to what a long double needs if that is more. On i386 it takes 16 bytes since 2.26. */
#if defined(__i386__)
enum { ALIGNMENT = 16 };
#else
enum { ALIGNMENT = __alignof__(long double) > HEADER ? __alignof__(long double) : HEADER };
#endif
/* the smallest chunk, with its header: four words */
enum { LEAST = (2 * HEADER + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT };
enum { PREVIOUS_IN_USE = 1, IS_MAPPED = 2, NOT_MAIN_HEAP = 4, FLAGS = 7 };
enum { WALKS_MOST = 8, NEVER = -1 };

#ifndef __GLIBC__ /* other C libraries have none of this: libcInfo stays NULL */
struct mallinfo2 {
  size_t arena, hblkhd;
};
#define M_TRIM_THRESHOLD (-1)
#endif

extern void *__libc_malloc(size_t size) __attribute__((weak));
extern void __libc_free(void *ptr) __attribute__((weak));
extern int __libc_mallopt(int setting, int value) __attribute__((weak));
extern char __libc_single_threaded __attribute__((weak));

/* The C library's mallinfo2; NULL if it has none. */
static struct mallinfo2 (*libcInfo)(void);
/* The begin of the C library's heap, if it has one: the end of the data segment when the heap was first asked for memory. */
static _Atomic uintptr_t heapBegin;
/* The unused bytes at the end of the C library's heap from which on it gives them back: glibc's default. */
static atomic_int trimThreshold = 128 * 1024;

/* ---- the heap ----------------------------------------------------------------------------------------------------- */

void rememberBreak(void) {
  atomic_store_explicit(&heapBegin, (uintptr_t)rawBreak(0), memory_order_relaxed);
}

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
void findLibcHeap(void) {
  if (__libc_malloc == NULL || __libc_free == NULL || __libc_mallopt == NULL) return;
#ifdef M_ARENA_MAX /* glibc's settings */
  __libc_mallopt(M_MMAP_MAX, 0);
  __libc_mallopt(M_ARENA_MAX, 1);
  __libc_mallopt(M_MXFAST, 0);
#endif
  *(void **)(void *)&libcInfo = dlsym(RTLD_NEXT, "mallinfo2");
}

/* Data in the data segment before the C library's heap is in use is the program's. Later the heap goes on behind
 * the program's memory. glibc (2.36) then refuses requests above its trim threshold that need more of the segment: it
 * gives the new bytes back at once, since the end of its heap is so large. Without mappings it has no other place. */
void noteProgramBreak(void) {
  if (atomic_load_explicit(&trimThreshold, memory_order_relaxed) == NEVER) return;
  if (libcInfo == NULL || libcInfo().arena == 0) {
    rememberBreak();
  } else {
    atomic_store_explicit(&trimThreshold, NEVER, memory_order_relaxed);
    __libc_mallopt(M_TRIM_THRESHOLD, NEVER);
  }
}

static bool isSingleThreaded(void) {
  return &__libc_single_threaded != NULL && __libc_single_threaded;
}

/* The C library's heap, as it is now. */
typedef struct Heap {
  uintptr_t begin, end; /* the data segment behind the begin */
  uintptr_t last;       /* no live chunk reaches so far, unless the program has moved the end of the segment */
  bool isElsewhere;     /* a part of the heap lies outside the data segment */
} Heap;

/* False if the C library has no heap. */
static bool findHeap(Heap *heap) {
  uintptr_t begin = atomic_load_explicit(&heapBegin, memory_order_relaxed);
  if (begin == 0 || libcInfo == NULL) return false;
  struct mallinfo2 info = libcInfo();
  /* The first chunk is aligned, not the header before it. */
  heap->begin = ((begin + HEADER + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)) - HEADER;
  heap->end = (uintptr_t)rawBreak(0);
  heap->last = heap->begin + info.arena;
  heap->isElsewhere = info.hblkhd > 0 || info.arena > heap->end - begin;
  return info.arena > 0 || info.hblkhd > 0;
}

/* ---- headers ------------------------------------------------------------------------------------------------------ */

/* Returns the size field of the chunk with this header, which lies in readable memory. Another thread may write it. */
static size_t sizeField(uintptr_t header) {
  return __atomic_load_n((const size_t *)(header + SIZE_FIELD), __ATOMIC_RELAXED);
}

static size_t sizeIn(size_t field) {
  return field & ~(size_t)FLAGS;
}

static bool isSize(size_t size) {
  return size >= LEAST && size % ALIGNMENT == 0;
}

/* True if the bytes before the address could be a chunk's header. */
static bool looksLikeChunk(uintptr_t address) {
  return address % ALIGNMENT == 0 && address > HEADER && rawIsReadable((const void *)(address - HEADER)) &&
         isSize(sizeIn(sizeField(address - HEADER)));
}

/* Returns the word with which glibc marks the chunks in its thread caches, behind their links; 0: unknown. Before glibc
 * 2.34 each thread has its own, and a chunk that another thread freed is taken for live; glibc then takes it too. */
static uintptr_t cacheKey(void) {
  uintptr_t keys[2] = {0, 0};
  for (size_t i = 0; i < 2; i++) {
    uintptr_t *volatile chunk = __libc_malloc((i + 2) * ALIGNMENT);
    if (chunk == NULL) return 0;
    __libc_free(chunk);
    keys[i] = __atomic_load_n(&chunk[1], __ATOMIC_RELAXED);
  }
  return keys[0] == keys[1] ? keys[0] : 0;
}

/* ---- walks -------------------------------------------------------------------------------------------------------- */

typedef enum Finding {
  NOT_REACHED, /* what is not one piece was met before the address */
  NO_CHUNK,    /* the address lies inside a chunk, or that of a free chunk, or is the unused top */
  IN_USE,
} Finding;

static Finding walkTo(const Heap *heap, uintptr_t header) {
  uintptr_t at = heap->begin;
  while (at < header) {
    size_t size = sizeIn(sizeField(at));
    if (!isSize(size) || size > heap->end - at) return NOT_REACHED;
    at += size;
  }
  if (at > header || heap->end - at < LEAST) return NO_CHUNK;
  size_t field = sizeField(at), size = sizeIn(field);
  if ((field & (IS_MAPPED | NOT_MAIN_HEAP)) != 0 || !isSize(size)) return NO_CHUNK;
  if (size > heap->end - at - HEADER || at + size >= heap->last) return NO_CHUNK;
  return (sizeField(at + size) & PREVIOUS_IN_USE) != 0 ? IN_USE : NO_CHUNK;
}

/* While other threads are about, the C library gives no memory back to the system: a free that does so has ended when
 * __libc_mallopt returns, since that takes the heap's lock, and the next one finds another threshold. */
static Finding walkBesideThreads(const Heap *heap, uintptr_t header) {
  __libc_mallopt(M_TRIM_THRESHOLD, NEVER);
  Finding last = walkTo(heap, header), finding = NOT_REACHED;
  for (int i = 1; i < WALKS_MOST && finding == NOT_REACHED; i++) {
    Finding again = walkTo(heap, header);
    if (again == last) finding = again;
    last = again;
  }
  __libc_mallopt(M_TRIM_THRESHOLD, atomic_load_explicit(&trimThreshold, memory_order_relaxed));
  return finding;
}

static Foreign lookInSegment(const Heap *heap, uintptr_t address) {
  uintptr_t header = address - HEADER, key = cacheKey();
  Finding finding = isSingleThreaded() ? walkTo(heap, header) : walkBesideThreads(heap, header);
  if (finding == NOT_REACHED) return (Foreign){looksLikeChunk(address) ? FOREIGN_UNKNOWN : FOREIGN_NONE, 0};
  if (finding == NO_CHUNK) return (Foreign){FOREIGN_NONE, 0};
  if (key != 0 && ((const uintptr_t *)address)[1] == key) return (Foreign){FOREIGN_NONE, 0};
  return (Foreign){FOREIGN_LIVE, sizeIn(sizeField(header)) - SIZE_FIELD};
}

Foreign lookForeign(const void *ptr) {
  uintptr_t address = (uintptr_t)ptr;
  Heap heap;
  if (address % ALIGNMENT != 0 || !findHeap(&heap)) return (Foreign){FOREIGN_NONE, 0};
  if (address >= heap.begin + HEADER && address < heap.end) return lookInSegment(&heap, address);
  return (Foreign){heap.isElsewhere && looksLikeChunk(address) ? FOREIGN_UNKNOWN : FOREIGN_NONE, 0};
}

void freeForeign(void *ptr) {
  __libc_free(ptr);
}
