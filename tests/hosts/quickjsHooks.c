/* The hooks of mema_quickjs.h, called as QuickJS calls them: the figures for its garbage collector are right after each call, and a mistake
 * changes none of them. No script runs here: quickjs.c runs scripts in the real library. */
#include "hosts.h"

#include <errno.h>
#include <mema_quickjs.h>
#include <pthread.h>

struct JSRuntime {
  JSMallocFunctions hooks;
  JSMallocState state;
};

/* As QuickJS does, its first chunk is the runtime itself. */
JSRuntime *JS_NewRuntime2(const JSMallocFunctions *functions, void *opaque) {
  JSMallocState state = {.malloc_limit = (size_t)-1, .opaque = opaque};
  JSRuntime *runtime = functions->js_malloc(&state, sizeof *runtime);
  if (runtime != NULL) *runtime = (JSRuntime){*functions, state};
  return runtime;
}

static JSRuntime *runtime;

static bool counts(size_t chunks, size_t bytes) {
  return runtime->state.malloc_count == 1 + chunks && runtime->state.malloc_size == sizeof *runtime + bytes;
}

static void figuresFollowEachCall(void) {
  const JSMallocFunctions *hooks = &runtime->hooks;
  JSMallocState *state = &runtime->state;
  CHECK(counts(0, 0));
  char *a = hooks->js_malloc(state, 100), *b = hooks->js_realloc(state, NULL, 50);
  CHECK(a != NULL && b != NULL && counts(2, 150));
  a = hooks->js_realloc(state, a, 1000);
  CHECK(a != NULL && counts(2, 1050));
  CHECK(hooks->js_realloc(state, a, 1 << 20) == NULL && hooks->js_malloc(state, 1 << 20) == NULL && counts(2, 1050));
  a = hooks->js_realloc(state, a, 10);
  CHECK(a != NULL && counts(2, 60));
  CHECK(hooks->js_realloc(state, b, 0) == NULL && counts(1, 10));
  CHECK(hooks->js_realloc(state, NULL, 0) == NULL && counts(1, 10));
  hooks->js_free(state, NULL);
  hooks->js_free(state, a);
  CHECK(counts(0, 0) && badCalls == 0);
}

static char *chunk;

static void refusesAll(void *ptr, unsigned calls) {
  badCalls = 0;
  runtime->hooks.js_free(&runtime->state, ptr);
  CHECK(runtime->hooks.js_realloc(&runtime->state, ptr, 200) == NULL);
  CHECK(badCalls == calls && counts(1, 100));
}

static void *callElsewhere(void *arg) {
  (void)arg;
  refusesAll(chunk, 2);
  CHECK(strstr(badSentence, "in a thread that the host") != NULL);
  CHECK(runtime->hooks.js_malloc(&runtime->state, 10) == NULL && badCalls == 3 && counts(1, 100));
  return NULL;
}

static void mistakesChangeNoFigure(Pool *pool) {
  Pool other = {0};
  pthread_t thread;
  char local[64];
  chunk = runtime->hooks.js_malloc(&runtime->state, 100);
  CHECK(pthread_create(&thread, NULL, callElsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(initPool(&other, 1000));
  char *foreign = palloc(&other, 10);
  refusesAll(foreign, 2);
  refusesAll(local + 16, 2);
  refusesAll(chunk + 16, 2);
  CHECK(mema_ownsChunk(&other, foreign) && freePool(&other));
  runtime->hooks.js_free(&runtime->state, chunk);
  CHECK(counts(0, 0) && mema_checkPool(pool));
}

static void anEndedPoolIsReported(Pool *pool) {
  JSRuntime kept = *runtime;
  CHECK(freePool(pool));
  badCalls = 0;
  CHECK(kept.hooks.js_malloc(&kept.state, 10) == NULL && badCalls == 1 && strstr(badSentence, "not a live pool") != NULL);
  kept.hooks.js_free(&kept.state, runtime);
  CHECK(kept.hooks.js_realloc(&kept.state, runtime, 10) == NULL && badCalls == 3 && kept.state.malloc_count == 1);
}

int main(void) {
  Pool pool = {0};
  mema_Host host;
  CHECK(mema_quickjsOpen(&host, &pool) == NULL && errno == EINVAL);
  CHECK(initPool(&pool, 10) && mema_quickjsOpen(&host, &pool) == NULL && errno == ENOMEM && freePool(&pool));
  CHECK(initPool(&pool, 10000));
  runtime = mema_quickjsOpen(&host, &pool);
  if (runtime == NULL) return 1;
  figuresFollowEachCall();
  mistakesChangeNoFigure(&pool);
  anEndedPoolIsReported(&pool);
  return report();
}
