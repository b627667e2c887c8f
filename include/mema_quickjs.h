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

/* Counts a chunk that the runtime has or loses: its garbage collector goes by these figures. */
static inline void mema_quickjsCount(JSMallocState *state, const void *ptr, bool has) {
  const mema_Host *host = (const mema_Host *)state->opaque;
  size_t size = mema_chunkSize(host->pool, ptr);
  state->malloc_count += has ? 1 : (size_t)-1;
  state->malloc_size += has ? size : (size_t)0 - size;
}

static inline void *mema_quickjsMalloc(JSMallocState *state, size_t size) {
  void *chunk = mema_hostMalloc(state->opaque, size);
  if (chunk != NULL) mema_quickjsCount(state, chunk, true);
  return chunk;
}

static inline void mema_quickjsFree(JSMallocState *state, void *ptr) {
  if (ptr == NULL) return;
  mema_quickjsCount(state, ptr, false);
  mema_hostFree(state->opaque, ptr);
}

static inline void *mema_quickjsRealloc(JSMallocState *state, void *ptr, size_t size) {
  if (ptr == NULL) return size > 0 ? mema_quickjsMalloc(state, size) : NULL;
  if (size == 0) {
    mema_quickjsFree(state, ptr);
    return NULL;
  }
  mema_quickjsCount(state, ptr, false);
  void *chunk = mema_hostRealloc(state->opaque, ptr, size);
  mema_quickjsCount(state, chunk != NULL ? chunk : ptr, true);
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
