/* family.c - the malloc family: each call is passed on to the next heap, and recorded. What the heap says, errno included, is
 * what the program hears.
 *
 * Memory is recorded after the heap has handed it out, and a release before the heap gets it back: see rawLog.h. */
#define _GNU_SOURCE
#include "family.h"

#include <errno.h>
#include <unistd.h>

#include "next.h"
#include "recorder.h"

/* The power of two at or above a number. */
static unsigned powerOfTwo(size_t number) {
  unsigned power = 0;
  while (power < 62 && (size_t)1 << power < number) power++;
  return power;
}

static inline uint64_t alignedSize(unsigned alignment, size_t size) {
  return size | (uint64_t)alignment << RAW_ALIGNMENT_SHIFT;
}

static inline void *aligned(void *ptr, unsigned alignment, size_t size) {
  if (ptr != NULL) {
    recordEvent(RAW_ALLOCATE_ALIGNED, ptr, alignedSize(alignment, size));
  } else if (errno != EINVAL) {
    recordEvent(RAW_REFUSED, NULL, size);
  }
  return ptr;
}

static inline void *refuse(size_t size) {
  errno = ENOMEM;
  recordEvent(RAW_REFUSED, NULL, size);
  return NULL;
}

void *malloc(size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return bootstrapAllocate(size);
  void *ptr = heap->malloc(size);
  if (ptr == NULL) return refuse(size);
  recordEvent(RAW_ALLOCATE, ptr, size);
  return ptr;
}

void *calloc(size_t count, size_t size) {
  const NextHeap *heap = nextHeap();
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuse(SIZE_MAX);
  /* The bootstrap's memory was never used before. */
  if (heap == NULL) return bootstrapAllocate(bytes);
  void *ptr = heap->calloc(count, size);
  if (ptr == NULL) return refuse(bytes);
  recordEvent(RAW_ALLOCATE_ZEROED, ptr, bytes);
  return ptr;
}

void free(void *ptr) {
  const NextHeap *heap = nextHeap();
  if (ptr == NULL || heap == NULL || isBootstrap(ptr)) return;
  recordEvent(RAW_RELEASE, ptr, 0);
  heap->free(ptr);
}

void free_sized(void *ptr, size_t size) {
  (void)size;
  free(ptr);
}

void free_aligned_sized(void *ptr, size_t alignment, size_t size) {
  (void)alignment;
  (void)size;
  free(ptr);
}

static void *moveFromBootstrap(const void *ptr, size_t size) {
  char *copy = malloc(size);
  size_t kept = bootstrapSize(ptr) < size ? bootstrapSize(ptr) : size;
  for (size_t i = 0; copy != NULL && i < kept; i++) copy[i] = ((const char *)ptr)[i];
  return copy;
}

/* Two events: the old address may be another thread's before this one knows the new. */
void *realloc(void *ptr, size_t size) {
  if (ptr == NULL) return malloc(size);
  const NextHeap *heap = nextHeap();
  if (heap == NULL || isBootstrap(ptr)) return moveFromBootstrap(ptr, size);
  recordEvent(RAW_RESIZE_BEGIN, ptr, size);
  void *resized = heap->realloc(ptr, size);
  recordEvent(RAW_RESIZE_END, resized, size);
  return resized;
}

void *reallocarray(void *ptr, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuse(SIZE_MAX);
  return realloc(ptr, bytes);
}

void *aligned_alloc(size_t alignment, size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return refuse(size);
  return aligned(heap->alignedAlloc(alignment, size), powerOfTwo(alignment), size);
}

void *memalign(size_t alignment, size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return refuse(size);
  return aligned(heap->memalign(alignment, size), powerOfTwo(alignment), size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return ENOMEM;
  int reason = heap->posixMemalign(out, alignment, size);
  if (reason == 0) {
    recordEvent(RAW_ALLOCATE_ALIGNED, *out, alignedSize(powerOfTwo(alignment), size));
  } else if (reason == ENOMEM) {
    recordEvent(RAW_REFUSED, NULL, size);
  }
  return reason;
}

static unsigned pagePower(void) {
  return powerOfTwo((size_t)sysconf(_SC_PAGESIZE));
}

void *valloc(size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return refuse(size);
  return aligned(heap->valloc(size), pagePower(), size);
}

void *pvalloc(size_t size) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL) return refuse(size);
  return aligned(heap->pvalloc(size), pagePower(), size);
}

size_t malloc_usable_size(void *ptr) {
  const NextHeap *heap = nextHeap();
  if (heap == NULL || isBootstrap(ptr)) return ptr == NULL ? 0 : bootstrapSize(ptr);
  return heap->usableSize(ptr);
}
