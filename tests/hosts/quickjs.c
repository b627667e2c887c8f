/* mema_quickjs.h: two tenants of one server, one of which uses up its budget; a pool that ends with its runtime; mistakes. */
#include "hosts.h"

#include <errno.h>
#include <mema_quickjs.h>
#include <pthread.h>

enum { BUDGET = 4 << 20 };

static const char *small = "let t = []; for (let i = 0; i < 1000; i++) t.push('x'.repeat(i % 50) + i); t.length";
static const char *greedy = "let g = []; for (;;) g.push('x'.repeat(100) + g.length)";
static const char *cycles = "for (let i = 0; i < 100000; i++) { let a = {}; let b = {a}; a.b = b; } 7";

typedef struct Tenant {
  Pool pool;
  mema_Host host;
  JSRuntime *runtime;
  JSContext *context;
} Tenant;

static bool openTenant(Tenant *tenant) {
  tenant->runtime = mema_quickjsOpen(&tenant->host, &tenant->pool);
  tenant->context = tenant->runtime != NULL ? JS_NewContext(tenant->runtime) : NULL;
  return tenant->context != NULL;
}

static void closeTenant(Tenant *tenant) {
  if (tenant->context != NULL) JS_FreeContext(tenant->context);
  if (tenant->runtime != NULL) JS_FreeRuntime(tenant->runtime);
}

/* Runs code in a scope of its own. Returns its number, or -1 and whether the exception tells of memory. */
static int evaluate(const Tenant *tenant, const char *code, bool *memory) {
  char text[300];
  snprintf(text, sizeof text, "{%s}", code);
  JSValue value = JS_Eval(tenant->context, text, strlen(text), "test.js", JS_EVAL_TYPE_GLOBAL);
  int result = -1;
  *memory = false;
  if (!JS_IsException(value)) {
    JS_ToInt32(tenant->context, &result, value);
  } else {
    JSValue exception = JS_GetException(tenant->context);
    const char *said = JS_ToCString(tenant->context, exception);
    *memory = said == NULL || strstr(said, "out of memory") != NULL || JS_IsNull(exception); /* null: no room for an Error */
    JS_FreeCString(tenant->context, said);
    JS_FreeValue(tenant->context, exception);
  }
  JS_FreeValue(tenant->context, value);
  return result;
}

static void tenantsDoNotNoticeEachOther(void) {
  static Pool server;
  static Tenant tenants[2];
  mema_Options options = {.poolSize = BUDGET, .guaranteed = BUDGET};
  bool memory;
  CHECK(initPool(&server, 2 * BUDGET));
  for (int i = 0; i < 2; i++) CHECK(mema_initSubPool(&tenants[i].pool, &server, &options) && openTenant(&tenants[i]));
  CHECK(evaluate(&tenants[1], small, &memory) == 1000);
  size_t others = tenants[1].pool.freeSize;
  for (int i = 0; i < 3; i++) {
    CHECK(evaluate(&tenants[0], greedy, &memory) == -1 && memory);
    CHECK(figures(&tenants[0].pool).peakBytes > BUDGET / 2);
    CHECK(evaluate(&tenants[0], small, &memory) == 1000); /* it has recovered */
  }
  CHECK(tenants[1].pool.freeSize == others && figures(&tenants[1].pool).refused == 0);
  CHECK(evaluate(&tenants[1], small, &memory) == 1000);
  CHECK(evaluate(&tenants[1], cycles, &memory) == 7); /* the garbage collector runs */
  for (int i = 0; i < 2; i++) {
    closeTenant(&tenants[i]);
    CHECK(tenants[i].pool.freeSize == BUDGET && tenants[i].pool.head == NULL);
  }
  CHECK(badCalls == 0 && mema_checkPool(&server) && freePool(&server));
}

/* QuickJS of 2021 crashes, or gives wrong results, after some refused requests: its runtime is then best ended with its pool. */
static void theEndOfThePoolFreesARuntime(void) {
  for (int i = 0; i < 3; i++) {
    Tenant tenant = {.runtime = NULL};
    bool memory;
    CHECK(initPool(&tenant.pool, BUDGET) && openTenant(&tenant));
    CHECK(evaluate(&tenant, greedy, &memory) == -1 && memory && tenant.pool.head != NULL);
    CHECK(mema_checkPool(&tenant.pool) && freePool(&tenant.pool));
  }
}

static Tenant here;

static void *openElsewhere(void *arg) {
  (void)arg;
  CHECK(mema_hostMalloc(&here.host, 1) == NULL && badCalls == 1 && strstr(badSentence, "in a thread that the host") != NULL);
  return NULL;
}

static void mistakesAreRefused(void) {
  Pool ended = {0};
  mema_Host host;
  pthread_t thread;
  CHECK(mema_quickjsOpen(&host, &ended) == NULL && errno == EINVAL);
  CHECK(initPool(&ended, 100) && mema_quickjsOpen(&host, &ended) == NULL && errno == ENOMEM && ended.head == NULL);
  CHECK(freePool(&ended));
  CHECK(initPool(&here.pool, BUDGET) && openTenant(&here));
  badCalls = 0;
  CHECK(pthread_create(&thread, NULL, openElsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
  closeTenant(&here);
  CHECK(badCalls == 1 && here.pool.freeSize == BUDGET && freePool(&here.pool));
}

int main(void) {
  tenantsDoNotNoticeEachOther();
  theEndOfThePoolFreesARuntime();
  mistakesAreRefused();
  return report();
}
