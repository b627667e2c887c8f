/* mema_addCleanup, mema_cancelCleanup: when clean-ups run, in which order, and what they may do. */
#include "family.h"

static char course[200]; /* a letter for each clean-up that ran */

static void say(void *arg) {
  size_t length = strlen(course);
  course[length] = *(const char *)arg;
  course[length + 1] = '\0';
}

static mema_Cleanup records[30];
static char letters[] = "abcdefghijklmnopqrstuvwxyzABCD";

static void addTo(Pool *pool, char letter, mema_CleanupTime when) {
  size_t i = (size_t)(strchr(letters, letter) - letters);
  assertWorks(mema_addCleanup(pool, &records[i], say, &letters[i], when));
}

static void begin(void) {
  course[0] = '\0';
  memset(records, 0xa5, sizeof records);
}

static void theNewestCleanUpRunsFirst(void **state) {
  Pool pool;
  for (int way = 0; way < 3; way++) {
    begin();
    assert_true(makeRoot(&pool, state, 10000));
    mema_Mark mark = mema_markPool(&pool);
    addTo(&pool, 'a', MEMA_AFTER_SUB_POOLS);
    addTo(&pool, 'b', MEMA_BEFORE_SUB_POOLS);
    addTo(&pool, 'c', MEMA_AFTER_SUB_POOLS);
    addTo(&pool, 'd', MEMA_BEFORE_SUB_POOLS);
    assert_non_null(palloc(&pool, 10));
    assertWorks(way == 0 ? freePool(&pool) : way == 1 ? mema_resetPool(&pool) : mema_rewindPool(&pool, mark));
    assert_string_equal(course, "dbca");
    if (way == 0) continue;
    assertPool(&pool, 0, 0);
    addTo(&pool, 'a', MEMA_AFTER_SUB_POOLS); /* a record that ran may be used again */
    assert_true(freePool(&pool));
    assert_string_equal(course, "dbcaa");
  }
}

/* Three levels: a pool's own before, its sub-pools' newest first, its own after. */
static void cleanUpsRunBeforeAndAfterThoseOfSubPools(void **unused) {
  static Kind *const kinds[] = {&kindTracked, &kindUntracked, &kindOutside};
  (void)unused;
  for (size_t k = 0; k < 3; k++) {
    Pool root, older, younger, below;
    begin();
    assert_true(initPool(&root, MIB));
    addTo(&root, 'a', MEMA_AFTER_SUB_POOLS);
    assertWorks(makeChildOf(&older, &root, kinds[k], 10000, 0) && makeChildOf(&younger, &root, kinds[k], 10000, 0) &&
                makeChildOf(&below, &older, kinds[k], 10000, 0));
    addTo(&older, 'c', MEMA_AFTER_SUB_POOLS);
    addTo(&older, 'd', MEMA_BEFORE_SUB_POOLS);
    addTo(&below, 'e', MEMA_AFTER_SUB_POOLS);
    addTo(&below, 'f', MEMA_BEFORE_SUB_POOLS);
    addTo(&younger, 'g', MEMA_AFTER_SUB_POOLS);
    addTo(&root, 'b', MEMA_BEFORE_SUB_POOLS);
    assert_true(palloc(&older, 10) != NULL && palloc(&younger, 10) != NULL && palloc(&below, 10) != NULL);
    assertWorks(freePool(&root));
    assert_string_equal(course, "bgdfeca");
  }
}

/* Going back runs those that were added since, of this pool and of the sub-pools made since. */
static void aRewindRunsTheYoungerCleanUps(void **unused) {
  Pool root, before, after;
  (void)unused;
  begin();
  assert_true(initPool(&root, 100000));
  addTo(&root, 'a', MEMA_AFTER_SUB_POOLS);
  assertWorks(makeChild(&before, &root, 1000, 0));
  mema_Mark first = mema_markPool(&root);
  addTo(&root, 'b', MEMA_BEFORE_SUB_POOLS);
  mema_Mark second = mema_markPool(&root);
  addTo(&root, 'c', MEMA_AFTER_SUB_POOLS);
  addTo(&before, 'd', MEMA_AFTER_SUB_POOLS);
  assertWorks(makeChild(&after, &root, 1000, 0));
  addTo(&after, 'e', MEMA_BEFORE_SUB_POOLS);
  assertWorks(mema_rewindPool(&root, second));
  assert_string_equal(course, "ec");
  addTo(&root, 'f', MEMA_BEFORE_SUB_POOLS);
  assertWorks(mema_rewindPool(&root, first));
  assert_string_equal(course, "ecfb");
  assertWorks(mema_rewindPool(&root, first));
  assert_true(freePool(&root));
  assert_string_equal(course, "ecfbda");
}

static void aCancelledCleanUpDoesNotRun(void **unused) {
  Pool pool, other;
  (void)unused;
  begin();
  assert_true(initPool(&pool, 1000) && initPool(&other, 1000));
  addTo(&pool, 'a', MEMA_AFTER_SUB_POOLS);
  addTo(&pool, 'b', MEMA_AFTER_SUB_POOLS);
  addTo(&pool, 'c', MEMA_AFTER_SUB_POOLS);
  assertRefused(&other, mema_cancelCleanup(&other, &records[1]), MEMA_BAD_ARGUMENT);
  assertWorks(mema_cancelCleanup(&pool, &records[1]));
  assertRefused(&pool, mema_cancelCleanup(&pool, &records[1]), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_cancelCleanup(&pool, NULL), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_cancelCleanup(&pool, &records[9]), MEMA_BAD_ARGUMENT);
  addTo(&other, 'b', MEMA_BEFORE_SUB_POOLS);
  assertWorks(mema_cancelCleanup(&pool, &records[0]) && mema_cancelCleanup(&pool, &records[2]));
  assertWorks(mema_resetPool(&pool));
  assert_string_equal(course, "");
  assert_true(freePool(&pool) && freePool(&other));
  assert_string_equal(course, "b");
}

static void badCleanUpsAreRefused(void **unused) {
  Pool pool, other, shared, dead = {0};
  (void)unused;
  begin();
  assert_true(initPool(&pool, 1000) && initPool(&other, 1000) && makePool(&shared, &kindShared, 10000));
  addTo(&pool, 'a', MEMA_AFTER_SUB_POOLS);
  assertRefused(&pool, mema_addCleanup(&pool, &records[0], say, letters, MEMA_BEFORE_SUB_POOLS), MEMA_BAD_ARGUMENT);
  assertRefused(&other, mema_addCleanup(&other, &records[0], say, letters, MEMA_BEFORE_SUB_POOLS), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_addCleanup(&pool, NULL, say, letters, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_addCleanup(&pool, &records[1], NULL, letters, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_addCleanup(&pool, &records[1], say, letters, (mema_CleanupTime)2), MEMA_BAD_ARGUMENT);
  assertRefused(&shared, mema_addCleanup(&shared, &records[1], say, letters, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  assertFails(mema_addCleanup(&dead, &records[1], say, letters, MEMA_AFTER_SUB_POOLS), MEMA_BAD_POOL);
  assertFails(mema_addCleanup(NULL, &records[1], say, letters, MEMA_AFTER_SUB_POOLS), MEMA_BAD_POOL);
  records[1] = records[0]; /* a copy is no record in use */
  assertWorks(mema_addCleanup(&pool, &records[1], say, letters, MEMA_BEFORE_SUB_POOLS));
  assert_true(freePool(&pool) && freePool(&other) && freePool(&shared));
  assert_string_equal(course, "aa");
}

/* ---- what they may do ------------------------------------------------------------------------------------------------------ */

static Pool root, middle, leaf;
static void *rootsChunk, *middlesChunk, *leafsChunk;
static mema_Mark rootsMark;
static unsigned ran;

/* Each chunk belongs to its own pool, and chunks of pools that have ended belong to no pool. */
static void lookAround(void *arg) {
  Pool *ending = arg, child = {0};
  ran++;
  assert_true(mema_checkPool(&root));
  assertRefused(ending, freePool(ending), MEMA_BUSY);
  assertRefused(ending, mema_resetPool(ending), MEMA_BUSY);
  assertRefused(&root, freePool(&root), MEMA_BUSY);
  assertRefused(&root, mema_resetPool(&root), MEMA_BUSY);
  assertRefused(&root, mema_rewindPool(&root, rootsMark), MEMA_BUSY);
  assertRefused(ending, mema_addCleanup(ending, &records[20], say, letters, MEMA_AFTER_SUB_POOLS), MEMA_BUSY);
  assertRefused(ending, mema_initSubPool(&child, ending, &(mema_Options){.poolSize = 10}), MEMA_BUSY);
  if (ending != &leaf) assertRefused(ending, pfree(ending, leafsChunk), MEMA_BAD_POINTER);
  if (ending != &middle) assertRefused(ending, pfree(ending, middlesChunk), MEMA_BAD_POINTER);
  if (ending != &root) assertRefused(ending, pfree(ending, rootsChunk), MEMA_BAD_POINTER);
  assertRefused(&root, pfree(&root, leafsChunk), MEMA_BAD_POINTER);
  assertRefused(&root, pfree(&root, middlesChunk), MEMA_BAD_POINTER);
  assert_true(mema_ownsChunk(ending, ending == &leaf ? leafsChunk : ending == &middle ? middlesChunk : rootsChunk));
  void *ptr = palloc(ending, 100);
  assert_true(ptr != NULL && palloc(ending, 3000) != NULL && pfree(ending, ptr));
  assert_non_null(palloc(&root, 10));
  assert_true(mema_checkPool(&root));
}

static void aCleanUpSeesAWholeFamily(void **unused) {
  static Kind *const kinds[] = {&kindTracked, &kindUntracked, &kindCommitted};
  (void)unused;
  for (size_t k = 0; k < 3; k++) {
    for (int way = 0; way < 3; way++) {
      ran = 0;
      assert_true(initPool(&root, MIB));
      rootsMark = mema_markPool(&root);
      assert_true(mema_addCleanup(&root, &records[0], lookAround, &root, MEMA_AFTER_SUB_POOLS));
      assert_true(mema_addCleanup(&root, &records[1], lookAround, &root, MEMA_BEFORE_SUB_POOLS));
      assertWorks(makeChildOf(&middle, &root, kinds[k], 50000, 5000) && makeChildOf(&leaf, &middle, kinds[k], 30000, 300));
      assert_true(mema_addCleanup(&middle, &records[2], lookAround, &middle, MEMA_AFTER_SUB_POOLS));
      assert_true(mema_addCleanup(&middle, &records[3], lookAround, &middle, MEMA_BEFORE_SUB_POOLS));
      assert_true(mema_addCleanup(&leaf, &records[4], lookAround, &leaf, MEMA_BEFORE_SUB_POOLS));
      rootsChunk = palloc(&root, 100);
      middlesChunk = palloc(&middle, 100);
      leafsChunk = palloc(&leaf, 100);
      for (int i = 0; i < 20; i++) assert_true(palloc(&leaf, 50) != NULL && palloc(&middle, 60) != NULL);
      assert_true(way == 0 ? freePool(&root) : way == 1 ? mema_resetPool(&root) : mema_rewindPool(&root, rootsMark));
      assert_int_equal(ran, 5);
      if (way != 0) {
        assertPool(&root, 0, 0);
        assert_true(freePool(&root));
      }
      assertFails(palloc(&middle, 1), MEMA_BAD_POOL);
      assertFails(palloc(&leaf, 1), MEMA_BAD_POOL);
    }
  }
}

static void freeOwnRecord(void *arg) {
  ran++;
  assert_true(pfree(&root, arg));
  assert_non_null(memset(palloc(&root, sizeof(mema_Cleanup)), 0xee, sizeof(mema_Cleanup))); /* and write over it */
}

static void aCleanUpMayFreeItsOwnRecord(void **state) {
  for (int way = 0; way < 2; way++) {
    ran = 0;
    assert_true(makeRoot(&root, state, 10000));
    for (int i = 0; i < 5; i++) {
      mema_Cleanup *record = palloc(&root, sizeof *record);
      assertWorks(mema_addCleanup(&root, record, freeOwnRecord, record, MEMA_AFTER_SUB_POOLS));
    }
    assert_true(way == 0 ? freePool(&root) : mema_resetPool(&root));
    assert_int_equal(ran, 5);
    if (way == 1) assert_true(freePool(&root));
  }
}

static void endOther(void *arg) {
  ran++;
  assert_true(freePool(arg));
}

/* A clean-up frees pools that were to end after it: children, and siblings of the one that ends. */
static void aCleanUpMayFreeOtherPools(void **unused) {
  Pool first, second, third;
  (void)unused;
  ran = 0;
  begin();
  assert_true(initPool(&root, 100000));
  assertWorks(makeChild(&first, &root, 1000, 0) && makeChild(&second, &root, 1000, 0) && makeChild(&third, &root, 1000, 0));
  addTo(&first, 'a', MEMA_AFTER_SUB_POOLS);
  addTo(&second, 'b', MEMA_AFTER_SUB_POOLS);
  assert_true(palloc(&first, 10) != NULL && palloc(&second, 20) != NULL && palloc(&third, 30) != NULL);
  assert_true(mema_addCleanup(&root, &records[20], endOther, &second, MEMA_BEFORE_SUB_POOLS));
  assert_true(mema_addCleanup(&third, &records[21], endOther, &first, MEMA_AFTER_SUB_POOLS));
  assert_true(freePool(&root));
  assert_int_equal(ran, 2);
  assert_string_equal(course, "ba");
}

static void cancelOther(void *arg) {
  ran++;
  assert_true(mema_cancelCleanup(&root, arg));
}

static void cleanUpsMayCancelEachOther(void **state) {
  ran = 0;
  begin();
  assert_true(makeRoot(&root, state, 1000));
  addTo(&root, 'a', MEMA_AFTER_SUB_POOLS);
  addTo(&root, 'b', MEMA_AFTER_SUB_POOLS);
  addTo(&root, 'c', MEMA_BEFORE_SUB_POOLS);
  assert_true(mema_addCleanup(&root, &records[20], cancelOther, &records[0], MEMA_BEFORE_SUB_POOLS));
  assert_true(freePool(&root));
  assert_string_equal(course, "cb");
}

static mema_Cleanup late;
static Pool lateChild;

static void makeMore(void *arg) {
  (void)arg;
  ran++;
  assert_true(mema_addCleanup(&middle, &late, say, &letters[7], MEMA_AFTER_SUB_POOLS));
  assert_true(makeChild(&lateChild, &middle, 1000, 10) && palloc(&lateChild, 500) != NULL);
}

/* A pool that is to end later is a pool like any other until then. */
static void thingsThatACleanUpAddsElsewhereEndToo(void **unused) {
  (void)unused;
  ran = 0;
  begin();
  assert_true(initPool(&root, 100000));
  assertWorks(makeChild(&middle, &root, 10000, 0));
  memset(&late, 0, sizeof late);
  assert_true(mema_addCleanup(&root, &records[0], makeMore, NULL, MEMA_BEFORE_SUB_POOLS));
  assert_true(mema_resetPool(&root));
  assert_int_equal(ran, 1);
  assert_string_equal(course, "h");
  assertFails(palloc(&lateChild, 1), MEMA_BAD_POOL);
  assertPool(&root, 0, 0);
  assert_true(freePool(&root));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      aloneKinds(theNewestCleanUpRunsFirst),           cmocka_unit_test(cleanUpsRunBeforeAndAfterThoseOfSubPools),
      cmocka_unit_test(aRewindRunsTheYoungerCleanUps), cmocka_unit_test(aCancelledCleanUpDoesNotRun),
      cmocka_unit_test(badCleanUpsAreRefused),         cmocka_unit_test(aCleanUpSeesAWholeFamily),
      aloneKinds(aCleanUpMayFreeItsOwnRecord),         cmocka_unit_test(aCleanUpMayFreeOtherPools),
      aloneKinds(cleanUpsMayCancelEachOther),          cmocka_unit_test(thingsThatACleanUpAddsElsewhereEndToo),
  };
  return runTests(tests);
}
