/* allocators.c - the competitors behind one pair of function pointers.
 *
 * malloc and mimalloc are pointed at directly. mema's calls need the pool, which costs it one more instruction and a jump:
 * the error, if any, is to its disadvantage. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#include "bench.h"

mema_Pool benchPool;

/* ---- nothing: the cost of the loop itself ------------------------------------------------------------------------- */

/* Only the first byte of what is handed out is touched, so a slot may be shorter than the request. The ring is small enough
 * to stay in the first cache: what is left is the cost of the loop, not that of memory. */
enum { SLOT_BYTES = 64, RING_BYTES = 64 * SLOT_BYTES };

static char ring[RING_BYTES];
static size_t ringPosition;

static void *nullAlloc(size_t size) {
  (void)size;
  ringPosition = (ringPosition + SLOT_BYTES) % RING_BYTES;
  return ring + ringPosition;
}

static void nullFree(void *ptr) {
  (void)ptr;
}

/* ---- mema --------------------------------------------------------------------------------------------------------- */

/* Far above what any row needs, so that the budget is counted but never in the way. */
#define BUDGET ((size_t)1 << 30)

static const mema_Options untracked = {.poolSize = BUDGET, .untracked = true};
static const mema_Options tracked = {.poolSize = BUDGET};

static void *memaAlloc(size_t size) {
  return mema_palloc(&benchPool, size);
}

/* The answer is dropped here, as free() has none, and asked for in closeAllocator. */
static void memaFree(void *ptr) {
  mema_pfree(&benchPool, ptr);
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

Allocator allocators[ALLOCATOR_COUNT] = {
    [ALLOCATOR_NULL] = {"null", nullAlloc, nullFree, NULL},
    [ALLOCATOR_GLIBC] = {"glibc", malloc, free, NULL},
    [ALLOCATOR_MIMALLOC] = {"mimalloc", NULL, NULL, NULL},
    [ALLOCATOR_UNTRACKED] = {"mema untracked", memaAlloc, memaFree, &untracked},
    [ALLOCATOR_TRACKED] = {"mema tracked", memaAlloc, memaFree, &tracked},
};

int loadMimalloc(void) {
  /* Local: the library also defines malloc, which must stay glibc's for the others. */
  void *library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return 0;
  Allocator *mimalloc = &allocators[ALLOCATOR_MIMALLOC];
  int (*version)(void) = NULL;
  /* POSIX's way to make a function pointer of what dlsym returns. */
  *(void **)&mimalloc->alloc = dlsym(library, "mi_malloc");
  *(void **)&mimalloc->free = dlsym(library, "mi_free");
  *(void **)&version = dlsym(library, "mi_version");
  if (mimalloc->free == NULL || version == NULL) mimalloc->alloc = NULL;
  return isPresent(mimalloc) ? version() : 0;
}

bool isPresent(const Allocator *allocator) {
  return allocator->alloc != NULL;
}

static void fail(const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, mema_lastError()->sentence);
  abort();
}

void openAllocator(const Allocator *allocator) {
  if (allocator->options != NULL && !mema_initPoolWith(&benchPool, allocator->options)) fail("initPoolWith");
}

void closeAllocator(const Allocator *allocator) {
  if (allocator->options == NULL) return;
  mema_Stats stats;
  if (!mema_poolStats(&benchPool, &stats)) fail("poolStats");
  if (stats.badFrees != 0 || stats.refused != 0) fail("a call failed while it was timed");
  if (!mema_freePool(&benchPool)) fail("freePool");
}
