/* The common paths of shared pools (src/threads/atHand.h): the entries of the page map, and the counts of calls. */
#include "../../src/base/poolState.h"

#include "unit.h"

#include "../../src/threads/atHand.h"

static Pool pool;
static int calls; /* of the function that is called when a count has run out */

static void noteCall(void) {
  calls++;
}

/* ---- entries ------------------------------------------------------------------------------------------------------------ */

static void assertFindsExactly(uint64_t entry, size_t slotQuanta) {
  uint64_t remainder;
  for (size_t quantum = 0; quantum < 1u << mema_unitQuantaLog; quantum++) {
    size_t slot = mema_entrySlot(entry, quantum, &remainder);
    if ((remainder < entry) != (quantum % slotQuanta == 0) || slot != quantum / slotQuanta)
      fail_msg("%zu quanta into a unit with slots of %zu, by entry %llx", quantum, slotQuanta, (unsigned long long)entry);
  }
}

/* Any row and owner id may lie in its lower bits. */
static void anEntryFindsTheSlotsOfItsUnitAlone(void **state) {
  (void)state;
  for (unsigned class = 0; class < mema_classCount; class ++) {
    size_t size = mema_classSize(class);
    if (((size_t)1 << mema_unitShiftMax) / size < 8) continue;
    uint64_t entry = mema_nearEntry(class, (uint32_t)size);
    assert_true(mema_isNearEntry(entry));
    assert_int_equal(mema_entryState(entry), class + 1);
    assertFindsExactly(entry, size / 8);
    assertFindsExactly(entry | ((UINT64_C(1) << mema_entryShift) - 1), size / 8);
  }
}

static void anEntryOfAFarUnitIsNoReciprocal(void **state) {
  (void)state;
  uint64_t entry = mema_farEntry(mema_classCount - 1, mema_spanUnitsMax - 1) | UINT64_C(0x1fffffff00), remainder;
  assert_false(mema_isNearEntry(entry));
  assert_int_equal(mema_entryState(entry), 0);
  assert_int_equal(mema_farState(entry), mema_classCount);
  assert_int_equal(mema_entryBack(entry), mema_spanUnitsMax - 1);
  for (size_t quantum = 1; quantum < 1u << mema_unitQuantaLog; quantum++) {
    mema_entrySlot(entry, quantum, &remainder);
    assert_true(remainder >= entry);
  }
}

/* ---- counts ------------------------------------------------------------------------------------------------------------- */

/* Skips without a barrier: each call takes the lock then. */
static void begin(int interval) {
  mema_Options options = {.poolSize = 16 * MIB, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  assert_true(mema_initPoolWith(&pool, &options));
  void *first = palloc(&pool, 100);
  if (mema_cacheHere == NULL || mema_cacheHere->key == 0) skip();
  assert_true(pfree(&pool, first));
  mema_sharedOnCalls(noteCall);
  mema_sharedCallsUntil(&pool, interval);
  calls = 0;
}

static void end(size_t pairs) {
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.allocations, pairs + 1);
  assert_int_equal(stats.frees, pairs + 1);
  mema_sharedOnCalls(NULL);
  assert_true(freePool(&pool));
}

static void pairs(size_t count) {
  for (size_t i = 0; i < count; i++) assert_true(pfree(&pool, palloc(&pool, 100)));
}

static void aCountRunsOutAfterItsCalls(void **state) {
  (void)state;
  static const int intervals[] = {1, 2, 5, 7, 64, 1000, mema_callsMost};
  for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
    begin(intervals[i]);
    for (int call = 1; call <= 3 * intervals[i]; call++) {
      static void *chunk;
      if (call % 2 != 0) assert_non_null(chunk = palloc(&pool, 100));
      if (call % 2 == 0) assert_true(pfree(&pool, chunk));
      assert_int_equal(calls, call / intervals[i]);
      if (call == 3 * intervals[i] && call % 2 != 0) assert_true(pfree(&pool, chunk));
    }
    end(((size_t)intervals[i] * 3 + 1) / 2);
  }
}

static void countsAreExactWithoutAFunctionToCall(void **state) {
  (void)state;
  begin(mema_callsMost);
  mema_sharedOnCalls(NULL);
  pairs(5 * mema_callsMost + 3);
  end(5 * mema_callsMost + 3);
}

/* As a signal handler does that interrupted the thread: it asks for the next call, which is counted all the same. */
static void aHandlerMakesTheNextCallTheLast(void **state) {
  (void)state;
  begin(1000);
  pairs(17);
  mema_sharedCallSoon();
  assert_int_equal(calls, 0);
  void *chunk = palloc(&pool, 100);
  assert_int_equal(calls, 1);
  mema_sharedCallSoon();
  assert_true(pfree(&pool, chunk));
  assert_int_equal(calls, 2);
  pairs(499);
  assert_int_equal(calls, 2);
  pairs(1);
  assert_int_equal(calls, 3);
  end(518);
}

static void aRequestForTheNextCallOutlivesTheFolding(void **state) {
  (void)state;
  mema_Stats stats;
  begin(1000);
  pairs(17);
  mema_sharedCallSoon();
  assert_true(mema_poolStats(&pool, &stats)); /* folds all counts */
  assert_int_equal(stats.frees, 18);
  pairs(1);
  assert_int_equal(calls, 1);
  end(18);
}

/* repalloc from slot to slot is one call, and counts as an allocation and a free. */
static void movedChunksAreCounted(void **state) {
  (void)state;
  begin(10);
  void *chunk = palloc(&pool, 16);
  for (int i = 0; i < 9; i++) assert_non_null(chunk = mema_repalloc(&pool, chunk, i % 2 == 0 ? 200 : 16));
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.allocations, 11);
  assert_int_equal(stats.frees, 10);
  assert_true(pfree(&pool, chunk));
  end(10);
}

/* A thread that cannot enter its cache takes the lock for each call, and its counts do not run over. */
static void lockedCallsDoNotRunOver(void **state) {
  (void)state;
  begin(mema_callsMost);
  mema_Gauge gauge;
  assert_true(mema_sharedWatch(&pool, &gauge));
  assert_true(mema_sharedTellAll(&pool, &gauge, true));
  assert_int_equal(mema_cacheHere->key, 0);
  void *chunk = palloc(&pool, 16);
  for (int i = 0; i < 3 * mema_callsMost; i++) assert_non_null(chunk = mema_repalloc(&pool, chunk, i % 2 == 0 ? 200 : 16));
  assert_true(pfree(&pool, chunk));
  assert_int_equal(gauge.allocations, 3 * mema_callsMost + 2);
  assert_int_equal(gauge.frees, 3 * mema_callsMost + 2);
  assert_true(mema_sharedWatch(&pool, NULL));
  end(3 * mema_callsMost + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(anEntryFindsTheSlotsOfItsUnitAlone),
      cmocka_unit_test(anEntryOfAFarUnitIsNoReciprocal),
      cmocka_unit_test(aCountRunsOutAfterItsCalls),
      cmocka_unit_test(countsAreExactWithoutAFunctionToCall),
      cmocka_unit_test(aHandlerMakesTheNextCallTheLast),
      cmocka_unit_test(movedChunksAreCounted),
      cmocka_unit_test(aRequestForTheNextCallOutlivesTheFolding),
      cmocka_unit_test(lockedCallsDoNotRunOver),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
