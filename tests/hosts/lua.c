/* mema_lua.h: two tenants of one server, one of which uses up its budget; each request refused; mistakes. */
#include "hosts.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <mema_lua.h>
#include <pthread.h>

enum { BUDGET = 4 << 20 };

static const char *small = "local t = {} for i = 1, 1000 do t[i] = ('x'):rep(i % 50) .. i end return #t";
static const char *greedy = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100) .. i end";

static int openLibraries(lua_State *state) {
  luaL_openlibs(state);
  return 0;
}

/* Runs code in a protected call, and keeps the number that it returns. */
static int evaluate(lua_State *state, const char *code, lua_Integer *result) {
  int status = luaL_loadstring(state, code);
  if (status == LUA_OK) status = lua_pcall(state, 0, 1, 0);
  if (status == LUA_OK && result != NULL) *result = lua_tointeger(state, -1);
  return status;
}

static lua_State *openState(mema_Lua *lua, Pool *pool) {
  lua_State *state = mema_luaOpen(lua, pool);
  if (state == NULL) return NULL;
  lua_pushcfunction(state, openLibraries);
  if (lua_pcall(state, 0, 0, 0) == LUA_OK) return state;
  mema_luaClose(lua);
  return NULL;
}

static void tenantsDoNotNoticeEachOther(void) {
  static Pool server, tenants[2];
  static mema_Lua lua[2];
  mema_Options options = {.poolSize = BUDGET, .guaranteed = BUDGET};
  CHECK(initPool(&server, 2 * BUDGET));
  for (int i = 0; i < 2; i++)
    CHECK(mema_initSubPool(&tenants[i], &server, &options) && openState(&lua[i], &tenants[i]) != NULL);
  lua_Integer result = 0;
  CHECK(evaluate(lua[1].state, small, &result) == LUA_OK && result == 1000);
  size_t others = tenants[1].freeSize;
  for (int i = 0; i < 3; i++) {
    CHECK(evaluate(lua[0].state, greedy, NULL) == LUA_ERRMEM);
    CHECK(strcmp(lua_tostring(lua[0].state, -1), "not enough memory") == 0);
    CHECK(figures(&tenants[0]).peakBytes > BUDGET * 9 / 10);
    lua_settop(lua[0].state, 0);
    CHECK(evaluate(lua[0].state, small, &result) == LUA_OK && result == 1000); /* it has recovered */
    lua_settop(lua[0].state, 0);
  }
  CHECK(tenants[1].freeSize == others && figures(&tenants[1]).refused == 0);
  CHECK(evaluate(lua[1].state, small, &result) == LUA_OK && result == 1000);
  for (int i = 0; i < 2; i++) {
    mema_luaClose(&lua[i]);
    CHECK(lua[i].state == NULL && tenants[i].freeSize == BUDGET && tenants[i].head == NULL);
  }
  CHECK(mema_checkPool(&server) && freePool(&server));
}

/* Refuses request n, or all from there on, of a state's whole life. Returns true if the state met that request. */
static bool survives(Pool *pool, size_t n, bool once) {
  mema_Lua lua = {.state = NULL};
  size_t before = figures(pool).refused;
  mema_failAfter(pool, n, once);
  lua_State *state = openState(&lua, pool);
  lua_Integer result = 0;
  int status = state != NULL ? evaluate(state, small, &result) : LUA_ERRMEM;
  mema_failAfter(pool, MEMA_UNLIMITED, true);
  bool failed = figures(pool).refused > before;
  CHECK(status == LUA_OK ? result == 1000 : status == LUA_ERRMEM && failed);
  if (state != NULL) {
    lua_settop(state, 0);
    CHECK(evaluate(state, small, &result) == LUA_OK && result == 1000);
    mema_luaClose(&lua);
  }
  CHECK(pool->head == NULL && pool->freeSize == BUDGET);
  return failed;
}

static void eachRequestMayBeRefused(void) {
  Pool pool = {0};
  CHECK(initPool(&pool, BUDGET));
  size_t fewer = getenv("WHOLE") != NULL ? MEMA_UNLIMITED : 50;
  for (size_t n = 0; survives(&pool, n, false); n += 1 + n / fewer) continue;
  for (size_t n = 0; survives(&pool, n, true); n += 1 + n / fewer) continue;
  CHECK(badCalls == 0 && freePool(&pool));
}

static void serves(const mema_Options *options) {
  Pool pool = {0};
  mema_Lua lua = {.state = NULL};
  CHECK(mema_initPoolWith(&pool, options) && openState(&lua, &pool) != NULL);
  CHECK(evaluate(lua.state, small, NULL) == LUA_OK && evaluate(lua.state, greedy, NULL) == LUA_ERRMEM);
  mema_luaClose(&lua);
  CHECK(pool.freeSize == BUDGET && freePool(&pool));
}

static void everyKindOfPoolServes(void) {
  serves(&(mema_Options){.poolSize = BUDGET, .untracked = true});
  serves(&(mema_Options){.poolSize = BUDGET, .boundMemory = true});
  serves(&(mema_Options){.poolSize = BUDGET, .engine = MEMA_ARENA});
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------ */

static void theEndOfThePoolClosesTheState(void) {
  Pool pool = {0};
  mema_Lua lua = {.state = NULL};
  lua_Integer closed = 0;
  for (int i = 0; i < 2; i++) {
    CHECK(initPool(&pool, BUDGET) && openState(&lua, &pool) != NULL);
    lua_pushlightuserdata(lua.state, &closed);
    lua_setglobal(lua.state, "closed");
    CHECK(i == 0 ? freePool(&pool) : mema_resetPool(&pool) && freePool(&pool));
    CHECK(lua.state == NULL && badCalls == 0);
    mema_luaClose(&lua); /* does nothing */
  }
  CHECK(mema_luaOpen(&lua, &pool) == NULL && errno == EINVAL && mema_lastError()->reason == MEMA_BAD_POOL);
  CHECK(initPool(&pool, 100) && mema_luaOpen(&lua, &pool) == NULL && errno == ENOMEM && pool.head == NULL &&
        freePool(&pool));
  mema_Options shared = {.poolSize = BUDGET, .shared = true};
  CHECK(mema_initPoolWith(&pool, &shared) && mema_luaOpen(&lua, &pool) == NULL && errno == EINVAL && freePool(&pool));
  CHECK(badCalls == 0);
}

static mema_Lua moving;

static void *useElsewhere(void *arg) {
  lua_Integer result = 0;
  if (arg != NULL) mema_moveHost(&moving.host);
  int status = evaluate(moving.state, small, &result);
  CHECK(arg != NULL ? status == LUA_OK && result == 1000 : status == LUA_ERRMEM);
  lua_settop(moving.state, 0);
  return NULL;
}

static void anotherThreadIsRefused(void) {
  Pool pool = {0};
  pthread_t thread;
  CHECK(initPool(&pool, BUDGET) && openState(&moving, &pool) != NULL);
  badCalls = 0;
  CHECK(pthread_create(&thread, NULL, useElsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(badCalls > 0 && strstr(badSentence, "in a thread that the host") != NULL);
  CHECK(evaluate(moving.state, small, NULL) == LUA_OK); /* the state goes on here */
  lua_settop(moving.state, 0);
  unsigned refused = badCalls;
  badCalls = 0;
  CHECK(pthread_create(&thread, NULL, useElsewhere, &moving) == 0 && pthread_join(thread, NULL) == 0);
  mema_moveHost(&moving.host);
  mema_luaClose(&moving);
  CHECK(badCalls == 0 && figures(&pool).liveChunks <= refused); /* what a refused free left is the pool's */
  CHECK(mema_checkPool(&pool) && freePool(&pool));
}

static void twoPoolsMixedAreRefused(void) {
  Pool pool = {0}, other = {0};
  CHECK(initPool(&pool, BUDGET) && initPool(&other, BUDGET));
  badCalls = 0;
  char *chunk = mema_luaAlloc(&pool, NULL, LUA_TTABLE, 100);
  CHECK(chunk != NULL && mema_luaAlloc(&other, chunk, 100, 200) == NULL && badCalls == 1);
  CHECK(mema_luaAlloc(&other, chunk, 100, 0) == NULL && badCalls == 2 &&
        strstr(badSentence, "not the start of a live") != NULL);
  CHECK(mema_chunkSize(&pool, chunk) == 100 && other.freeSize == BUDGET);
  CHECK(mema_luaAlloc(&pool, chunk, 100, 0) == NULL && badCalls == 2 && pool.freeSize == BUDGET);
  CHECK(freePool(&other) && mema_luaAlloc(&other, NULL, LUA_TTABLE, 100) == NULL && badCalls == 3);
  CHECK(strstr(badSentence, "not a live pool") != NULL && freePool(&pool));
}

/* Shrinking succeeds in a full pool, also while each request fails. */
static void shrinkingNeverFails(void) {
  static Pool pool;
  static char *chunks[2000];
  CHECK(initPool(&pool, 1 << 20));
  size_t count = 0;
  while (count < 2000 && (chunks[count] = mema_luaAlloc(&pool, NULL, 0, 40 + count * 7 % 3000)) != NULL) count++;
  mema_failAfter(&pool, 0, false);
  for (size_t i = 0; i < count; i++)
    for (size_t size = mema_chunkSize(&pool, chunks[i]); size > 1; size = size * 2 / 3)
      CHECK((chunks[i] = mema_luaAlloc(&pool, chunks[i], size, size * 2 / 3)) != NULL);
  CHECK(count > 500 && pool.freeSize == (1 << 20) - count && freePool(&pool));
}

int main(void) {
  tenantsDoNotNoticeEachOther();
  eachRequestMayBeRefused();
  everyKindOfPoolServes();
  theEndOfThePoolClosesTheState();
  anotherThreadIsRefused();
  twoPoolsMixedAreRefused();
  shrinkingNeverFails();
  return report();
}
