/* lua.c - Lua 5.4 in a sub-pool, beside its default allocator: a state made, one script, the state closed. make bench-hosts runs it. */
#include <lauxlib.h>
#include <lualib.h>
#include <mema_lua.h>

#include "paired.h"

enum { BUDGET = 256 << 20 };

static const Work scripts[] = {
    {"binary trees, depth 14",
     "local function make(d) if d == 0 then return {} end return {make(d - 1), make(d - 1)} end "
     "local function count(t) if not t[1] then return 1 end return 1 + count(t[1]) + count(t[2]) end "
     "for i = 1, 20 do assert(count(make(14)) == 32767) end"},
    {"strings built",
     "local parts = {} for i = 1, 300000 do parts[i % 1000 + 1] = 'item ' .. i .. ':' .. ('x'):rep(i % 60) "
     "if i % 1000 == 0 then assert(#table.concat(parts) > 0) end end"},
    {"tables churned",
     "local t = {} for i = 1, 600000 do local k = i * 7919 % 5000 t[k] = {k, name = i, list = {i, i + 1}} "
     "if i % 3 == 0 then t[(k * 31) % 5000] = nil end end"},
};

static void evaluate(lua_State *state, const char *code) {
  luaL_openlibs(state);
  if (luaL_dostring(state, code) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(state, -1));
    exit(1);
  }
  lua_close(state);
}

static void byDefault(const void *script) {
  evaluate(luaL_newstate(), script);
}

static mema_Pool server;

static void inSubPool(const void *script, bool untracked) {
  mema_Pool tenant;
  mema_Options options = {.poolSize = BUDGET, .untracked = untracked};
  if (!mema_initSubPool(&tenant, &server, &options)) exit(1);
  evaluate(lua_newstate(mema_luaAlloc, &tenant), script);
  if (!mema_freePool(&tenant)) exit(1);
}

static void untracked(const void *script) {
  inSubPool(script, true);
}

static void tracked(const void *script) {
  inSubPool(script, false);
}

/* With the record: a call in another thread would be refused. */
static void opened(const void *script) {
  mema_Pool tenant;
  mema_Lua lua;
  mema_Options options = {.poolSize = BUDGET, .untracked = true};
  if (!mema_initSubPool(&tenant, &server, &options) || mema_luaOpen(&lua, &tenant) == NULL) exit(1);
  luaL_openlibs(lua.state);
  if (luaL_dostring(lua.state, script) != LUA_OK) exit(1);
  mema_luaClose(&lua);
  if (!mema_freePool(&tenant)) exit(1);
}

int main(int argc, char **argv) {
  const Contender contenders[] = {
      {"default", byDefault}, {"untracked", untracked}, {"mema_luaOpen", opened}, {"tracked", tracked}};
  const Comparison all = {contenders, sizeof contenders / sizeof *contenders, scripts, sizeof scripts / sizeof *scripts};
  if (!mema_initPool(&server, 2 * (size_t)BUDGET)) return 1;
  comparePaired(&all, argc, argv);
  return mema_freePool(&server) ? 0 : 1;
}
