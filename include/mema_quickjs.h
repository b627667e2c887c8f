/* mema_quickjs.h - a QuickJS runtime in a pool. (quickjs-ng has other hooks.)
 *
 *   mema_Host host;
 *   JSRuntime *runtime = mema_quickjsOpen(&host, &tenant);  // NULL if the budget is too small for a runtime
 *   JSContext *context = JS_NewContext(runtime);
 *   JSValue value = JS_Eval(context, code, length, "code.js", JS_EVAL_TYPE_GLOBAL);  // above the budget: an exception
 *   JS_FreeValue(context, value);
 *   JS_FreeContext(context);
 *   JS_FreeRuntime(runtime);
 *
 * JS_SetMemoryLimit has no effect: the budget of the pool takes its place. The thresholds of the garbage collector work. */
#ifndef MEMA_QUICKJS_H
#define MEMA_QUICKJS_H

#include <quickjs.h>

#include "mema_host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a runtime whose memory is all in the pool. It belongs to the calling thread (mema_moveHost takes it over), unless the
 * pool is shared. The host must stay in place as long as the runtime. Returns NULL if
 *   pool is not a live pool                                   EINVAL
 *   pool is about to end                                      EBUSY
 *   the budget has no room for a runtime                      ENOMEM
 * End the runtime by JS_FreeRuntime before the pool ends. Or leave that out: the end of the pool frees all memory of the runtime
 * at once. Then no finalizer runs, and neither the runtime nor its contexts may be used again. */
static inline JSRuntime *mema_quickjsOpen(mema_Host *host, mema_Pool *pool);

/* ---- how it does it ----------------------------------------------------------------------------------------------------- */

/* Counts a chunk that the runtime gets, and one of `before` bytes that it loses: its garbage collector goes by these figures. A refused
 * call changes none of them. */
static inline void mema_quickjsCount(JSMallocState *state, const void *chunk, size_t before) {
  const mema_Host *host = (const mema_Host *)state->opaque;
  if (chunk != NULL) state->malloc_count++;
  if (before > 0) state->malloc_count--;
  state->malloc_size += (chunk != NULL ? mema_chunkSize(host->pool, chunk) : 0) - before;
}

/* Returns the size of a live chunk of the pool; 0: it is none, or the calling thread may not ask. */
static inline size_t mema_quickjsSize(const mema_Host *host, const void *ptr) {
  return host->shared || pthread_equal(host->thread, pthread_self()) ? mema_chunkSize(host->pool, ptr) : 0;
}

static inline void *mema_quickjsMalloc(JSMallocState *state, size_t size) {
  void *chunk = mema_hostMalloc(state->opaque, size);
  if (chunk != NULL) mema_quickjsCount(state, chunk, 0);
  return chunk;
}

static inline void mema_quickjsFree(JSMallocState *state, void *ptr) {
  size_t before = ptr != NULL ? mema_quickjsSize((const mema_Host *)state->opaque, ptr) : 0;
  mema_hostFree(state->opaque, ptr);
  if (before > 0) mema_quickjsCount(state, NULL, before);
}

static inline void *mema_quickjsRealloc(JSMallocState *state, void *ptr, size_t size) {
  if (ptr == NULL) return size > 0 ? mema_quickjsMalloc(state, size) : NULL;
  if (size == 0) {
    mema_quickjsFree(state, ptr);
    return NULL;
  }
  size_t before = mema_quickjsSize((const mema_Host *)state->opaque, ptr);
  void *chunk = mema_hostRealloc(state->opaque, ptr, size);
  if (chunk != NULL) mema_quickjsCount(state, chunk, before);
  return chunk;
}

static inline JSRuntime *mema_quickjsOpen(mema_Host *host, mema_Pool *pool) {
  static const JSMallocFunctions functions = {mema_quickjsMalloc, mema_quickjsFree, mema_quickjsRealloc, NULL};
  return mema_initHost(host, pool) ? JS_NewRuntime2(&functions, host) : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
