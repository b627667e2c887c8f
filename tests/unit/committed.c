/* Committed pools: populated at init, kept at trim. That they make no system call is shown in tests/syscalls.sh. */
#include "unit.h"

static void theReservationIsPopulatedAtInit(void **state) {
  (void)state;
  enum { budget = 8 * 1024 * 1024 };
  bool populates = systemPopulates();
  size_t before = residentBytes();
  Pool pool;
  mema_Options options = {.poolSize = budget, .committed = true};
  assertWorks(mema_initPoolWith(&pool, &options));
  size_t populated = residentBytes() - before;
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_true(stats.committed);
  assert_true(stats.reservation >= mema_committedReservation(budget));
  if (!UNDER_ASAN) {
    assert_true(!populates || populated + countingError >= mema_committedReservation(budget));
    if (stats.footprint + countingError < populated) fail_msg("%zu bytes populated, %zu told", populated, stats.footprint);
    /* Trimming gives nothing of it back. */
    void *chunk = palloc(&pool, budget);
    assert_non_null(chunk);
    memset(chunk, 1, budget);
    assert_true(pfree(&pool, chunk));
    mema_trimPool(NULL);
    size_t full = residentBytes();
    mema_trimPool(&pool);
    assert_true(residentBytes() + countingError >= full);
    /* Nor are pages between live chunks, or without Blocks. */
    char *chunks[2000];
    for (size_t i = 0; i < 2000; i++) memset(chunks[i] = palloc(&pool, 1000), 1, 1000);
    for (size_t i = 0; i < 2000; i++)
      if (i % 50 != 0) assert_true(pfree(&pool, chunks[i]));
    assertWorks(mema_trimPool(&pool) == 0);
  }
  assertWorks(freePool(&pool));
  if (!populates) skipBecause("the system says that it makes memory present, and does not");
}

static void theDefaultReservationHoldsTheBudget(void **state) {
  (void)state;
  for (size_t budget = 1; budget < (size_t)1 << (wordBits == 64 ? 40 : 28); budget = budget * 3 + 1) {
    assert_true(mema_committedReservation(budget) >= budget);
  }
  /* The usual mix fits: nothing from outside. */
  for (size_t budget = 64 * KIB; budget <= 4 * MIB; budget *= 4) {
    Pool pool;
    assert_true(makePool(&pool, &kindCommitted, budget));
    uint64_t random = 5;
    size_t size;
    while ((size = 16 + nextRandom(&random) % 1000) <= pool.freeSize) assert_non_null(hidePointer(palloc(&pool, size)));
    if (pool.freeSize > 0) assert_non_null(hidePointer(palloc(&pool, pool.freeSize)));
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.freeSize, 0);
    assert_int_equal(stats.outsideChunks, 0);
    assert_true(freePool(&pool));
  }
}

static void aReservationMayBeGiven(void **state) {
  (void)state;
  Pool pool;
  mema_Options options = {.poolSize = MIB, .committed = true, .reservation = 3 * MIB};
  assertWorks(mema_initPoolWith(&pool, &options));
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_true(stats.reservation >= 3 * MIB);
  assert_true(freePool(&pool));
  /* More than the system has: refused, and the Pool left as it was. */
  options.reservation = MEMA_UNLIMITED;
  memset(&pool, 0x33, sizeof pool);
  Pool before = pool;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_NO_MEMORY);
  assert_memory_equal(&pool, &before, sizeof pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theReservationIsPopulatedAtInit),
      cmocka_unit_test(theDefaultReservationHoldsTheBudget),
      cmocka_unit_test(aReservationMayBeGiven),
  };
  return runTests(tests);
}
