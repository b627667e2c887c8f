/* mema_moveChunk. */
#include "family.h"

/* A root with two sub-pools, and one below the first. */
typedef struct Four {
  Pool pools[4];
} Four;

static void makeFour(Four *four, size_t poolSize, size_t guaranteed) {
  assert_true(initPool(&four->pools[0], poolSize));
  assert_true(makeChild(&four->pools[1], &four->pools[0], poolSize, guaranteed));
  assert_true(makeChild(&four->pools[2], &four->pools[0], poolSize, guaranteed / 2));
  assert_true(makeChild(&four->pools[3], &four->pools[1], poolSize, guaranteed / 4));
}

/* Chunks of all sorts move from each pool to each. The address and the bytes stay, and the chunk becomes the youngest of the other's chain. */
static void chunksMoveFromEachPoolToEach(void **unused) {
  static const size_t sizes[] = {1, 48, 700, 5000, 33000, 70000, 400000};
  (void)unused;
  for (size_t guaranteed = 0; guaranteed < 700000; guaranteed += 230000) {
    Four four;
    Pool *pools = four.pools;
    makeFour(&four, 8 * MIB, guaranteed);
    for (size_t p = 0; p < 4; p++) assert_non_null(palloc(&pools[p], 10));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      for (size_t from = 0; from < 4; from++) {
        for (size_t to = 0; to < 4; to++) {
          unsigned char *ptr = palloc(&pools[from], sizes[s]);
          size_t before = pools[from].freeSize;
          assert_non_null(ptr);
          fillBytes(ptr, sizes[s], (unsigned)s);
          assertWorks(mema_moveChunk(&pools[to], &pools[from], ptr));
          assertLevels(pools, 4);
          assert_true(samePlace(pools[to].tail->ptr, ptr));
          assert_int_equal(mema_chunkSize(&pools[to], ptr), sizes[s]);
          assert_true(bytesFilled(ptr, sizes[s], (unsigned)s));
          if (to != from) assertRefused(&pools[from], pfree(&pools[from], ptr), MEMA_BAD_POINTER);
          if (to != from && !(from == 0 || (from == 1 && to == 3)))
            assert_int_equal(pools[from].freeSize, before + sizes[s]);
          assertWorks(pfree(&pools[to], ptr));
          assertLevels(pools, 4);
        }
      }
    }
    assert_int_equal(pools[0].freeSize, 8 * MIB - 10 - holdsOf(&pools[1], guaranteed) - holdsOf(&pools[2], guaranteed / 2));
    assert_true(freePool(&pools[0]));
  }
}

/* Nothing is charged above both pools but the difference, so that a full family is no obstacle. */
static void chunksMoveWithinAFullFamily(void **unused) {
  Four four;
  Pool *pools = four.pools;
  (void)unused;
  makeFour(&four, 10000, 0);
  void *ptr = palloc(&pools[1], 4000), *deep = palloc(&pools[3], 6000);
  assert_int_equal(pools[0].freeSize, 0);
  assertWorks(mema_moveChunk(&pools[2], &pools[1], ptr));
  assertWorks(mema_moveChunk(&pools[2], &pools[3], deep));
  assertLevels(pools, 4);
  assert_int_equal(pools[2].freeSize, 0);
  assert_int_equal(pools[1].freeSize, 10000);
  assertWorks(mema_moveChunk(&pools[0], &pools[2], ptr));
  assertWorks(mema_moveChunk(&pools[3], &pools[0], ptr));
  assertLevels(pools, 4);
  assert_int_equal(pools[0].freeSize, 0);
  assert_true(freePool(&pools[0]));
}

static void aMoveOverBudgetIsRefused(void **unused) {
  Pool pools[3];
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 5000, 0));
  assertWorks(makeChild(&pools[2], &pools[0], 3000, 3000));
  void *ptr = palloc(&pools[1], 3001), *small = palloc(&pools[1], 500), *fill = palloc(&pools[2], 2600);
  assertRefused(&pools[1], mema_moveChunk(&pools[2], &pools[1], ptr), MEMA_OVER_BUDGET);
  assertRefused(&pools[2], mema_moveChunk(&pools[2], &pools[1], small), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->available, 400);
  assert_int_equal(mema_lastError()->wanted, 500);
  assertLevels(pools, 3);
  assert_true(samePlace(pools[1].head->ptr, ptr) && samePlace(pools[1].tail->ptr, small));
  /* Out of a guaranteed part: the parent has to take it over, and has no room. */
  void *rest = palloc(&pools[0], pools[0].freeSize);
  assert_non_null(rest);
  assertRefused(&pools[2], mema_moveChunk(&pools[0], &pools[2], fill), MEMA_OVER_BUDGET);
  assertRefused(&pools[0], mema_moveChunk(&pools[1], &pools[2], fill), MEMA_OVER_BUDGET);
  assertLevels(pools, 3);
  assertWorks(pfree(&pools[2], fill));
  assertWorks(mema_moveChunk(&pools[2], &pools[1], small)); /* and into one: then the parent has more */
  assert_int_equal(pools[0].freeSize, 500);
  assertLevels(pools, 3);
  assert_true(freePool(&pools[0]));
}

static void aMoveOutOfTheFamilyIsRefused(void **unused) {
  Pool pools[3], stranger, dead = {0};
  (void)unused;
  for (size_t k = 0; k < 5; k++) {
    Kind *const kinds[] = {&kindUntracked, &kindCommitted, &kindOutside, &kindShared, &kindSharedTracked};
    assert_true(initPool(&pools[0], MIB) && initPool(&stranger, MIB));
    assertWorks(makeChild(&pools[1], &pools[0], 50000, 0));
    assertWorks(makeChildOf(&pools[2], &pools[0], kinds[k], 50000, 0));
    void *ptr = palloc(&pools[1], 100), *other = palloc(&pools[2], 100), *root = palloc(&pools[0], 100);
    assertRefused(&pools[1], mema_moveChunk(&pools[2], &pools[1], ptr), MEMA_NOT_KIN);
    assertRefused(&pools[2], mema_moveChunk(&pools[1], &pools[2], other), MEMA_NOT_KIN);
    assertRefused(&pools[2], mema_moveChunk(&pools[0], &pools[2], other), MEMA_NOT_KIN);
    assertRefused(&pools[1], mema_moveChunk(&stranger, &pools[1], ptr), MEMA_NOT_KIN);
    assertRefused(&stranger, mema_moveChunk(&pools[1], &stranger, ptr), MEMA_NOT_KIN);
    assertRefused(&pools[1], mema_moveChunk(&dead, &pools[1], ptr), MEMA_BAD_POOL);
    assertFails(mema_moveChunk(&pools[1], &dead, ptr), MEMA_BAD_POOL);
    assertFails(mema_moveChunk(NULL, &pools[1], ptr), MEMA_BAD_POOL);
    assertFails(mema_moveChunk(&pools[1], NULL, ptr), MEMA_BAD_POOL);
    assertRefused(&pools[1], mema_moveChunk(&pools[0], &pools[1], NULL), MEMA_BAD_POINTER);
    assertRefused(&pools[1], mema_moveChunk(&pools[0], &pools[1], (char *)ptr + 16), MEMA_BAD_POINTER);
    assertRefused(&pools[1], mema_moveChunk(&pools[0], &pools[1], root), MEMA_BAD_POINTER);
    assertRefused(&pools[0], mema_moveChunk(&pools[1], &pools[0], ptr), MEMA_BAD_POINTER);
    assertWorks(pfree(&pools[1], ptr));
    assertRefused(&pools[1], mema_moveChunk(&pools[0], &pools[1], ptr), MEMA_BAD_POINTER);
    assertLevels(pools, 3);
    assert_true(freePool(&pools[0]) && freePool(&stranger));
  }
}

/* To itself: it becomes the youngest. */
static void aMoveToItsOwnPoolMakesAChunkTheYoungest(void **unused) {
  Pool pools[2];
  mema_Stats stats;
  (void)unused;
  assert_true(initPool(&pools[0], 1000));
  assertWorks(makeChild(&pools[1], &pools[0], 1000, 0));
  for (size_t p = 0; p < 2; p++) {
    void *a = palloc(&pools[p], 400), *b = palloc(&pools[p], 100);
    assertWorks(mema_moveChunk(&pools[p], &pools[p], a));
    assert_true(samePlace(pools[p].head->ptr, b) && samePlace(pools[p].tail->ptr, a));
    assert_true(mema_poolStats(&pools[p], &stats));
    assert_int_equal(stats.allocations, 2);
    assertLevels(pools, 2);
  }
  assert_true(freePool(&pools[0]));
}

/* A mark made after that is younger than the chunk. */
static void aChunkMovedBeforeAMarkIsOlder(void **unused) {
  Pool pool;
  (void)unused;
  assert_true(initPool(&pool, 1000));
  void *ptr = palloc(&pool, 100), *other = palloc(&pool, 50);
  mema_Mark before = mema_markPool(&pool);
  assertWorks(mema_moveChunk(&pool, &pool, ptr));
  mema_Mark after = mema_markPool(&pool);
  assertWorks(mema_rewindPool(&pool, after));
  assertPool(&pool, 150, 2);
  assertWorks(mema_rewindPool(&pool, before));
  assertPool(&pool, 50, 1);
  assert_true(mema_ownsChunk(&pool, other));
  assert_true(freePool(&pool));
}

/* A chunk outlives the pool it was made in. */
static void aMovedChunkOutlivesItsFormerPool(void **unused) {
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], 100000));
  assertWorks(makeChild(&pools[1], &pools[0], 50000, 50000));
  unsigned char *result = palloc(&pools[1], 20000);
  fillBytes(result, 20000, 3);
  for (int i = 0; i < 20; i++) assert_non_null(palloc(&pools[1], 1000));
  assertWorks(mema_moveChunk(&pools[0], &pools[1], result));
  assertWorks(freePool(&pools[1]));
  assert_true(bytesFilled(result, 20000, 3));
  assertPool(&pools[0], 20000, 1);
  assert_true(freePool(&pools[0]));
}

/* Two pools below a shared root move chunks between them, however little budget the root has left. */
static void chunksMoveUnderAFullSharedRoot(void **unused) {
  Pool pools[4];
  (void)unused;
  assert_true(makePool(&pools[0], &kindShared, 64 * KIB));
  assertWorks(makeChild(&pools[1], &pools[0], 60000, 0));
  assertWorks(makeChild(&pools[2], &pools[1], 50000, 0));
  assertWorks(makeChild(&pools[3], &pools[1], 50000, 0));
  void *ptr = palloc(&pools[2], 30000);
  assertWorks(mema_chargePool(&pools[0], mema_freeSize(&pools[0])));
  assertWorks(mema_moveChunk(&pools[3], &pools[2], ptr));
  assertWorks(mema_moveChunk(&pools[1], &pools[3], ptr));
  assertWorks(mema_moveChunk(&pools[2], &pools[1], ptr));
  assertLevels(pools, 4);
  assert_int_equal(mema_freeSize(&pools[0]), 0);
  assert_true(freePool(&pools[0]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chunksMoveFromEachPoolToEach),
      cmocka_unit_test(chunksMoveWithinAFullFamily),
      cmocka_unit_test(aMoveOverBudgetIsRefused),
      cmocka_unit_test(aMoveOutOfTheFamilyIsRefused),
      cmocka_unit_test(aMoveToItsOwnPoolMakesAChunkTheYoungest),
      cmocka_unit_test(aMovedChunkOutlivesItsFormerPool),
      cmocka_unit_test(aChunkMovedBeforeAMarkIsOlder),
      cmocka_unit_test(chunksMoveUnderAFullSharedRoot),
  };
  return runTests(tests);
}
