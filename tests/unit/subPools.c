/* mema_initSubPool: budgets at every level, and the pool that a chunk belongs to. */
#include "family.h"
#include "hooked.h"

/* ---- budgets ------------------------------------------------------------------------------------------------------------- */

static void aSubPoolWithoutAGuaranteeIsChargedAsItGrows(void **unused) {
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 3000, 0));
  assert_int_equal(pools[0].freeSize, 10000);
  void *a = palloc(&pools[1], 1000);
  assert_non_null(a);
  assert_int_equal(pools[0].freeSize, 9000);
  assert_int_equal(pools[1].freeSize, 2000);
  assertLevels(pools, 2);
  assertRefused(&pools[1], palloc(&pools[1], hideSize(2001)), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->available, 2000);
  assertWorks(pfree(&pools[1], a));
  assert_int_equal(pools[0].freeSize, 10000);
  assertLevels(pools, 2);
  assertWorks(freePool(&pools[1]));
  assertPool(&pools[0], 0, 0);
  assert_true(freePool(&pools[0]));
}

static void theGuaranteedPartIsCarvedOut(void **unused) {
  Pool pools[2];
  mema_Stats stats;
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 3000, 1200));
  assert_int_equal(pools[0].freeSize, 8800);
  void *a = palloc(&pools[1], 1200), *b = NULL;
  assert_int_equal(pools[0].freeSize, 8800);
  assertLevels(pools, 2);
  b = palloc(&pools[1], 1);
  assert_int_equal(pools[0].freeSize, 8799);
  assert_true(mema_poolStats(&pools[0], &stats));
  assert_int_equal(stats.subPoolBytes, 1201);
  assert_int_equal(stats.subPools, 1);
  assertLevels(pools, 2);
  assert_true(pfree(&pools[1], a));
  assert_int_equal(pools[0].freeSize, 8800);
  assert_non_null(a = palloc(&pools[1], 2999)); /* across the border in one step */
  assert_int_equal(pools[0].freeSize, 7000);
  assertLevels(pools, 2);
  assert_true(pfree(&pools[1], b) && pfree(&pools[1], a));
  assert_int_equal(pools[0].freeSize, 8800);
  assertRefused(&pools[0], mema_initSubPool(&(Pool){0}, &pools[0], &(mema_Options){.poolSize = 9000, .guaranteed = 8801}),
                MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->available, 8800);
  assertLevels(pools, 2);
  assert_true(freePool(&pools[0]));
}

static void aWholeGuaranteeNeedsNoOtherPool(void **unused) {
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], 5000));
  assertWorks(makeChild(&pools[1], &pools[0], 2000, 2000));
  void *rest = palloc(&pools[0], 3000), *all = palloc(&pools[1], 2000);
  assert_true(rest != NULL && all != NULL);
  assert_int_equal(pools[0].freeSize, 0);
  assert_int_equal(pools[1].freeSize, 0);
  assertLevels(pools, 2);
  assertRefused(&pools[1], palloc(&pools[1], hideSize(1)), MEMA_OVER_BUDGET);
  assert_true(freePool(&pools[1]));
  assert_int_equal(pools[0].freeSize, 2000);
  assert_true(freePool(&pools[0]));
}

static void anyLevelMayLimitARequest(void **unused) {
  Pool pools[3];
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], MEMA_UNLIMITED, 500)); /* more than the parent has */
  assertWorks(makeChild(&pools[2], &pools[1], MEMA_UNLIMITED, 0));
  assert_int_equal(mema_largestChunk(&pools[2]), 10000);
  assert_non_null(palloc(&pools[0], 9000));
  assert_int_equal(mema_largestChunk(&pools[2]), 1000);
  assertRefused(&pools[2], palloc(&pools[2], hideSize(1001)), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->available, 1000);
  assert_non_null(palloc(&pools[2], hideSize(1000)));
  assert_int_equal(pools[0].freeSize, 0);
  assertLevels(pools, 3);
  assertRefused(&pools[2], mema_chargePool(&pools[2], 1), MEMA_OVER_BUDGET);
  assertRefused(&pools[1], mema_chargePool(&pools[1], 1), MEMA_OVER_BUDGET);
  assert_true(freePool(&pools[0]));
}

/* Six levels, each with a part guaranteed; every call is seen at each. */
static void everyCallIsSeenAtEachOfSixLevels(void **unused) {
  enum { levels = 7 };
  static const size_t guaranteed[levels] = {0, 60000, 20000, 0, 9000, 100, 100};
  Pool pools[levels];
  void *chunks[levels][40];
  (void)unused;
  assert_true(initPool(&pools[0], MIB));
  for (size_t i = 1; i < levels; i++) assertWorks(makeChild(&pools[i], &pools[i - 1], 200000, guaranteed[i]));
  for (size_t n = 0; n < 40; n++) {
    for (size_t i = 0; i < levels; i++) {
      chunks[i][n] = palloc(&pools[i], 100 + 37 * n);
      assert_non_null(chunks[i][n]);
      fillBytes(chunks[i][n], 100 + 37 * n, (unsigned)(n * 10 + i));
      assertLevels(pools, levels);
    }
  }
  for (size_t i = 1; i < levels; i++) {
    mema_Stats stats;
    assert_true(mema_poolStats(&pools[i - 1], &stats));
    assert_int_equal(stats.subPoolBytes, holdsOf(&pools[i], guaranteed[i]));
  }
  for (size_t n = 0; n < 40; n++) {
    for (size_t i = levels; i-- > 0;) {
      void *ptr = chunks[i][(n * 7) % 40];
      for (size_t other = 0; other < levels; other++)
        if (other != i) assertRefused(&pools[other], pfree(&pools[other], ptr), MEMA_BAD_POINTER);
      assert_true(bytesFilled(ptr, 100 + 37 * ((n * 7) % 40), (unsigned)((n * 7) % 40 * 10 + i)));
      assertWorks(pfree(&pools[i], ptr));
      assertRefused(&pools[i], pfree(&pools[i], ptr), MEMA_BAD_POINTER);
      assertLevels(pools, levels);
    }
  }
  assert_int_equal(pools[0].freeSize, MIB - 60000);
  assert_true(freePool(&pools[3]));
  for (size_t i = 3; i < levels; i++) assertFails(palloc(&pools[i], 1), MEMA_BAD_POOL);
  assertLevels(pools, 3);
  assert_true(freePool(&pools[0]));
}

static void badSubPoolsAreRefused(void **unused) {
  Pool parent, child = {0}, garbage;
  mema_Options options = {.poolSize = 1000, .guaranteed = 1001};
  (void)unused;
  memset(&garbage, 0x5a, sizeof garbage);
  assert_true(initPool(&parent, 5000));
  assertRefused(&parent, mema_initSubPool(&child, &parent, &options), MEMA_BAD_ARGUMENT);
  options.guaranteed = 0;
  assertFails(mema_initSubPool(&child, NULL, &options), MEMA_BAD_POOL);
  assertFails(mema_initSubPool(&child, &garbage, &options), MEMA_BAD_POOL);
  assertRefused(&parent, mema_initSubPool(NULL, &parent, &options), MEMA_BAD_ARGUMENT);
  assertRefused(&parent, mema_initSubPool(&child, &parent, NULL), MEMA_BAD_ARGUMENT);
  assertRefused(&parent, mema_initSubPool(&parent, &parent, &options), MEMA_LIVE_POOL);
  options.poolSize = 0;
  assertRefused(&parent, mema_initSubPool(&child, &parent, &options), MEMA_BAD_ARGUMENT);
  options.poolSize = MEMA_UNLIMITED + 1;
  assertRefused(&parent, mema_initSubPool(&child, &parent, &options), MEMA_TOO_LARGE);
  options = (mema_Options){.poolSize = 1000, .engine = MEMA_FIXED};
  assertRefused(&parent, mema_initSubPool(&child, &parent, &options), MEMA_BAD_ARGUMENT);
  options = (mema_Options){.poolSize = 1000, .shared = true, .guaranteed = 999};
  assertRefused(&parent, mema_initSubPool(&child, &parent, &options), MEMA_BAD_ARGUMENT);
  options = (mema_Options){.poolSize = 1000};
  assertWorks(mema_initSubPool(&child, &parent, &options));
  assertRefused(&child, mema_initSubPool(&child, &parent, &options), MEMA_LIVE_POOL);
  assertRefused(&child, initPool(&child, 100), MEMA_LIVE_POOL);
  assert_true(freePool(&parent));
  assertFails(mema_initSubPool(&child, &parent, &options), MEMA_BAD_POOL);
}

/* ---- constellations ------------------------------------------------------------------------------------------------------- */

enum { kindCount = 7 };
static Kind *const allKinds[kindCount] = {&kindTracked,          &kindUntracked, &kindCommitted,    &kindOutside,
                                          &kindUntrackedOutside, &kindShared,    &kindSharedTracked};

/* Everything that can be done with a pool, in a sub-pool, seen from above. */
static void useChild(Pool *pools, size_t count) {
  Pool *child = &pools[count - 1];
  static const size_t sizes[] = {0, 1, 17, 500, 3000, 20000, 40000, 70000, 130000, 9000, 5, 30};
  unsigned char *ptr = palloc(child, 100), *other = mema_pcalloc(child, 10, 333),
                *aligned = mema_pmemalign(child, 4096, 5000);
  assert_true(ptr != NULL && other != NULL && aligned != NULL && isAligned(aligned, 4096) && bytesZero(other, 3330));
  fillBytes(ptr, 100, 1);
  size_t before = 100;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t kept = before < sizes[i] ? before : sizes[i];
    ptr = mema_repalloc(child, ptr, sizes[i]);
    assert_true(ptr != NULL && bytesFilled(ptr, kept, 1));
    fillBytes(ptr, before = sizes[i] + (sizes[i] == 0), 1);
    assertLevels(pools, count);
  }
  unsigned char *large = mema_pcalloc(child, 1, 100000);
  assert_true(large != NULL && bytesZero(large, 100000));
  assertLevels(pools, count);
  for (size_t i = 0; i + 1 < count; i++) {
    assertRefused(&pools[i], pfree(&pools[i], ptr), MEMA_BAD_POINTER);
    assertRefused(&pools[i], mema_repalloc(&pools[i], large, 7), MEMA_BAD_POINTER);
    assert_false(mema_ownsChunk(&pools[i], aligned));
  }
  assertWorks(mema_chargePool(child, 5000));
  assertRefused(child, mema_creditPool(child, 5001), MEMA_BAD_ARGUMENT);
  assertLevels(pools, count);
  assertWorks(mema_creditPool(child, 4000));
  mema_trimPool(child);
  char picture[3000];
  assert_true(mema_drawPool(child, picture, sizeof picture, 60, true) > 0);
  assertRefused(child, palloc(child, hideSize(child->poolSize)), MEMA_OVER_BUDGET);
  assertRefused(child, palloc(child, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  assertWorks(pfree(child, large) && pfree(child, other));
  assertLevels(pools, count);
  assertWorks(mema_resetPool(child));
  assertLevels(pools, count);
  assert_int_equal(mema_freeSize(child), child->poolSize - 1000);
  assertFails(pfree(child, ptr), MEMA_BAD_POINTER);
  assert_non_null(palloc(child, 50));
}

static void everyKindServesUnderEveryKind(void **unused) {
  (void)unused;
  for (size_t i = 0; i < kindCount; i++) {
    for (size_t k = 0; k < kindCount; k++) {
      for (size_t guaranteed = 0; guaranteed <= 400000; guaranteed += 200000) {
        Pool pools[4];
        assert_true(makePool(&pools[0], allKinds[i], 2 * MIB));
        assertWorks(makeChildOf(&pools[1], &pools[0], &kindTracked, MIB, guaranteed));
        assertWorks(makeChildOf(&pools[2], &pools[1], allKinds[k], 400000, guaranteed));
        useChild(pools, 3);
        if (k != 5 && k != 6) { /* shared ones hold all of it */
          assertWorks(makeChildOf(&pools[3], &pools[2], &kindTracked, 350000, guaranteed / 4));
          useChild(pools, 4);
        }
        assertWorks(mema_resetPool(&pools[1]));
        assertFails(palloc(&pools[2], 1), MEMA_BAD_POOL);
        assertLevels(pools, 2);
        assertWorks(makeChildOf(&pools[2], &pools[1], allKinds[k], 400000, guaranteed));
        useChild(pools, 3);
        assertWorks(freePool(&pools[2]));
        assertLevels(pools, 2);
        assert_int_equal(mema_freeSize(&pools[1]), MIB);
        assertWorks(freePool(&pools[0]));
        assertFails(palloc(&pools[1], 1), MEMA_BAD_POOL);
      }
    }
  }
}

/* Where many units are in use, freed slots go by way of magazines. */
static void magazinesKeepToTheirSubPools(void **unused) {
  enum { most = 30000 };
  static void *chunks[3][most];
  const size_t count = underMemcheck() ? most / 10 : most; /* it is slow, and the pools that it sees have no magazines */
  Pool pools[3];
  (void)unused;
  assert_true(initPool(&pools[0], 256 * MIB));
  assertWorks(makeChild(&pools[1], &pools[0], 128 * MIB, MIB));
  assertWorks(makeChild(&pools[2], &pools[1], 128 * MIB, 0));
  for (size_t i = 0; i < count; i++)
    for (size_t p = 0; p < 3; p++) assert_non_null(chunks[p][i] = palloc(&pools[p], 100 + i % 700));
  assertLevels(pools, 3);
  for (size_t i = 0; i < count; i += 2) {
    for (size_t p = 0; p < 3; p++) {
      assert_false(pfree(&pools[(p + 1) % 3], chunks[p][i]));
      assert_true(pfree(&pools[p], chunks[p][i]));
      assert_false(pfree(&pools[p], chunks[p][i]));
    }
  }
  assertLevels(pools, 3);
  for (size_t i = 0; i < count; i += 2) /* out of the magazines, and of others' spans */
    for (size_t p = 0; p < 3; p++) assert_non_null(chunks[p][i] = mema_repalloc(&pools[p], chunks[p][i + 1], 100 + i % 800));
  assertLevels(pools, 3);
  assertWorks(mema_resetPool(&pools[2]));
  assertLevels(pools, 3);
  assertWorks(freePool(&pools[1]));
  assertLevels(pools, 1);
  assert_int_equal(mema_freeSize(&pools[0]), 256 * MIB - (pools[0].poolSize - pools[0].freeSize));
  assertWorks(freePool(&pools[0]));
}

/* The chunk that was handed out last is freed another way than all others. */
static void theYoungestChunkIsForeignToo(void **unused) {
  Pool pools[3];
  (void)unused;
  assert_true(initPool(&pools[0], 100000));
  assertWorks(makeChild(&pools[1], &pools[0], 50000, 0));
  assertWorks(makeChild(&pools[2], &pools[0], 50000, 0));
  for (size_t size = 1; size < 9000; size += size / 2 + 1) {
    for (size_t p = 0; p < 3; p++) {
      void *ptr = palloc(&pools[p], size);
      assert_non_null(ptr);
      for (size_t other = 0; other < 3; other++)
        if (other != p) assertRefused(&pools[other], pfree(&pools[other], ptr), MEMA_BAD_POINTER);
      assertWorks(pfree(&pools[p], ptr));
      for (size_t other = 0; other < 3; other++) assertRefused(&pools[other], pfree(&pools[other], ptr), MEMA_BAD_POINTER);
      assertLevels(pools, 3);
    }
  }
  /* The slot's span is given up, and its last chunk is forgotten. */
  void *last = palloc(&pools[1], 700);
  assert_true(pfree(&pools[1], last));
  mema_trimPool(&pools[0]);
  assertRefused(&pools[1], pfree(&pools[1], last), MEMA_BAD_POINTER);
  assertRefused(&pools[2], pfree(&pools[2], last), MEMA_BAD_POINTER);
  void *large = palloc(&pools[1], 40000);
  assertRefused(&pools[2], pfree(&pools[2], large), MEMA_BAD_POINTER);
  assertWorks(pfree(&pools[1], large));
  assert_true(freePool(&pools[0]));
}

/* The youngest chunk is refused also when the slab no longer knows which one it was. */
static void theYoungestChunkIsForeignAfterATrim(void **unused) {
  static Kind *const kinds[] = {&kindTracked, &kindCommitted, &kindOutside};
  (void)unused;
  for (size_t k = 0; k < 3; k++) {
    Pool pools[2];
    assert_true(makePool(&pools[0], kinds[k], MIB));
    assertWorks(makeChild(&pools[1], &pools[0], MIB, 0));
    for (size_t size = 1; size < 9000; size += size / 2 + 1) {
      void *held = palloc(&pools[1], size), *last = palloc(&pools[1], size);
      assert_true(held != NULL && last != NULL);
      mema_trimPool(&pools[0]);
      assertRefused(&pools[0], pfree(&pools[0], last), MEMA_BAD_POINTER);
      assertWorks(pfree(&pools[1], last));
      mema_trimPool(&pools[0]);
      assertRefused(&pools[1], pfree(&pools[1], last), MEMA_BAD_POINTER);
      assertWorks(pfree(&pools[1], held));
      assertLevels(pools, 2);
    }
    assert_true(freePool(&pools[0]));
  }
}

/* A chunk's memory, freed by one pool, serves another: it is that one's then. */
static void memoryPassesFromOneSubPoolToAnother(void **unused) {
  Pool pools[3];
  (void)unused;
  assert_true(makeUnwatched(&pools[0], &kindTracked, 100000));
  assertWorks(makeChild(&pools[1], &pools[0], 50000, 0));
  void *theirs = palloc(&pools[1], 400);
  assert_true(pfree(&pools[1], theirs));
  void *ours = palloc(&pools[0], 400);
  assert_true(samePlace(ours, theirs));
  assertRefused(&pools[1], pfree(&pools[1], theirs), MEMA_BAD_POINTER);
  assert_true(freePool(&pools[1]));
  assertWorks(makeChild(&pools[1], &pools[0], 50000, 0)); /* maybe with the record of the one before */
  assertRefused(&pools[1], pfree(&pools[1], ours), MEMA_BAD_POINTER);
  assertWorks(pfree(&pools[0], ours));
  assert_true(freePool(&pools[0]));
}

/* ---- the budget changed --------------------------------------------------------------------------------------------------- */

static void everyLevelCanBeResized(void **unused) {
  Pool pools[3];
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 6000, 2000));
  assertWorks(makeChild(&pools[2], &pools[1], 4000, 1000));
  void *chunk = palloc(&pools[2], 2500);
  assert_int_equal(pools[0].freeSize, 7500);
  assertRefused(&pools[0], mema_resizePool(&pools[0], 2499), MEMA_BELOW_USE);
  assert_int_equal(mema_lastError()->available, 2500);
  assertRefused(&pools[1], mema_resizePool(&pools[1], 2499), MEMA_BELOW_USE);
  assertRefused(&pools[2], mema_resizePool(&pools[2], 2499), MEMA_BELOW_USE);
  assertWorks(mema_resizePool(&pools[2], 2500));
  assertLevels(pools, 3);
  assertRefused(&pools[2], palloc(&pools[2], hideSize(1)), MEMA_OVER_BUDGET);
  assertWorks(mema_resizePool(&pools[0], 2500));
  assertWorks(mema_resizePool(&pools[2], 5000));
  assertLevels(pools, 3);
  assertRefused(&pools[2], palloc(&pools[2], hideSize(1)), MEMA_OVER_BUDGET); /* the root has no more */
  assert_true(pfree(&pools[2], chunk));
  assertLevels(pools, 3);
  assertRefused(&pools[2], mema_resizePool(&pools[2], 999), MEMA_BELOW_USE); /* guaranteed */
  assert_int_equal(mema_shrinkPool(&pools[2], 1), 1000);
  assertLevels(pools, 3);
  assert_int_equal(mema_shrinkPool(&pools[1], 1), 2000);
  assert_int_equal(mema_shrinkPool(&pools[0], 1), 2000);
  assertLevels(pools, 3);
  assert_non_null(chunk = palloc(&pools[2], 1000));
  assertRefused(&pools[2], palloc(&pools[2], hideSize(1)), MEMA_OVER_BUDGET);
  assertWorks(mema_resizePool(&pools[2], 1500)); /* above the guaranteed part again */
  assertWorks(mema_resizePool(&pools[1], 4000));
  assert_non_null(palloc(&pools[2], 500));
  assertRefused(&pools[2], palloc(&pools[2], hideSize(1)), MEMA_OVER_BUDGET);
  assertLevels(pools, 3);
  assertWorks(freePool(&pools[1]));
  assert_int_equal(pools[0].freeSize, 2000);
  assert_true(freePool(&pools[0]));
}

static void sharedSubPoolsKeepTheirBudget(void **unused) {
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], MIB));
  assertWorks(makeChildOf(&pools[1], &pools[0], &kindShared, 300000, 0));
  assert_int_equal(pools[0].freeSize, MIB - 300000);
  assertRefused(&pools[1], mema_resizePool(&pools[1], 400000), MEMA_BAD_ARGUMENT);
  assertRefused(&pools[1], mema_shrinkPool(&pools[1], 1), MEMA_BAD_ARGUMENT);
  assert_non_null(palloc(&pools[1], 250000));
  assert_int_equal(pools[0].freeSize, MIB - 300000);
  assertWorks(freePool(&pools[0]));
  assertFails(palloc(&pools[1], 1), MEMA_BAD_POOL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aSubPoolWithoutAGuaranteeIsChargedAsItGrows),
      cmocka_unit_test(theGuaranteedPartIsCarvedOut),
      cmocka_unit_test(aWholeGuaranteeNeedsNoOtherPool),
      cmocka_unit_test(anyLevelMayLimitARequest),
      cmocka_unit_test(everyCallIsSeenAtEachOfSixLevels),
      cmocka_unit_test(badSubPoolsAreRefused),
      cmocka_unit_test(everyKindServesUnderEveryKind),
      cmocka_unit_test(magazinesKeepToTheirSubPools),
      cmocka_unit_test(theYoungestChunkIsForeignToo),
      cmocka_unit_test(theYoungestChunkIsForeignAfterATrim),
      cmocka_unit_test(memoryPassesFromOneSubPoolToAnother),
      cmocka_unit_test(everyLevelCanBeResized),
      cmocka_unit_test(sharedSubPoolsKeepTheirBudget),
  };
  return runTests(tests);
}
