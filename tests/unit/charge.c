/* mema_chargePool and mema_creditPool: bytes that are no chunk count like those that are. */
#include "unit.h"

static size_t chargedOf(const Pool *pool) {
  mema_Stats stats;
  assert_true(mema_poolStats(pool, &stats));
  return stats.chargedBytes;
}

static void theBudgetIdentityHoldsWithChunksAndCharges(void **state) {
  const Kind *kind = *state;
  Pool pool;
  uint64_t random = 7;
  assert_true(makePool(&pool, kind, 3 * MIB));
  void *chunks[64] = {0};
  size_t live = 0, count = 0, charged = 0;
  for (int i = 0; i < 4000; i++) {
    size_t slot = nextRandom(&random) % 64, bytes = nextRandom(&random) % 40000;
    if (i % 3 == 0) {
      bool fits = bytes <= 3 * MIB - live - charged;
      assert_int_equal(mema_chargePool(&pool, bytes), fits);
      if (fits) charged += bytes;
    } else if (i % 3 == 1) {
      bool fits = bytes <= charged;
      assert_int_equal(mema_creditPool(&pool, bytes), fits);
      if (fits) charged -= bytes;
    } else if (chunks[slot] != NULL) {
      live -= mema_chunkSize(&pool, chunks[slot]);
      count--;
      assert_true(pfree(&pool, chunks[slot]));
      chunks[slot] = NULL;
    } else if ((chunks[slot] = palloc(&pool, bytes)) != NULL) {
      live += mema_chunkSize(&pool, chunks[slot]);
      count++;
    }
    assert_int_equal(chargedOf(&pool), charged);
    assertPool(&pool, live + charged, count);
  }
  assert_true(count > 0 && charged > 0);
  assert_true(freePool(&pool));
}

static void theLastByteCanBeChargedAndNoMore(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  void *chunk = palloc(&pool, 300);
  size_t rest = mema_freeSize(&pool);
  assertRefused(&pool, mema_chargePool(&pool, rest + 1), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, rest + 1);
  assert_int_equal(mema_lastError()->available, rest);
  assertWorks(mema_chargePool(&pool, rest));
  assert_int_equal(mema_freeSize(&pool), 0);
  assertRefused(&pool, palloc(&pool, 1), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_chargePool(&pool, 1), MEMA_OVER_BUDGET);
  assertWorks(mema_chargePool(&pool, 0));
  assertWorks(pfree(&pool, chunk));
  assertWorks(mema_chargePool(&pool, 100000 - rest));
  assertPool(&pool, 100000, 0);
  assertWorks(mema_creditPool(&pool, 100000));
  assertWorks((chunk = palloc(&pool, kind->options.untracked ? 65536 : 100000)) != NULL);
  assert_true(freePool(&pool));
}

static void absurdChargesAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  static const size_t tooLarge[] = {MEMA_UNLIMITED + 1, SIZE_MAX - 4096, SIZE_MAX};
  for (size_t i = 0; i < sizeof tooLarge / sizeof *tooLarge; i++) {
    assertRefused(&pool, mema_chargePool(&pool, tooLarge[i]), MEMA_TOO_LARGE);
    assertRefused(&pool, mema_creditPool(&pool, tooLarge[i]), MEMA_BAD_ARGUMENT);
  }
  assertRefused(&pool, mema_chargePool(&pool, MEMA_UNLIMITED), MEMA_OVER_BUDGET);
  assert_true(freePool(&pool));
  assert_true(makePool(&pool, kind, MEMA_UNLIMITED));
  assertWorks(mema_chargePool(&pool, MEMA_UNLIMITED));
  assertRefused(&pool, mema_chargePool(&pool, 1), MEMA_OVER_BUDGET);
  assertWorks(mema_creditPool(&pool, MEMA_UNLIMITED));
  assert_true(freePool(&pool));
}

static void onlyChargedBytesCanBeCredited(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  assert_non_null(hidePointer(palloc(&pool, 5000))); /* live, but not charged in this way */
  assertRefused(&pool, mema_creditPool(&pool, 1), MEMA_BAD_ARGUMENT);
  assertWorks(mema_creditPool(&pool, 0));
  assertWorks(mema_chargePool(&pool, 1000));
  assertRefused(&pool, mema_creditPool(&pool, 1001), MEMA_BAD_ARGUMENT);
  assertWorks(mema_creditPool(&pool, 999));
  assertRefused(&pool, mema_creditPool(&pool, 2), MEMA_BAD_ARGUMENT);
  assertWorks(mema_creditPool(&pool, 1));
  assert_int_equal(chargedOf(&pool), 0);
  assert_true(freePool(&pool));
}

static void onlyRefusedChargesAreCounted(void **state) {
  const Kind *kind = *state;
  Pool pool;
  mema_Stats stats;
  assert_true(makePool(&pool, kind, 1000));
  assert_false(mema_chargePool(&pool, 1001));
  assert_false(mema_chargePool(&pool, SIZE_MAX));
  assert_true(mema_chargePool(&pool, 1000));
  assert_true(mema_creditPool(&pool, 400));
  assert_false(mema_creditPool(&pool, 601));
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.refused, 2);
  assert_int_equal(stats.allocations + stats.frees + stats.liveChunks + stats.badFrees, 0);
  assert_int_equal(stats.liveBytes, 600);
  assert_int_equal(stats.chargedBytes, 600);
  assert_int_equal(stats.peakBytes, 1000);
  assert_true(freePool(&pool));
}

static void chargesOutliveTheChunks(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  assert_non_null(hidePointer(palloc(&pool, 5000)));
  assertWorks(mema_chargePool(&pool, 700000));
  assertWorks(mema_resetPool(&pool));
  assertPool(&pool, 700000, 0);
  assertRefused(&pool, palloc(&pool, MIB - 699999), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_resizePool(&pool, 699999), MEMA_BELOW_USE);
  assertWorks(mema_resizePool(&pool, 700000));
  assertPool(&pool, 700000, 0);
  mema_trimPool(&pool);
  assertWorks(mema_resizePool(&pool, 700010));
  assertWorks(mema_chargePool(&pool, 10));
  assertWorks(mema_creditPool(&pool, 700010));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
  assertFails(mema_chargePool(&pool, 1), MEMA_BAD_POOL);
  assert_true(makePool(&pool, kind, MIB)); /* the next life begins without */
  assertRefused(&pool, mema_creditPool(&pool, 1), MEMA_BAD_ARGUMENT);
  assert_true(freePool(&pool));
}

static void theCheckFindsAWrongCharge(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  assert_non_null(hidePointer(palloc(&pool, 5000)));
  assertWorks(mema_chargePool(&pool, 1000));
  for (int i = 0; i < 2; i++) {
    pool.freeSize += i == 0 ? 1 : (size_t)-1;
    forgetError(MEMA_BROKEN);
    assert_false(mema_checkPool(&pool));
    assertWell(errorIsNot(MEMA_BROKEN));
    pool.freeSize -= i == 0 ? 1 : (size_t)-1;
    assertWorks(mema_checkPool(&pool));
  }
  assert_true(freePool(&pool));
}

static void thePictureNamesTheCharges(void **state) {
  const Kind *kind = *state;
  Pool pool;
  char text[4000];
  assert_true(makePool(&pool, kind, 64 * KIB));
  assert_true(mema_drawPool(&pool, text, sizeof text, 72, true) < sizeof text);
  assert_null(strstr(text, "charged"));
  assertWorks(mema_chargePool(&pool, 32 * KIB));
  assert_true(mema_drawPool(&pool, text, sizeof text, 72, true) < sizeof text);
  assert_non_null(strstr(text, "pool: 32.0 KiB of 64.0 KiB, 0 chunks, peak 32.0 KiB, 32.0 KiB charged"));
  assert_non_null(strstr(text, "budget  ###############################...............................\n"));
  assert_true(freePool(&pool));
}

/* Chunks may not use memory for charged bytes: free pages go back before fresh pages would exceed the rest of the budget. */
static void freePagesGiveWayToCharges(void **state) {
  const Kind *kind = *state;
  size_t footprints[2];
  for (int charged = 0; charged < 2; charged++) {
    Pool pool;
    mema_Stats stats;
    assert_true(makePool(&pool, kind, 64 * MIB));
    void *first = palloc(&pool, 20 * MIB);
    assert_non_null(hidePointer(palloc(&pool, MIB)));
    assert_true(pfree(&pool, first));
    if (charged) assertWorks(mema_chargePool(&pool, 40 * MIB));
    assert_non_null(hidePointer(palloc(&pool, 22 * MIB))); /* does not fit in the place of the first */
    assert_true(mema_poolStats(&pool, &stats));
    footprints[charged] = stats.footprint;
    assert_true(mema_checkPool(&pool));
    assert_true(freePool(&pool));
    mema_trimPool(NULL); /* or the next pool begins with the pages of this one */
  }
  assert_true(footprints[0] > 42 * MIB);
  if (footprints[1] >= 26 * MIB) fail_msg("%zu bytes are kept", footprints[1]);
}

static void deadPoolsAreRefused(void **state) {
  (void)state;
  Pool pool = {0};
  assertFails(mema_chargePool(NULL, 1), MEMA_BAD_POOL);
  assertFails(mema_creditPool(NULL, 0), MEMA_BAD_POOL);
  assertFails(mema_chargePool(&pool, 0), MEMA_BAD_POOL);
  assertFails(mema_creditPool(&pool, 1), MEMA_BAD_POOL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(theBudgetIdentityHoldsWithChunksAndCharges),
      anyKind(theLastByteCanBeChargedAndNoMore),
      withKind(absurdChargesAreRefused, kindTracked),
      withKind(absurdChargesAreRefused, kindUntracked),
      withKind(absurdChargesAreRefused, kindOutside),
      anyKind(onlyChargedBytesCanBeCredited),
      anyKind(onlyRefusedChargesAreCounted),
      anyKind(chargesOutliveTheChunks),
      anyKind(theCheckFindsAWrongCharge),
      anyKind(thePictureNamesTheCharges),
      withKind(freePagesGiveWayToCharges, kindTracked),
      withKind(freePagesGiveWayToCharges, kindUntracked),
      cmocka_unit_test(deadPoolsAreRefused),
  };
  return runTests(tests);
}
