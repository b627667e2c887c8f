/* The kind of pool that a Pool is found to be, and the room that a call enters (src/pool/identity.h). */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include "../../src/heap/fixed/fixed.h"
#include "../../src/threads/share.h"

enum { kinds = 7 };

static _Alignas(16) char buffer[64 * KIB];

static const struct {
  mema_Options options;
  mema_Kind kind;
} made[kinds] = {
    {{.poolSize = MIB}, mema_plainPool},
    {{.poolSize = MIB, .untracked = true}, mema_plainPool},
    {{.poolSize = MIB, .engine = MEMA_ARENA}, mema_plainPool},
    {{.poolSize = MIB, .shared = true}, mema_sharedPool},
    {{.poolSize = MIB, .shared = true, .untracked = true}, mema_sharedPool},
    {{.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer}, mema_plainPool},
    {{.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer, .untracked = true}, mema_plainPool},
};

static bool isSharedUntracked(unsigned i) {
  return made[i].options.shared && made[i].options.untracked;
}

static void eachPoolIsOfItsKind(void **state) {
  (void)state;
  for (unsigned i = 0; i < kinds; i++) {
    Pool pool = {0};
    assert_int_equal(mema_kindOf(&pool), mema_noPool);
    assert_true(mema_initPoolWith(&pool, &made[i].options));
    assert_int_equal(mema_kindOf(&pool), made[i].kind);
    assert_int_equal(mema_isUnshared(&pool), made[i].kind != mema_sharedPool);
    assert_true(mema_heapOf(&pool) == mema_heapField(&pool));
    assert_int_equal(mema_heapOf(&pool)->ops == &mema_fixedOps, made[i].options.engine == MEMA_FIXED);
    assert_true(freePool(&pool));
  }
  assert_int_equal(mema_kindOf(NULL), mema_noPool);
}

static void aCopyOrAnEarlierLifeIsNoPool(void **state) {
  (void)state;
  for (unsigned i = 0; i < kinds; i++) {
    Pool pool = {0};
    assert_true(mema_initPoolWith(&pool, &made[i].options));
    Pool copy = pool;
    assert_int_equal(mema_kindOf(&copy), mema_noPool);
    assert_true(freePool(&pool));
    assert_int_equal(mema_kindOf(&pool), mema_noPool);
    pool = copy;
    assert_int_equal(mema_kindOf(&pool), mema_noPool);
  }
}

static void aHeaderWithoutTheGenerationIsNoPool(void **state) {
  (void)state;
  for (unsigned i = 0; i < kinds; i++) {
    Pool pool = {0};
    assert_true(mema_initPoolWith(&pool, &made[i].options));
    uintptr_t *header = (uintptr_t *)(void *)mema_heapField(&pool), generation = *header;
    for (uintptr_t away = 1; away <= 64; away *= 64) {
      *header = pool.generation - away;
      assert_int_equal(mema_kindOf(&pool), mema_noPool);
      *header = pool.generation + mema_modeFixed + away;
      assert_int_equal(mema_kindOf(&pool), mema_noPool);
      assertFails(palloc(&pool, 16) != NULL, MEMA_BAD_POOL);
      assertFails(pfree(&pool, buffer), MEMA_BAD_POOL);
    }
    *header = generation;
    assert_true(freePool(&pool));
  }
}

static void assertNone(Pool *pool, void *chunk) {
  assertFails(mema_sharedPalloc(pool, 16) != NULL, MEMA_BAD_POOL);
  assertFails(mema_sharedPalloc(pool, MIB / 2) != NULL, MEMA_BAD_POOL);
  assertFails(mema_sharedRepalloc(pool, chunk, 1000) != NULL, MEMA_BAD_POOL);
  assertFails(mema_sharedPfree(pool, chunk), MEMA_BAD_POOL);
}

/* The library for LD_PRELOAD relies on it that these do nothing to another pool. */
static void theSharedCallsRefuseAllOtherPools(void **state) {
  (void)state;
  for (unsigned i = 0; i < kinds; i++) {
    Pool pool = {0};
    assertNone(&pool, &pool);
    assert_true(mema_initPoolWith(&pool, &made[i].options));
    void *chunk = palloc(&pool, 100);
    assert_non_null(chunk);
    if (!isSharedUntracked(i)) assertNone(&pool, chunk);
    assert_true(pfree(&pool, chunk));
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
  }
}

/* All calls with a chunk. */
static void useAll(Pool *pool) {
  volatile size_t three = 3; /* which clang would warn of */
  void *chunk = palloc(pool, 100);
  assert_true(mema_ownsChunk(pool, chunk));
  assert_non_null(chunk = mema_repalloc(pool, chunk, 3000));
  assert_true(pfree(pool, chunk));
  assert_true(pfree(pool, mema_pcalloc(pool, 10, 10)));
  assert_true(pfree(pool, mema_pcalloc(pool, 10, 4000)));
  assert_true(pfree(pool, mema_pmemalign(pool, 256, 100)));
  assert_false(pfree(pool, buffer + 1));
  assert_null(palloc(pool, 16 * MIB));
  assert_null(mema_pmemalign(pool, three, 100));
  assert_true(mema_chargePool(pool, 10) && mema_creditPool(pool, 10));
}

/* The calling thread's cache, of any pool, has an address here that must not be touched. */
static void anUnsharedPoolEntersNoCache(void **state) {
  (void)state;
  mema_ThreadCache *before = mema_cacheHere;
  for (unsigned i = 0; i < kinds; i++) {
    if (made[i].kind == mema_sharedPool) continue;
    Pool pool = {0};
    assert_true(mema_initPoolWith(&pool, &made[i].options));
    mema_cacheHere = (mema_ThreadCache *)(uintptr_t)64;
    useAll(&pool);
    mema_cacheHere = before;
    assert_true(freePool(&pool));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eachPoolIsOfItsKind),
      cmocka_unit_test(aCopyOrAnEarlierLifeIsNoPool),
      cmocka_unit_test(aHeaderWithoutTheGenerationIsNoPool),
      cmocka_unit_test(theSharedCallsRefuseAllOtherPools),
      cmocka_unit_test(anUnsharedPoolEntersNoCache),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
