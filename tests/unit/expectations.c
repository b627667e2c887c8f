/* mema_test.h: what each macro finds in its block, however the block is left. Failures are counted here; how test frameworks take them is in
 * tests/expectations.sh. */
#include "unit.h"

static unsigned failures;
static int failedLine;
static char failure[256];

static void noteFailure(const char *file, int line, const char *message) {
  assert_string_equal(file, __FILE__);
  failures++;
  failedLine = line;
  snprintf(failure, sizeof failure, "%s", message);
}

#define MEMA_TEST_FAIL(file, line, message) noteFailure(file, line, message)
#include "mema_test.h"

static Pool pool;
static Kind *const kinds[] = {&kindTracked, &kindUntracked, &kindShared, &kindSharedTracked,
                              &kindArena,   &kindFixed,     &kindOutside};
enum { kindCount = sizeof kinds / sizeof kinds[0] };

/* One failure, with this message, in this line; none: NULL. */
static void assertFailed(const char *message, int line) {
  if (message == NULL) {
    if (failures != 0) fail_msg("failed: %s", failure);
    return;
  }
  assert_int_equal(failures, 1);
  assert_string_equal(failure, message);
  assert_int_equal(failedLine, line);
  failures = 0;
}

/* ---- leaks ---------------------------------------------------------------------------------------------------------------- */

static void noLeakIsFoundWhereAllIsFreed(void **state) {
  (void)state;
  for (size_t k = 0; k < kindCount; k++) {
    unsigned runs = 0;
    assert_true(makePool(&pool, kinds[k], MIB));
    void *old = palloc(&pool, 100);
    MEMA_EXPECT_NO_LEAK(&pool) {
      runs++;
      assert_true(pfree(&pool, palloc(&pool, 1000)));
    }
    MEMA_EXPECT_NO_LEAK(&pool) assert_true(pfree(&pool, old));
    assertFailed(NULL, 0);
    assert_int_equal(runs, 1);
    assert_true(freePool(&pool));
  }
}

static void aLeakIsCountedToTheByte(void **state) {
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  void *old = palloc(&pool, 100);
  MEMA_EXPECT_NO_LEAK(&pool) assert_non_null(palloc(&pool, 1));
  assertFailed("leak: 1 more chunk and 1 more byte live after the block than before", __LINE__ - 1);
  MEMA_EXPECT_NO_LEAK(&pool) {
    assert_non_null(palloc(&pool, 300));
    assert_non_null(palloc(&pool, 7));
  }
  assertFailed("leak: 2 more chunks and 307 more bytes live after the block than before", __LINE__ - 4);
  MEMA_EXPECT_NO_LEAK(&pool) assert_true(mema_chargePool(&pool, 5));
  assertFailed("leak: 0 more chunks and 5 more bytes live after the block than before", __LINE__ - 1);
  MEMA_EXPECT_NO_LEAK(&pool) assert_true(pfree(&pool, old) && palloc(&pool, 1) != NULL && palloc(&pool, 1) != NULL);
  assertFailed("leak: 1 more chunk and 0 more bytes live after the block than before", __LINE__ - 1);
  assert_true(freePool(&pool));
}

static void leakAndReturn(void) {
  MEMA_EXPECT_NO_LEAK(&pool) {
    assert_non_null(palloc(&pool, 2));
    return;
  }
}

static void aBlockIsCheckedHoweverItIsLeft(void **state) {
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  MEMA_EXPECT_NO_LEAK(&pool) {
    assert_non_null(palloc(&pool, 2));
    break;
  }
  assertFailed("leak: 1 more chunk and 2 more bytes live after the block than before", __LINE__ - 4);
  MEMA_EXPECT_NO_LEAK(&pool) {
    assert_non_null(palloc(&pool, 2));
    if (pool.head != NULL) continue;
    fail();
  }
  assertFailed("leak: 1 more chunk and 2 more bytes live after the block than before", __LINE__ - 5);
  MEMA_EXPECT_NO_LEAK(&pool) {
    assert_non_null(palloc(&pool, 2));
    goto out;
  }
out:
  assertFailed("leak: 1 more chunk and 2 more bytes live after the block than before", __LINE__ - 5);
  leakAndReturn();
  assert_int_equal(failures, 1);
  failures = 0;
  assert_true(freePool(&pool));
}

/* ---- peaks ---------------------------------------------------------------------------------------------------------------- */

static void aPeakIsThatOfTheBlock(void **state) {
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  assert_true(pfree(&pool, palloc(&pool, 50000))); /* a higher peak, before */
  assert_non_null(palloc(&pool, 700));
  MEMA_EXPECT_PEAK(&pool, 300) {
    assert_true(pfree(&pool, palloc(&pool, 300)));
    assert_true(pfree(&pool, palloc(&pool, 299)));
  }
  assertFailed(NULL, 0);
  MEMA_EXPECT_PEAK(&pool, 299) assert_true(pfree(&pool, palloc(&pool, 300)));
  assertFailed("peak: the block had 300 bytes live at once, 1 more than the 299 expected", __LINE__ - 1);
  MEMA_EXPECT_PEAK(&pool, 0) assert_non_null(palloc(&pool, 1));
  assertFailed("peak: the block had 1 bytes live at once, 1 more than the 0 expected", __LINE__ - 1);
  MEMA_EXPECT_PEAK(&pool, 0) continue;
  assertFailed(NULL, 0);
  assert_true(freePool(&pool));
}

static void aPeakIsSeenInEachKindOfPool(void **state) {
  (void)state;
  for (size_t k = 0; k < kindCount; k++) {
    if (kinds[k] == &kindShared) continue; /* its peak may be too high */
    assert_true(makePool(&pool, kinds[k], MIB));
    MEMA_EXPECT_PEAK(&pool, 2000) assert_true(pfree(&pool, palloc(&pool, 1000)));
    assertFailed(NULL, 0);
    MEMA_EXPECT_PEAK(&pool, 999) assert_true(pfree(&pool, palloc(&pool, 1000)));
    assert_int_equal(failures, 1);
    failures = 0;
    assert_true(freePool(&pool));
  }
}

/* ---- failures on purpose -------------------------------------------------------------------------------------------------- */

static void eachRequestFailsInItsRun(void **state) {
  unsigned failed[5] = {0}, runs = 0;
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  MEMA_FAIL_EACH(&pool) {
    void *chunks[4];
    unsigned refused = 0;
    for (unsigned i = 0; i < 4; i++) {
      chunks[i] = palloc(&pool, 10);
      if (chunks[i] == NULL) failed[i]++, refused++;
    }
    for (unsigned i = 0; i < 4; i++)
      if (chunks[i] != NULL) assert_true(pfree(&pool, chunks[i]));
    assert_int_equal(refused, runs < 4 ? 1 : 0);
    runs++;
  }
  assertFailed(NULL, 0);
  assert_int_equal(runs, 5);
  for (unsigned i = 0; i < 4; i++) assert_int_equal(failed[i], 1);
  for (int i = 0; i < 20; i++) assert_non_null(palloc(&pool, 10)); /* nothing fails later */
  assert_true(freePool(&pool));
}

/* A request that is refused in each run, for its size, and one that ends the block early, which makes the run that ends the loop the only
 * one with a third. */
static void otherRefusalsAreNoEnd(void **state) {
  unsigned runs = 0;
  (void)state;
  assert_true(makePool(&pool, &kindTracked, 10000));
  MEMA_FAIL_EACH(&pool) {
    assert_true(++runs < 50);
    assert_null(palloc(&pool, 20000));
    void *first = palloc(&pool, 10);
    if (first == NULL) continue;
    void *second = palloc(&pool, 10);
    assert_null(palloc(&pool, 20000)); /* hides the reason of the failure */
    assert_true(pfree(&pool, first));
    if (second != NULL) assert_true(pfree(&pool, second));
  }
  assertFailed(NULL, 0);
  assert_int_equal(runs, 5);
  assert_true(freePool(&pool));
}

static void runsEndWhereTheBlockIsLeft(void **state) {
  unsigned runs = 0;
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  MEMA_FAIL_EACH(&pool) {
    runs++;
    if (runs == 2) break;
    assert_null(palloc(&pool, 1));
  }
  assert_int_equal(runs, 2);
  for (int i = 0; i < 5; i++) assert_non_null(palloc(&pool, 10)); /* the failure that was set is gone */
  runs = 0;
  MEMA_FAIL_EACH(&pool) runs++;
  assert_int_equal(runs, 1); /* there is no request */
  assertFailed(NULL, 0);
  assert_true(freePool(&pool));
}

static void macrosStandInOneAnother(void **state) {
  unsigned runs = 0;
  (void)state;
  assert_true(makePool(&pool, &kindTracked, MIB));
  MEMA_FAIL_EACH(&pool) MEMA_EXPECT_NO_LEAK(&pool) MEMA_EXPECT_PEAK(&pool, 30) {
    void *first = palloc(&pool, 10), *second = palloc(&pool, 20);
    if (first != NULL) assert_true(pfree(&pool, first));
    if (second != NULL) assert_true(pfree(&pool, second));
    runs++;
  }
  assertFailed(NULL, 0);
  assert_int_equal(runs, 3);
  MEMA_FAIL_EACH(&pool) MEMA_EXPECT_NO_LEAK(&pool) {
    void *first = palloc(&pool, 10), *second = palloc(&pool, 20);
    if (first != NULL && second != NULL) assert_true(pfree(&pool, first) && pfree(&pool, second));
    if (first == NULL && second != NULL) assert_true(pfree(&pool, second));
    /* the first is not freed if the second is refused */
  }
  assertFailed("leak: 1 more chunk and 10 more bytes live after the block than before", __LINE__ - 6);
  assert_true(freePool(&pool));
}

/* ---- pools that are none -------------------------------------------------------------------------------------------------- */

static void aPoolThatIsNotLiveFailsAndRunsNothing(void **state) {
  static Pool none;
  unsigned runs = 0;
  (void)state;
  MEMA_EXPECT_NO_LEAK(&none) runs++;
  assertFailed("before the block: not a live pool (never made, freed, copied or moved)", __LINE__ - 1);
  MEMA_EXPECT_PEAK(&none, 5) runs++;
  assertFailed("before the block: not a live pool (never made, freed, copied or moved)", __LINE__ - 1);
  MEMA_FAIL_EACH(&none) runs++;
  assertFailed("before the block: not a live pool (never made, freed, copied or moved)", __LINE__ - 1);
  assert_true(makePool(&pool, &kindShared, MIB));
  MEMA_FAIL_EACH(&pool) runs++;
  assert_int_equal(failures, 1);
  assert_int_equal(strncmp(failure, "before the block: bad argument", 30), 0);
  failures = 0;
  assert_int_equal(runs, 0);
  assert_true(freePool(&pool));
}

static void aPoolThatEndsWithinFails(void **state) {
  unsigned runs = 0;
  (void)state;
  for (int i = 0; i < 3; i++) {
    assert_true(makePool(&pool, &kindTracked, MIB));
    if (i == 0) MEMA_EXPECT_NO_LEAK(&pool) assert_true(freePool(&pool));
    if (i == 1) MEMA_EXPECT_PEAK(&pool, 5) assert_true(freePool(&pool));
    if (i == 2) MEMA_FAIL_EACH(&pool) assert_true(++runs == 1 && freePool(&pool));
    assert_string_equal(failure, "after the block: not a live pool (never made, freed, copied or moved)");
    assert_int_equal(failures, 1);
    failures = 0;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(noLeakIsFoundWhereAllIsFreed),   cmocka_unit_test(aLeakIsCountedToTheByte),
      cmocka_unit_test(aBlockIsCheckedHoweverItIsLeft), cmocka_unit_test(aPeakIsThatOfTheBlock),
      cmocka_unit_test(aPeakIsSeenInEachKindOfPool),    cmocka_unit_test(eachRequestFailsInItsRun),
      cmocka_unit_test(otherRefusalsAreNoEnd),          cmocka_unit_test(runsEndWhereTheBlockIsLeft),
      cmocka_unit_test(macrosStandInOneAnother),        cmocka_unit_test(aPoolThatIsNotLiveFailsAndRunsNothing),
      cmocka_unit_test(aPoolThatEndsWithinFails),
  };
  return runTests(tests);
}
