/* mema_lua.h - a Lua state in a pool. It was tried with Lua 5.4.
 *
 *   mema_Lua lua;
 *   lua_State *L = mema_luaOpen(&lua, &tenant);   // NULL if the budget is too small for a state
 *   luaL_openlibs(L);
 *   if (luaL_dostring(L, code) != LUA_OK) puts(lua_tostring(L, -1));    // "not enough memory" above the budget
 *   mema_luaClose(&lua);                          // or freePool(&tenant), which closes the state first
 *
 * Above the budget Lua collects garbage and asks again, then raises LUA_ERRMEM. The state can be used afterwards.
 * Shrinking never fails, as Lua requires. */
#ifndef MEMA_LUA_H
#define MEMA_LUA_H

#include <lua.h>

#include "mema_host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A state in a pool. It must stay in place while the state is open. Its fields are for reading. */
typedef struct mema_Lua {
  lua_State *state; /* NULL once it is closed */
  mema_Host host;
  mema_Cleanup cleanup;
} mema_Lua;

/* Opens a state whose memory is all in the pool. The pool must not be shared: a state serves one thread at a time; a sub-pool of a
 * shared pool may be used. The end of the pool, or its reset, closes the state. A call in another thread than the one that opened the
 * state is refused, until mema_moveHost(&lua->host) in that thread. Returns NULL if
 *   pool is not a live pool                                   EINVAL
 *   pool is shared                                            EINVAL
 *   pool is about to end                                      EBUSY
 *   the budget has no room for a state                        ENOMEM
 * As with lua_newstate, an error outside of a protected call ends the program: use lua_pcall. */
static inline lua_State *mema_luaOpen(mema_Lua *lua, mema_Pool *pool);

/* Closes the state, if it is open: finalizers run, and all of its chunks are freed. */
static inline void mema_luaClose(mema_Lua *lua);

/* A lua_Alloc over a pool, for lua_newstate(mema_luaAlloc, &pool): without the record, and without the check of the thread. The state
 * must be closed before the pool ends. */
static inline void *mema_luaAlloc(void *pool, void *ptr, size_t oldSize, size_t size);

/* ---- how they do it --------------------------------------------------------------------------------------------------- */

static inline void mema_luaFree(mema_Pool *pool, void *ptr) {
  if (ptr != NULL && !mema_pfree(pool, ptr)) MEMA_BAD_CALL(ptr, mema_lastError()->sentence);
}

static inline void *mema_luaAlloc(void *pool, void *ptr, size_t oldSize, size_t size) {
  (void)oldSize; /* without a chunk it is the kind of the new object */
  if (size > 0 && ptr == NULL) return mema_hostChunk(mema_palloc((mema_Pool *)pool, size), ptr);
  if (size > 0) return mema_hostChunk(mema_repalloc((mema_Pool *)pool, ptr, size), ptr);
  mema_luaFree((mema_Pool *)pool, ptr);
  return NULL;
}

/* The lua_Alloc of a record. */
static inline void *mema_luaHostAlloc(void *host, void *ptr, size_t oldSize, size_t size) {
  const mema_Host *here = (const mema_Host *)host;
  return mema_hostServes(here, ptr) ? mema_luaAlloc(here->pool, ptr, oldSize, size) : NULL;
}

/* The clean-up of the pool. */
static inline void mema_luaEnd(void *arg) {
  mema_Lua *lua = (mema_Lua *)arg;
  lua_State *state = lua->state;
  lua->state = NULL;
  lua_close(state);
}

static inline lua_State *mema_luaOpen(mema_Lua *lua, mema_Pool *pool) {
  memset(lua, 0, sizeof *lua);
  if (!mema_initHost(&lua->host, pool)) return NULL;
  if (!mema_addCleanup(pool, &lua->cleanup, mema_luaEnd, lua, MEMA_AFTER_SUB_POOLS)) return NULL;
  lua->state = lua_newstate(mema_luaHostAlloc, &lua->host);
  if (lua->state == NULL) mema_cancelCleanup(pool, &lua->cleanup);
  return lua->state;
}

static inline void mema_luaClose(mema_Lua *lua) {
  if (lua->state == NULL) return;
  mema_cancelCleanup(lua->host.pool, &lua->cleanup);
  mema_luaEnd(lua);
}

#ifdef __cplusplus
}
#endif
#endif
