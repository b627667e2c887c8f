/* mema_host.h - a pool for libraries whose allocator hooks take a pointer of the program: zlib, zstd, PCRE2, nghttp2, and others of
 * these shapes. mema_lua.h and mema_quickjs.h build on it.
 *
 *   mema_Host host;
 *   mema_initHost(&host, &pool);                                        // for this thread
 *   z_stream stream = {.zalloc = mema_zlibAlloc, .zfree = mema_zlibFree, .opaque = &host};
 *   ZSTD_createCCtx_advanced((ZSTD_customMem){mema_hostMalloc, mema_hostFree, &host});
 *   pcre2_general_context_create(mema_pcre2Malloc, mema_pcre2Free, &host);
 *   nghttp2_mem memory = {&host, mema_nghttp2Malloc, mema_nghttp2Free, mema_nghttp2Calloc, mema_nghttp2Realloc};
 *
 * These rules hold:
 *   budget     A request above the budget gets NULL, which the library reports in its own way.
 *   threads    A host serves the thread that made it, or that took it over by mema_moveHost. With a shared pool it serves
 *              all threads.
 *   mistakes   A call after the end of the pool, in another thread, or with a pointer that is no live chunk of the pool is refused:
 *              it gets NULL, or frees nothing, and MEMA_BAD_CALL runs. The host must stay in place as long as the library
 *              may call, and so must the struct of the pool.
 *
 * Needs POSIX threads. Compiles as C11 and as C++11. */
#ifndef MEMA_HOST_H
#define MEMA_HOST_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mema.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs if a call can only be a mistake. The call is refused. */
#ifndef MEMA_BAD_CALL
#define MEMA_BAD_CALL(pointer, sentence) fprintf(stderr, "mema: %p: %s\n", pointer, sentence)
#endif

/* A pool, and the thread that may use it. The program may read the fields. */
typedef struct mema_Host {
  mema_Pool *pool;
  bool shared; /* the pool is: any thread may call */
  pthread_t thread;
} mema_Host;

/* Makes a host of a live pool, for the calling thread. Returns false if
 *   pool is not a live pool                                   EINVAL
 *   pool is about to end (the caller is a clean-up of it)     EBUSY
 * Constant. */
static inline bool mema_initHost(mema_Host *host, mema_Pool *pool);

/* Makes the calling thread the one that the host serves. No other thread may use the host or its pool meanwhile. */
static inline void mema_moveHost(mema_Host *host);

/* As malloc, calloc, realloc and free, in the pool of the host. Size 0 leaves a chunk of 1 byte. Shrinking never fails. */
static inline void *mema_hostMalloc(void *host, size_t size);
static inline void *mema_hostCalloc(void *host, size_t count, size_t size);
static inline void *mema_hostRealloc(void *host, void *ptr, size_t size);
static inline void mema_hostFree(void *host, void *ptr);

/* ---- the same in the shapes of libraries ---------------------------------------------------------------------------- */

static inline void *mema_zlibAlloc(void *host, unsigned count, unsigned size);
static inline void mema_zlibFree(void *host, void *ptr);
static inline void *mema_pcre2Malloc(size_t size, void *host);
static inline void mema_pcre2Free(void *ptr, void *host);
static inline void *mema_nghttp2Malloc(size_t size, void *host);
static inline void mema_nghttp2Free(void *ptr, void *host);
static inline void *mema_nghttp2Calloc(size_t count, size_t size, void *host);
static inline void *mema_nghttp2Realloc(void *ptr, size_t size, void *host);

/* ---- how they do it --------------------------------------------------------------------------------------------------- */

static inline void mema_doNothing(void *arg) {
  (void)arg;
}

/* True if a pool that is not shared is live, and not about to end: it can then have a clean-up. */
static inline bool mema_goesOn(mema_Pool *pool) {
  mema_Cleanup trial;
  memset(&trial, 0, sizeof trial);
  return mema_addCleanup(pool, &trial, mema_doNothing, NULL, MEMA_AFTER_SUB_POOLS) && mema_cancelCleanup(pool, &trial);
}

static inline bool mema_initHost(mema_Host *host, mema_Pool *pool) {
  bool shared = mema_isShared(pool);
  if (!shared && !mema_goesOn(pool)) return false;
  host->pool = pool;
  host->shared = shared;
  host->thread = pthread_self();
  return true;
}

static inline void mema_moveHost(mema_Host *host) {
  host->thread = pthread_self();
}

/* True if the calling thread may use the host; else the call is a mistake. */
static inline bool mema_hostServes(const mema_Host *host, void *ptr) {
  if (host->shared || pthread_equal(host->thread, pthread_self())) return true;
  errno = EINVAL;
  MEMA_BAD_CALL(ptr, "called in a thread that the host of this pool does not serve");
  return false;
}

/* Returns a chunk. NULL: it is above the budget, or the call was a mistake. */
static inline void *mema_hostChunk(void *chunk, void *ptr) {
  if (chunk == NULL && (mema_lastError()->reason == MEMA_BAD_POOL || mema_lastError()->reason == MEMA_BAD_POINTER))
    MEMA_BAD_CALL(ptr, mema_lastError()->sentence);
  return chunk;
}

static inline void *mema_hostMalloc(void *host, size_t size) {
  const mema_Host *here = (const mema_Host *)host;
  return mema_hostServes(here, NULL) ? mema_hostChunk(mema_palloc(here->pool, size), NULL) : NULL;
}

static inline void *mema_hostCalloc(void *host, size_t count, size_t size) {
  const mema_Host *here = (const mema_Host *)host;
  return mema_hostServes(here, NULL) ? mema_hostChunk(mema_pcalloc(here->pool, count, size), NULL) : NULL;
}

static inline void *mema_hostRealloc(void *host, void *ptr, size_t size) {
  const mema_Host *here = (const mema_Host *)host;
  return mema_hostServes(here, ptr) ? mema_hostChunk(mema_repalloc(here->pool, ptr, size), ptr) : NULL;
}

static inline void mema_hostFree(void *host, void *ptr) {
  const mema_Host *here = (const mema_Host *)host;
  if (ptr != NULL && mema_hostServes(here, ptr) && !mema_pfree(here->pool, ptr))
    MEMA_BAD_CALL(ptr, mema_lastError()->sentence);
}

static inline void *mema_zlibAlloc(void *host, unsigned count, unsigned size) {
  uint64_t bytes = (uint64_t)count * size; /* more than a size_t holds: above any budget */
  return mema_hostMalloc(host, bytes <= SIZE_MAX ? (size_t)bytes : SIZE_MAX);
}

static inline void mema_zlibFree(void *host, void *ptr) {
  mema_hostFree(host, ptr);
}

static inline void *mema_pcre2Malloc(size_t size, void *host) {
  return mema_hostMalloc(host, size);
}

static inline void mema_pcre2Free(void *ptr, void *host) {
  mema_hostFree(host, ptr);
}

static inline void *mema_nghttp2Malloc(size_t size, void *host) {
  return mema_hostMalloc(host, size);
}

static inline void mema_nghttp2Free(void *ptr, void *host) {
  mema_hostFree(host, ptr);
}

static inline void *mema_nghttp2Calloc(size_t count, size_t size, void *host) {
  return mema_hostCalloc(host, count, size);
}

static inline void *mema_nghttp2Realloc(void *ptr, size_t size, void *host) {
  return mema_hostRealloc(host, ptr, size);
}

#ifdef __cplusplus
}
#endif
#endif
