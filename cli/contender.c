/* contender.c - see contender.h. */
#define _GNU_SOURCE
#include "contender.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <mema.h>

/* ---- a pool ------------------------------------------------------------------------------------------------------- */

static mema_Pool pool;

static void *poolAllocate(size_t size) {
  return mema_palloc(&pool, size);
}

static void *poolAllocateZeroed(size_t count, size_t size) {
  return mema_pcalloc(&pool, count, size);
}

static void *poolAllocateAligned(size_t alignment, size_t size) {
  return mema_pmemalign(&pool, alignment, size);
}

static void *poolResize(void *ptr, size_t size) {
  return mema_repalloc(&pool, ptr, size);
}

/* The answer is dropped here, as free() has none. */
static void poolRelease(void *ptr) {
  mema_pfree(&pool, ptr);
}

static const char *openPool(const Contender *contender, PlayHeap *heap) {
  mema_Options options = {.poolSize = contender->poolSize, .untracked = !contender->tracked};
  *heap = (PlayHeap){poolAllocate, poolAllocateZeroed, poolAllocateAligned, poolResize, poolRelease};
  return mema_initPoolWith(&pool, &options) ? NULL : mema_lastError()->sentence;
}

/* ---- libraries ---------------------------------------------------------------------------------------------------- */

/* POSIX's way to make a function pointer of what dlsym returns. A function that the library has not got itself is found in
 * the C library behind it: that one does not count. */
static bool find(void *library, const char *name, const void *libcs, void *function) {
  void *found = dlsym(library, name);
  *(void **)function = found;
  return found != NULL && found != libcs;
}

/* Local: what mema itself allocates stays where it is. */
static const char *openLibrary(const Contender *contender, PlayHeap *heap) {
  void *library = dlopen(contender->name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *reason = dlerror();
    return reason != NULL ? reason : "it cannot be loaded";
  }
  if (!find(library, "malloc", (void *)malloc, &heap->allocate) ||
      !find(library, "calloc", (void *)calloc, &heap->allocateZeroed) ||
      !find(library, "aligned_alloc", (void *)aligned_alloc, &heap->allocateAligned) ||
      !find(library, "realloc", (void *)realloc, &heap->resize) || !find(library, "free", (void *)free, &heap->release)) {
    return "it has not got malloc, calloc, aligned_alloc, realloc and free";
  }
  return NULL;
}

const char *openContender(const Contender *contender, PlayHeap *heap) {
  switch (contender->kind) {
    case CONTENDER_POOL:
      return openPool(contender, heap);
    case CONTENDER_LIBRARY:
      return openLibrary(contender, heap);
    case CONTENDER_LIBC:
    default:
      *heap = (PlayHeap){malloc, calloc, aligned_alloc, realloc, free};
      return NULL;
  }
}
