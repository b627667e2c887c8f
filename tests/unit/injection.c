/* mema_failAfter: each kind of request fails on purpose, and nothing happens. */
#include "family.h"

enum { kinds = 9 };
static void *chunk;

/* One request of each kind; false: refused. */
static bool request(Pool *pool, size_t kind) {
  Pool child;
  mema_Options options = {.poolSize = 100, .guaranteed = 10};
  void *ptr = NULL;
  switch (kind) {
    case 0:
      ptr = palloc(pool, 30);
      break;
    case 1:
      ptr = mema_pcalloc(pool, 3, 10);
      break;
    case 2:
      ptr = mema_pmemalign(pool, 256, 30);
      break;
    case 3:
      ptr = palloc(pool, 90000);
      break;
    case 4:
      ptr = mema_pcalloc(pool, 1, 90000);
      break;
    case 5:
      ptr = mema_psprintf(pool, "%d", 5);
      break;
    case 6:
      return mema_chargePool(pool, 5) && mema_creditPool(pool, 5);
    case 7:
      memset(&child, 0, sizeof child);
      return mema_initSubPool(&child, pool, &options) && freePool(&child);
    default:
      ptr = mema_repalloc(pool, chunk, 5000);
      if (ptr != NULL) chunk = mema_repalloc(pool, ptr, 40); /* smaller: no request */
      return ptr != NULL;
  }
  return ptr != NULL && pfree(pool, ptr);
}

static void eachKindOfRequestFailsOnce(void **unused) {
  Kind *const poolKinds[] = {&kindTracked, &kindUntracked, &kindCommitted, &kindOutside};
  (void)unused;
  for (size_t k = 0; k < 4; k++) {
    for (int below = 0; below < 2; below++) {
      Pool root, child, *pool = below ? &child : &root;
      assert_true(makePool(&root, poolKinds[k], MIB) && makeChildOf(&child, &root, poolKinds[k], MIB / 2, 1000));
      chunk = palloc(pool, 40);
      for (size_t kind = 0; kind < kinds; kind++) {
        for (size_t n = 0; n < 4; n++) {
          assertWorks(mema_failAfter(pool, n, true));
          for (size_t i = 0; i < n; i++) assertWorks(request(pool, (kind + i) % kinds));
          assertRefused(pool, request(pool, kind), MEMA_INJECTED);
          assertWell(levelIsWrong(&root));
          for (size_t i = 0; i < 2 * kinds; i++) assertWorks(request(pool, i % kinds));
        }
      }
      assert_true(freePool(&root));
    }
  }
}

static void requestsFailFromThenOn(void **unused) {
  Pool root, child, another;
  (void)unused;
  assert_true(initPool(&root, MIB) && makeChild(&child, &root, MIB / 2, 1000));
  chunk = palloc(&root, 40);
  void *childs = palloc(&child, 10);
  assertWorks(mema_failAfter(&root, 2, false));
  assertWorks(request(&root, 0) && request(&root, 6));
  for (size_t i = 0; i < 3 * kinds; i++) assertRefused(&root, request(&root, i % kinds), MEMA_INJECTED);
  assert_non_null(palloc(&child, 100)); /* a request to another pool, though it charges this one */
  assert_non_null(palloc(&child, 5000));
  assert_non_null(childs = mema_repalloc(&child, childs, 9000));
  assertWorks(pfree(&child, childs));
  assert_non_null(chunk = mema_repalloc(&root, chunk, 40)); /* not larger */
  assert_non_null(chunk = mema_repalloc(&root, chunk, 3));
  assertWorks(makeChild(&another, &root, 100, 0)); /* nothing guaranteed */
  assertWorks(mema_failAfter(&root, MEMA_UNLIMITED, false));
  for (size_t i = 0; i < 3 * kinds; i++) assertWorks(request(&root, i % kinds));
  assertWorks(mema_failAfter(&root, 1, true) && mema_failAfter(&root, 0, true)); /* the later word counts */
  assertRefused(&root, request(&root, 0), MEMA_INJECTED);
  assertWorks(request(&root, 0));
  assert_true(mema_checkPool(&child));
  assert_true(freePool(&child) && freePool(&root));
}

/* Requests that are refused for another reason count as well. */
static void refusedRequestsCount(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 1000));
  assertWorks(mema_failAfter(&pool, 2, true));
  assertRefused(&pool, palloc(&pool, hideSize(5000)), MEMA_OVER_BUDGET);
  assertRefused(&pool, palloc(&pool, hideSize(5000)), MEMA_OVER_BUDGET);
  assertRefused(&pool, palloc(&pool, hideSize(5000)), MEMA_INJECTED);
  assertRefused(&pool, palloc(&pool, hideSize(5000)), MEMA_OVER_BUDGET);
  assert_true(freePool(&pool));
}

/* Those that no pool could grant do not: they are no requests of which one could say that it is the one to fail. */
static void impossibleRequestsDoNotCount(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 1000));
  assertWorks(mema_failAfter(&pool, 0, true));
  assertRefused(&pool, palloc(&pool, hideSize(MEMA_UNLIMITED + 1)), MEMA_TOO_LARGE);
  assertRefused(&pool, mema_pcalloc(&pool, hideSize(SIZE_MAX / 2), 3), MEMA_OVERFLOW);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize(24), 8), MEMA_BAD_ALIGNMENT);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize((size_t)1 << 31), 8), MEMA_NO_MEMORY);
  assertRefused(&pool, mema_pstrdup(&pool, NULL), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, palloc(&pool, 8), MEMA_INJECTED);
  assertWorks(palloc(&pool, 8) != NULL);
  assert_true(freePool(&pool));
}

static bool neverAsked(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  fail();
  return false;
}

static void countTwice(Pool *pool, void *arg) {
  (void)pool;
  ++*(unsigned *)arg;
}

/* A request that fails on purpose asks no callback to make room. Low water is announced as before. */
static void injectedFailuresAskNoCallback(void **state) {
  Pool pool;
  unsigned lows = 0;
  assert_true(makeRoot(&pool, state, 1000));
  assertWorks(mema_onExhausted(&pool, neverAsked, NULL) && mema_onLowWater(&pool, 500, countTwice, &lows));
  assertWorks(mema_failAfter(&pool, 0, true));
  assertRefused(&pool, palloc(&pool, hideSize(5000)), MEMA_INJECTED);
  void *ptr = palloc(&pool, 600);
  assert_int_equal(lows, 1);
  assertWorks(pfree(&pool, ptr));
  assertWorks(mema_failAfter(&pool, 3, true) && mema_failAfter(&pool, MEMA_UNLIMITED, true));
  assert_non_null(palloc(&pool, 600));
  assert_int_equal(lows, 2);
  assert_true(freePool(&pool));
  assertFails(mema_failAfter(&pool, 1, true), MEMA_BAD_POOL);
  assertFails(mema_failAfter(NULL, 1, true), MEMA_BAD_POOL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eachKindOfRequestFailsOnce),
      cmocka_unit_test(requestsFailFromThenOn),
      aloneKinds(refusedRequestsCount),
      aloneKinds(impossibleRequestsDoNotCount),
      aloneKinds(injectedFailuresAskNoCallback),
  };
  return runTests(tests);
}
