/* next.c - see next.h. */
#define _GNU_SOURCE
#include "next.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>

/* dlsym may allocate a buffer for a message, now and then: a few hundred bytes. */
enum { BOOTSTRAP_BYTES = 64 * 1024, ALIGNMENT = 16 };

static NextHeap heap;
static _Atomic bool found, searching;
static _Alignas(ALIGNMENT) char bootstrap[BOOTSTRAP_BYTES];
static _Atomic size_t bootstrapUsed;

/* POSIX's way to make a function pointer of what dlsym returns. */
static void look(void *function, const char *name) {
  *(void **)function = dlsym(RTLD_NEXT, name);
}

__attribute__((noinline)) static const NextHeap *search(void) {
  if (atomic_exchange(&searching, true)) return atomic_load(&found) ? &heap : NULL;
  look(&heap.malloc, "malloc");
  look(&heap.calloc, "calloc");
  look(&heap.realloc, "realloc");
  look(&heap.free, "free");
  look(&heap.memalign, "memalign");
  look(&heap.alignedAlloc, "aligned_alloc");
  look(&heap.posixMemalign, "posix_memalign");
  look(&heap.valloc, "valloc");
  look(&heap.pvalloc, "pvalloc");
  look(&heap.usableSize, "malloc_usable_size");
  atomic_store(&found, true);
  return &heap;
}

const NextHeap *nextHeap(void) {
  return atomic_load_explicit(&found, memory_order_acquire) ? &heap : search();
}

/* Each chunk is preceded by its size. */
void *bootstrapAllocate(size_t size) {
  if (size > BOOTSTRAP_BYTES - (size_t)2 * ALIGNMENT) return NULL;
  size_t whole = ALIGNMENT + ((size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
  size_t at = atomic_fetch_add(&bootstrapUsed, whole);
  if (at > BOOTSTRAP_BYTES - whole) return NULL;
  *(size_t *)(void *)(bootstrap + at) = size;
  return bootstrap + at + ALIGNMENT;
}

bool isBootstrap(const void *ptr) {
  return (uintptr_t)ptr - (uintptr_t)bootstrap < BOOTSTRAP_BYTES;
}

size_t bootstrapSize(const void *ptr) {
  return *(const size_t *)(const void *)((const char *)ptr - ALIGNMENT);
}
