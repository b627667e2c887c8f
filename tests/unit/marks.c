/* mema_markPool, mema_rewindPool, mema_keepChunk. */
#include "family.h"

static void youngerChunksGo(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 100000));
  void *old = palloc(&pool, 100), *older = palloc(&pool, 40);
  mema_Mark mark = mema_markPool(&pool);
  assert_int_not_equal(mark.serial, 0);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 1; i < 50; i++) assert_non_null(palloc(&pool, i * 20));
    assert_non_null(palloc(&pool, 50000));
    if (round == 1) assertWorks(pfree(&pool, old)); /* single frees in between */
    if (round == 2) assertWorks(pfree(&pool, pool.tail->ptr) && pfree(&pool, pool.tail->prev->ptr));
    assertWorks(mema_rewindPool(&pool, mark));
    assertPool(&pool, round == 0 ? 140u : 40u, round == 0 ? 2u : 1u);
    assertWorks(mema_rewindPool(&pool, mark)); /* it is valid still, and nothing is left to do */
  }
  assert_true(mema_ownsChunk(&pool, older));
  assert_true(freePool(&pool));
}

static void nestedMarks(void **state) {
  enum { depth = 30 };
  Pool pool;
  mema_Mark marks[depth];
  assert_true(makeRoot(&pool, state, 100000));
  for (size_t i = 0; i < depth; i++) {
    marks[i] = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 10 + i));
  }
  for (size_t back = depth; back-- > 0;) {
    if (back % 3 != 0) continue; /* some are skipped: they are over with the older ones */
    assertWorks(mema_rewindPool(&pool, marks[back]));
    for (size_t i = 0; i < depth; i++) {
      if (i > back) assertRefused(&pool, mema_rewindPool(&pool, marks[i]), MEMA_STALE_MARK);
      if (i > back && pool.tail != NULL)
        assertRefused(&pool, mema_keepChunk(&pool, marks[i], pool.tail->ptr), MEMA_STALE_MARK);
    }
    assertPool(&pool, back * 10 + back * (back - (back > 0)) / 2, back);
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* Marks between valid ones are over, as long as they lie in at most four places. */
static void staleMarksBetweenValidOnes(void **state) {
  Pool pool;
  mema_Mark valid[5], stale[4][3];
  assert_true(makeRoot(&pool, state, 100000));
  for (size_t i = 0; i < 4; i++) {
    valid[i] = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 100));
    for (size_t k = 0; k < 3; k++) {
      stale[i][k] = mema_markPool(&pool);
      assert_non_null(palloc(&pool, 1000));
    }
    assertWorks(mema_rewindPool(&pool, valid[i]));
    assert_non_null(palloc(&pool, 100));
    for (size_t n = 0; n <= i; n++)
      for (size_t k = 0; k < 3; k++) assertRefused(&pool, mema_rewindPool(&pool, stale[n][k]), MEMA_STALE_MARK);
  }
  for (size_t i = 4; i-- > 0;) {
    assertPool(&pool, (i + 1) * 100, i + 1);
    assertWorks(mema_rewindPool(&pool, valid[i]));
    for (size_t n = 0; n < 4; n++)
      for (size_t k = 0; k < 3; k++) assertRefused(&pool, mema_rewindPool(&pool, stale[n][k]), MEMA_STALE_MARK);
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* In more places some stale marks may pass: then for another moment, and never with damage. */
static void moreStaleMarksThanCanBeRemembered(void **state) {
  enum { count = 40 };
  Pool pool;
  mema_Mark valid[count], stale[count];
  assert_true(makeRoot(&pool, state, 100000));
  for (size_t i = 0; i < count; i++) {
    valid[i] = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 50));
    stale[i] = mema_markPool(&pool);
    assert_true(mema_rewindPool(&pool, valid[i]));
    assert_non_null(palloc(&pool, 50));
  }
  for (size_t i = count; i-- > 0;) {
    mema_rewindPool(&pool, stale[i]);
    assertWell(levelIsWrong(&pool));
    assert_non_null(palloc(&pool, 10));
    (void)mema_markPool(&pool);
    assertWell(levelIsWrong(&pool));
  }
  assertWorks(mema_rewindPool(&pool, valid[0]));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void keptChunksStay(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 100000));
  void *old = palloc(&pool, 10);
  mema_Mark first = mema_markPool(&pool);
  void *a = palloc(&pool, 20), *b = palloc(&pool, 30);
  mema_Mark second = mema_markPool(&pool);
  unsigned char *c = palloc(&pool, 3000), *d = palloc(&pool, 50);
  fillBytes(c, 3000, 9);
  assertWorks(mema_keepChunk(&pool, second, c)); /* older than the second mark, not than the first */
  assertWorks(mema_keepChunk(&pool, second, a)); /* is older than it */
  assertPool(&pool, 3110, 5);
  assert_true(samePlace(pool.tail->ptr, d) && samePlace(pool.tail->prev->ptr, c) &&
              samePlace(pool.tail->prev->prev->ptr, b));
  assertWorks(mema_rewindPool(&pool, second));
  assertPool(&pool, 3060, 4);
  assert_true(bytesFilled(c, 3000, 9));
  assertWorks(mema_keepChunk(&pool, first, b));
  assert_true(samePlace(pool.head->ptr, old) && samePlace(pool.head->next->ptr, b) && samePlace(pool.tail->ptr, c));
  assertWorks(mema_rewindPool(&pool, first));
  assertPool(&pool, 40, 2);
  assertWorks(mema_rewindPool(&pool, first));
  assertPool(&pool, 40, 2);
  assertRefused(&pool, mema_keepChunk(&pool, first, c), MEMA_BAD_POINTER);
  assertRefused(&pool, mema_keepChunk(&pool, first, NULL), MEMA_BAD_POINTER);
  assertRefused(&pool, mema_keepChunk(&pool, first, (char *)old + 16), MEMA_BAD_POINTER);
  assert_true(freePool(&pool));
}

/* The only chunks, the first one, and all of them kept. */
static void keptAtTheEnds(void **state) {
  Pool pool;
  void *chunks[6];
  assert_true(makeRoot(&pool, state, 100000));
  mema_Mark mark = mema_markPool(&pool);
  for (size_t i = 0; i < 6; i++) chunks[i] = palloc(&pool, 100);
  for (size_t i = 6; i-- > 0;) assertWorks(mema_keepChunk(&pool, mark, chunks[i]));
  assertPool(&pool, 600, 6);
  assert_true(samePlace(pool.head->ptr, chunks[5]) && samePlace(pool.tail->ptr, chunks[0]));
  assertWorks(mema_rewindPool(&pool, mark));
  assertPool(&pool, 600, 6);
  assert_true(freePool(&pool));
}

/* Repalloc is no allocation: a chunk keeps its age wherever it goes. */
static void repallocKeepsTheAge(void **unused) {
  static const size_t sizes[] = {20, 700, 5000, 90000, 300, 1};
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], MIB));
  assertWorks(makeChild(&pools[1], &pools[0], MIB, 0));
  for (size_t p = 0; p < 2; p++) {
    void *old = palloc(&pools[p], 10);
    mema_Mark mark = mema_markPool(&pools[p]);
    void *young = palloc(&pools[p], 10);
    for (size_t i = 0; i < 6; i++) {
      assert_non_null(old = mema_repalloc(&pools[p], old, sizes[i]));
      assert_non_null(young = mema_repalloc(&pools[p], young, sizes[i]));
      assertLevels(pools, 2);
    }
    assertWorks(mema_rewindPool(&pools[p], mark));
    assert_true(mema_ownsChunk(&pools[p], old) && !mema_ownsChunk(&pools[p], young));
    assertLevels(pools, 2);
  }
  assert_true(freePool(&pools[0]));
}

/* What came from another pool came when it came. */
static void movedChunksAreAsYoungAsTheMove(void **unused) {
  Pool pools[2];
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 10000, 0));
  void *a = palloc(&pools[0], 10), *b = palloc(&pools[0], 20);
  mema_Mark mark = mema_markPool(&pools[0]), theirs = mema_markPool(&pools[1]);
  assertWorks(mema_moveChunk(&pools[1], &pools[0], a));
  assertWorks(mema_moveChunk(&pools[1], &pools[0], b));
  assertWorks(mema_moveChunk(&pools[0], &pools[1], b));
  assertLevels(pools, 2);
  assertWorks(mema_rewindPool(&pools[0], mark));
  assert_false(mema_ownsChunk(&pools[0], b));
  assert_true(mema_ownsChunk(&pools[1], a));
  assertWorks(mema_rewindPool(&pools[1], theirs));
  assertLevels(pools, 2);
  assert_int_equal(pools[0].freeSize, 10000);
  assert_true(freePool(&pools[0]));
}

static void badMarksAreRecognised(void **unused) {
  Pool pools[3], other;
  (void)unused;
  assert_true(initPool(&pools[0], 10000) && initPool(&other, 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 10000, 0));
  assert_non_null(palloc(&pools[0], 10));
  mema_Mark mark = mema_markPool(&pools[0]), foreign = mema_markPool(&other), childs = mema_markPool(&pools[1]),
            zero = {0, 0, 0}, bad;
  void *ptr = palloc(&pools[0], 10);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], foreign), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], childs), MEMA_STALE_MARK);
  assertRefused(&pools[1], mema_rewindPool(&pools[1], mark), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], zero), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_keepChunk(&pools[0], zero, ptr), MEMA_STALE_MARK);
  memset(&bad, 0xa5, sizeof bad);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
  /* Marks of which a word was changed. */
  const uintptr_t words[] = {0, 2, 77, UINT32_MAX, (uintptr_t)1 << 40 | 1, UINTPTR_MAX};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    bad = (mema_Mark){mark.life, words[i], mark.age};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
    bad = (mema_Mark){mark.life, mark.serial, words[i]};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
    assertRefused(&pools[0], mema_keepChunk(&pools[0], bad, ptr), MEMA_STALE_MARK);
    bad = (mema_Mark){words[i] + 1000, mark.serial, mark.age};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
  }
  assertLevels(pools, 2);
  assertWorks(mema_resetPool(&pools[0]));
  assertRefused(&pools[0], mema_rewindPool(&pools[0], mark), MEMA_STALE_MARK);
  mema_Mark again = mema_markPool(&pools[0]);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], mark), MEMA_STALE_MARK);
  assertWorks(mema_rewindPool(&pools[0], again));
  assert_true(freePool(&pools[0]));
  assertFails(mema_rewindPool(&pools[0], again), MEMA_BAD_POOL);
  assertFails(mema_keepChunk(&pools[0], again, ptr), MEMA_BAD_POOL);
  assertFails(mema_markPool(&pools[0]).serial != 0, MEMA_BAD_POOL);
  assertFails(mema_markPool(NULL).serial != 0, MEMA_BAD_POOL);
  assert_true(initPool(&pools[0], 1000));
  assertRefused(&pools[0], mema_rewindPool(&pools[0], again), MEMA_STALE_MARK);
  assert_true(freePool(&pools[0]) && freePool(&other));
}

static void notInSharedOrUntrackedPools(void **unused) {
  Kind *const kinds[] = {&kindUntracked, &kindUntrackedOutside, &kindShared, &kindSharedTracked};
  Pool pool;
  (void)unused;
  for (size_t k = 0; k < 4; k++) {
    assert_true(makePool(&pool, kinds[k], 10000));
    assertRefused(&pool, mema_markPool(&pool).serial != 0, MEMA_BAD_ARGUMENT);
    assertRefused(&pool, mema_rewindPool(&pool, (mema_Mark){1, 1, 1}), MEMA_STALE_MARK);
    assertRefused(&pool, mema_rewindPool(&pool, (mema_Mark){0, 0, 0}), MEMA_STALE_MARK);
    assert_true(freePool(&pool));
  }
}

/* Sub-pools made since go, those from before stay, with what they have. */
static void subPoolsGoToo(void **unused) {
  Pool root, before, after, grandchild, own;
  (void)unused;
  assert_true(initPool(&root, 100000));
  assertWorks(makeChild(&before, &root, 10000, 500));
  mema_Mark mark = mema_markPool(&root), inner = mema_markPool(&before);
  assertWorks(makeChild(&after, &root, 10000, 700));
  assertWorks(makeChild(&grandchild, &before, 5000, 0)); /* its parent is older: only that one's mark concerns it */
  assertWorks(makeChildOf(&own, &root, &kindUntracked, 9000, 9000));
  assert_true(palloc(&before, 100) != NULL && palloc(&after, 2000) != NULL && palloc(&grandchild, 3000) != NULL);
  assert_true(palloc(&own, 5000) != NULL && palloc(&root, 10) != NULL);
  assertWorks(mema_rewindPool(&root, mark));
  assertFails(palloc(&after, 1), MEMA_BAD_POOL);
  assertFails(palloc(&own, 1), MEMA_BAD_POOL);
  assert_int_equal(root.freeSize, 100000 - 3100);
  assertWell(levelIsWrong(&root));
  assertWell(levelIsWrong(&grandchild));
  assertWorks(mema_rewindPool(&before, inner));
  assertFails(palloc(&grandchild, 1), MEMA_BAD_POOL);
  assert_int_equal(root.freeSize, 100000 - 500);
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

/* Marks come and go for a long time, with an old one that stays valid. */
static void roundAndRound(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 100000));
  mema_Mark old = mema_markPool(&pool);
  assert_non_null(palloc(&pool, 5));
  for (size_t i = 0; i < 20000; i++) {
    mema_Mark mark = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 1 + i % 300));
    assert_true(mema_rewindPool(&pool, mark));
  }
  assertPool(&pool, 5, 1);
  assertWorks(mema_rewindPool(&pool, old));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      aloneKinds(youngerChunksGo),
      aloneKinds(nestedMarks),
      aloneKinds(staleMarksBetweenValidOnes),
      aloneKinds(moreStaleMarksThanCanBeRemembered),
      aloneKinds(keptChunksStay),
      aloneKinds(keptAtTheEnds),
      cmocka_unit_test(repallocKeepsTheAge),
      cmocka_unit_test(movedChunksAreAsYoungAsTheMove),
      cmocka_unit_test(badMarksAreRecognised),
      cmocka_unit_test(notInSharedOrUntrackedPools),
      cmocka_unit_test(subPoolsGoToo),
      aloneKinds(roundAndRound),
  };
  return runTests(tests);
}
