/* mema_markPool, mema_rewindPool, mema_keepChunk. */
#include "family.h"

/* Those with a chain of their own, and untracked arenas. */
#define markedKinds(test) aloneKinds(test), withKind(test, kindArenaUntracked), withKind(test, kindArenaUntrackedOutside)
#define untrackedArenas(test) withKind(test, kindArenaUntracked), withKind(test, kindArenaUntrackedOutside)

/* An untracked arena charges whole grains. */
static size_t chargeIn(const Pool *pool, size_t size) {
  return poolIsUntracked(pool) ? (size + 15) / 16 * 16 : size;
}

static void aRewindFreesTheYoungerChunks(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 100000));
  void *old = palloc(&pool, 100), *older = palloc(&pool, 40);
  mema_Mark mark = mema_markPool(&pool);
  assert_int_not_equal(mark.serial, 0);
  for (int round = 0; round < 3; round++) {
    void *young = NULL;
    for (size_t i = 1; i < 50; i++) assert_non_null(young = palloc(&pool, i * 20));
    void *youngest = palloc(&pool, 50000);
    assert_non_null(youngest);
    if (round == 1) assertWorks(pfree(&pool, old)); /* single frees in between */
    if (round == 2) assertWorks(pfree(&pool, youngest) && pfree(&pool, young));
    assertWorks(mema_rewindPool(&pool, mark));
    assertPool(&pool, chargeIn(&pool, 40) + (round == 0 ? chargeIn(&pool, 100) : 0), round == 0 ? 2u : 1u);
    assert_false(mema_ownsChunk(&pool, young) || mema_ownsChunk(&pool, youngest));
    assertWorks(mema_rewindPool(&pool, mark)); /* it is valid still, and nothing is left to do */
  }
  assert_true(mema_ownsChunk(&pool, older));
  assert_true(freePool(&pool));
}

static void marksNest(void **state) {
  enum { depth = 30 };
  Pool pool;
  mema_Mark marks[depth];
  assert_true(makeRoot(&pool, state, 100000));
  for (size_t i = 0; i < depth; i++) {
    marks[i] = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 10 + i));
  }
  for (size_t back = depth; back-- > 0;) {
    if (back % 3 != 0) continue; /* some are skipped: they expire with the older ones */
    assertWorks(mema_rewindPool(&pool, marks[back]));
    for (size_t i = 0; i < depth; i++) {
      if (i > back) assertRefused(&pool, mema_rewindPool(&pool, marks[i]), MEMA_STALE_MARK);
      if (i > back && pool.tail != NULL)
        assertRefused(&pool, mema_keepChunk(&pool, marks[i], pool.tail->ptr), MEMA_STALE_MARK);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < back; i++) bytes += chargeIn(&pool, 10 + i);
    assertPool(&pool, bytes, back);
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* Expired marks between valid ones are recognised, as long as they lie in at most four places. */
static void expiredMarksBetweenValidOnesAreRefused(void **state) {
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
    assertPool(&pool, (i + 1) * chargeIn(&pool, 100), i + 1);
    assertWorks(mema_rewindPool(&pool, valid[i]));
    for (size_t n = 0; n < 4; n++)
      for (size_t k = 0; k < 3; k++) assertRefused(&pool, mema_rewindPool(&pool, stale[n][k]), MEMA_STALE_MARK);
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* In more places some stale marks may pass: then for another moment, and never with damage. */
static void manyExpiredMarksDoNoDamage(void **state) {
  enum { count = 40 };
  Pool pool;
  mema_Mark valid[count], stale[count];
  assert_true(makeRoot(&pool, state, 100000));
  for (size_t i = 0; i < count; i++) {
    valid[i] = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 50));
    stale[i] = mema_markPool(&pool);
    assert_true(mema_rewindPool(&pool, valid[i]));
    assert_non_null(palloc(&pool, 50 + i % 3 * 60)); /* where the stale mark was, there may be the middle of it */
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
static void chunksAtTheEndsOfTheChainCanBeKept(void **state) {
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
static void repallocKeepsTheAgeOfAChunk(void **unused) {
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

/* A chunk from another pool is as old as its move. */
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
            zero = {0, 0, 0, 0}, bad;
  void *ptr = palloc(&pools[0], 10);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], foreign), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], childs), MEMA_STALE_MARK);
  assertRefused(&pools[1], mema_rewindPool(&pools[1], mark), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], zero), MEMA_STALE_MARK);
  assertRefused(&pools[0], mema_keepChunk(&pools[0], zero, ptr), MEMA_STALE_MARK);
  memset(&bad, 0xa5, sizeof bad);
  assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
  /* Marks of which a word was changed. */
  const uintptr_t words[] = {0, 2, 77, UINT32_MAX, (uintptr_t)1 << (wordBits - 24) | 1, UINTPTR_MAX};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    bad = (mema_Mark){mark.life, words[i], mark.age, mark.position};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
    bad = (mema_Mark){mark.life, mark.serial, words[i], mark.position};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
    assertRefused(&pools[0], mema_keepChunk(&pools[0], bad, ptr), MEMA_STALE_MARK);
    bad = (mema_Mark){words[i] + 1000, mark.serial, mark.age, mark.position};
    assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
    bad = (mema_Mark){mark.life, mark.serial, mark.age, words[i] + 1};
    if (words[i] != UINTPTR_MAX) assertRefused(&pools[0], mema_rewindPool(&pools[0], bad), MEMA_STALE_MARK);
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

static void sharedAndUntrackedPoolsRefuseMarks(void **unused) {
  Kind *const kinds[] = {&kindUntracked, &kindUntrackedOutside, &kindShared, &kindSharedTracked, &kindFixedUntracked};
  Pool pool;
  (void)unused;
  for (size_t k = 0; k < 5; k++) {
    assert_true(makePool(&pool, kinds[k], 10000));
    assertRefused(&pool, mema_markPool(&pool).serial != 0, MEMA_BAD_ARGUMENT);
    assertRefused(&pool, mema_rewindPool(&pool, (mema_Mark){1, 1, 1, 0}), MEMA_STALE_MARK);
    assertRefused(&pool, mema_rewindPool(&pool, (mema_Mark){0, 0, 0, 0}), MEMA_STALE_MARK);
    assert_true(freePool(&pool));
  }
}

/* Sub-pools that were made since the mark go. Older ones stay, with their chunks. */
static void aRewindFreesYoungerSubPools(void **unused) {
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
static void anOldMarkOutlivesManyYoungerOnes(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 100000));
  mema_Mark old = mema_markPool(&pool);
  assert_non_null(palloc(&pool, 5));
  for (size_t i = 0; i < 20000; i++) {
    mema_Mark mark = mema_markPool(&pool);
    assert_non_null(palloc(&pool, 1 + i % 300));
    assert_true(mema_rewindPool(&pool, mark));
  }
  assertPool(&pool, chargeIn(&pool, 5), 1);
  assertWorks(mema_rewindPool(&pool, old));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* ---- untracked arenas ---------------------------------------------------------------------------------------------------- */

static bool liesIn(const Pool *pool, const void *ptr) {
  return addressOf(ptr) - addressOf(pool->mem) < 64 * KIB;
}

static void untrackedArenasRefuseToKeepChunks(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 200000));
  mema_Mark mark = mema_markPool(&pool);
  void *inside = palloc(&pool, 10), *large = palloc(&pool, 100000);
  assertRefused(&pool, mema_keepChunk(&pool, mark, inside), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_keepChunk(&pool, mark, large), MEMA_BAD_ARGUMENT);
  assertWorks(mema_rewindPool(&pool, mark));
  assertRefused(&pool, mema_keepChunk(&pool, (mema_Mark){0, 0, 0, 0}, inside), MEMA_STALE_MARK);
  assert_true(freePool(&pool));
}

/* Positions that no mark of the pool had: behind the last one, and inside chunks. */
static void forgedPositionsAreRefused(void **state) {
  Pool pool;
  assert_true(makeUnwatched(&pool, *state, 50000));
  void *old = palloc(&pool, 160);
  mema_Mark mark = mema_markPool(&pool), bad = mark;
  assert_non_null(palloc(&pool, 32));
  for (uintptr_t add = 1; add < 200; add++) {
    bad.position = mark.position + add;
    assertRefused(&pool, mema_rewindPool(&pool, bad), MEMA_STALE_MARK);
  }
  for (uintptr_t less = 1; less < mark.position; less++) {
    bad.position = mark.position - less;
    assertRefused(&pool, mema_rewindPool(&pool, bad), MEMA_STALE_MARK);
  }
  for (int bit = 16; bit < (int)sizeof bad.position * 8; bit++) {
    bad.position = mark.position | (uintptr_t)1 << bit;
    assertRefused(&pool, mema_rewindPool(&pool, bad), MEMA_STALE_MARK);
  }
  assertWorks(mema_rewindPool(&pool, mark));
  assertPool(&pool, 160, 1);
  assert_true(mema_ownsChunk(&pool, old));
  assert_true(freePool(&pool));
}

/* In the area a chunk that repalloc moves is as young as its move, and one that stays as old as it is. */
static void aChunkMovedInTheAreaIsAsYoungAsItsMove(void **state) {
  Pool pool;
  assert_true(makeRoot(&pool, state, 50000));
  char *stays = palloc(&pool, 100), *moves = palloc(&pool, 100);
  mema_Mark mark = mema_markPool(&pool);
  assert_true(samePlace(mema_repalloc(&pool, stays, 50), stays));
  char *moved = mema_repalloc(&pool, moves, 200); /* the youngest, but for the mark */
  assert_false(samePlace(moved, moves));
  assert_true(samePlace(mema_repalloc(&pool, moved, 3000), moved)); /* grows where it is, behind the mark */
  assertPool(&pool, 64 + 3008, 2);
  assertWorks(mema_rewindPool(&pool, mark));
  assertPool(&pool, 64, 1);
  assert_true(mema_ownsChunk(&pool, stays) && !mema_ownsChunk(&pool, moved));
  assert_true(freePool(&pool));
}

/* Outside a chunk keeps its age wherever it goes, and has that of its move if it comes from the area. */
static void aChunkMovedOutsideKeepsItsAge(void **unused) {
  static const size_t sizes[] = {80000, 200000, 300000, 90000, 3000000};
  Pool pool;
  (void)unused;
  assert_true(makePool(&pool, &kindArenaUntrackedOutside, 10 * MIB));
  char *inside = palloc(&pool, 100), *old = palloc(&pool, 70000);
  assert_true(liesIn(&pool, inside) && !liesIn(&pool, old));
  mema_Mark mark = mema_markPool(&pool);
  char *young = palloc(&pool, 70000);
  for (size_t i = 0; i < 5; i++) {
    assert_non_null(old = mema_repalloc(&pool, old, sizes[i]));
    assert_non_null(young = mema_repalloc(&pool, young, sizes[i]));
    assert_true(!liesIn(&pool, old) && !liesIn(&pool, young));
    assert_true(mema_checkPool(&pool));
  }
  inside = mema_repalloc(&pool, inside, 70000);
  assert_false(liesIn(&pool, inside));
  mema_Mark after = mema_markPool(&pool);
  assertWorks(mema_rewindPool(&pool, after));
  assertPool(&pool, 2 * 3000000 + 70000, 3);
  assertWorks(mema_rewindPool(&pool, mark));
  assertPool(&pool, 3000000, 1);
  assert_true(mema_ownsChunk(&pool, old));
  assertWorks(pfree(&pool, old));
  assert_true(freePool(&pool));
}

/* Many slabs outside, slots and large chunks in each, older and younger ones side by side. */
static void aRewindFreesTheYoungerChunksOutside(void **unused) {
  enum { count = 3000 };
  static void *chunks[2][count];
  Pool pool;
  mema_Stats stats;
  size_t bytes = 0;
  (void)unused;
  assert_true(makePool(&pool, &kindArenaUntrackedOutside, 200 * MIB));
  mema_Mark start = mema_markPool(&pool);
  assert_non_null(palloc(&pool, 65000)); /* the area is full */
  for (size_t i = 0; i < count; i++) chunks[0][i] = palloc(&pool, 16 + i * 7 % 5000);
  mema_Mark mark = mema_markPool(&pool);
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < count; i++) chunks[1][i] = palloc(&pool, 16 + i * 31 % (i % 16 == 0 ? 90000 : 9000));
    for (size_t i = 0; i < count; i += 3) assert_true(pfree(&pool, chunks[round][i]));
    assert_true(mema_poolStats(&pool, &stats));
    assert_true(stats.outsideChunks > count);
    assertWorks(mema_rewindPool(&pool, mark));
    bytes = chargeIn(&pool, 65000);
    for (size_t i = 0; i < count; i++) {
      if (round == 1 || mema_ownsChunk(&pool, chunks[0][i])) bytes += mema_chunkSize(&pool, chunks[0][i]);
    }
    assertPool(&pool, bytes, 1 + count - count / 3);
    for (size_t i = 0; i < count; i++) assert_int_equal(mema_ownsChunk(&pool, chunks[0][i]), i % 3 != 0);
  }
  assert_true(mema_poolStats(&pool, &stats) && stats.reservation > 8 * MIB);
  assertWorks(mema_rewindPool(&pool, start));
  assertPool(&pool, 0, 0);
  assert_true(mema_poolStats(&pool, &stats) && stats.reservation < 2 * MIB); /* one slab is kept */
  assert_true(freePool(&pool));
}

/* Memory before a mark is not handed out again as long as the pool may go back to it, and is then. */
static void memoryBeforeAMarkIsNotHandedOutAgain(void **unused) {
  Pool pool;
  (void)unused;
  for (int way = 0; way < 3; way++) { /* a reset, a new life, an older mark */
    assert_true(makeUnwatched(&pool, &kindArenaUntracked, 50000));
    mema_Mark oldest = mema_markPool(&pool);
    char *first = palloc(&pool, 100);
    mema_Mark mark = mema_markPool(&pool);
    assert_true(pfree(&pool, first));
    assert_false(samePlace(palloc(&pool, 100), first));
    assertWorks(mema_rewindPool(&pool, mark));
    assertPool(&pool, 0, 0);
    if (way == 0) assertWorks(mema_resetPool(&pool));
    if (way == 1) assert_true(freePool(&pool) && makeUnwatched(&pool, &kindArenaUntracked, 50000));
    if (way == 2) assertWorks(mema_rewindPool(&pool, oldest));
    assertRefused(&pool, mema_rewindPool(&pool, mark), MEMA_STALE_MARK);
    for (int round = 0; round < 3; round++) {
      char *again = palloc(&pool, 100);
      if (way != 1) assert_true(samePlace(again, first));
      first = again;
      assert_true(samePlace(mema_repalloc(&pool, again, 500), again));
      assert_true(pfree(&pool, again));
    }
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
  }
}

static int ran;

static void countRun(void *arg) {
  Pool *pool = arg;
  ran++;
  assert_non_null(palloc(pool, 20)); /* goes, too */
  assert_int_not_equal(mema_markPool(pool).serial, 0);
}

/* Sub-pools that are arenas credit those above, all or beyond what is guaranteed, under a shared root too; and have sub-pools of their own. */
static void rewoundSubPoolsCreditTheLevelsAbove(void **unused) {
  Kind *const roots[] = {&kindTracked, &kindUntracked, &kindArena, &kindArenaUntracked, &kindShared, &kindSharedTracked};
  Kind *const arenas[] = {&kindArenaUntracked, &kindArenaUntrackedOutside};
  static const size_t guaranteed[] = {0, 1000, 90000};
  Pool pools[3];
  (void)unused;
  for (size_t way = 0; way < 6 * 2 * 3; way++) {
    size_t sure = guaranteed[way % 3];
    assert_true(makePool(&pools[0], roots[way / 6], MIB));
    assertWorks(makeChildOf(&pools[1], &pools[0], arenas[way / 3 % 2], 200000, sure));
    assert_non_null(palloc(&pools[1], 500));
    mema_Mark mark = mema_markPool(&pools[1]);
    mema_Cleanup cleanup = {0};
    for (int round = 0; round < 3; round++) {
      ran = 0;
      assertWorks(makeChildOf(&pools[2], &pools[1], &kindArenaUntracked, 50000, 300));
      assertWorks(mema_addCleanup(&pools[1], &cleanup, countRun, &pools[1], MEMA_AFTER_SUB_POOLS));
      assert_true(palloc(&pools[1], 1500) != NULL && palloc(&pools[1], 70000) != NULL && palloc(&pools[2], 2000) != NULL);
      assert_int_equal(pools[1].freeSize, 200000 - 512 - 1504 - 70000 - 2000);
      assertWorks(mema_rewindPool(&pools[1], mark));
      assert_int_equal(ran, 1);
      assertFails(palloc(&pools[2], 1), MEMA_BAD_POOL);
      assertPool(&pools[1], 512, 1);
      assert_int_equal(mema_freeSize(&pools[0]), MIB - (sure > 512 ? sure : 512));
      assertLevels(pools, 2);
    }
    assertWorks(mema_rewindPool(&pools[1], mark));
    assert_true(freePool(&pools[1]) && mema_freeSize(&pools[0]) == MIB && freePool(&pools[0]));
  }
}

/* ---- the same at random, and what should be ------------------------------------------------------------------------------- */

enum { itemMost = 400, markMost = 4 };

typedef struct Item {
  unsigned char *ptr;
  size_t size;
  unsigned seed;
  uint64_t made; /* or moved into the area, out of it, or within it */
} Item;

typedef struct Moment {
  mema_Mark mark;
  uint64_t made;
} Moment;

typedef struct Model {
  Pool pool;
  Item items[itemMost];
  size_t count, bytes, peak;
  Moment moments[markMost];
  size_t marks;
  size_t gone, stayed; /* of the chunks outside, when the pool went back */
  uint64_t now, state;
} Model;

static size_t below(Model *model, size_t limit) {
  return (size_t)(nextRandom(&model->state) % limit);
}

static size_t someSize(Model *model) {
  return 1 + below(model, below(model, 8) == 0 ? 9000 : 300);
}

static void allocateOne(Model *model) {
  size_t size = someSize(model);
  if (model->count == itemMost) return;
  Item item = {.size = size, .seed = (unsigned)model->now, .made = ++model->now};
  item.ptr = below(model, 8) == 0 ? mema_pmemalign(&model->pool, 256, size) : palloc(&model->pool, size);
  assert_non_null(item.ptr);
  fillBytes(item.ptr, size, item.seed);
  model->items[model->count++] = item;
  model->bytes += chargeIn(&model->pool, size);
}

static void dropItem(Model *model, size_t i) {
  model->bytes -= chargeIn(&model->pool, model->items[i].size);
  model->items[i] = model->items[--model->count];
}

static void freeOne(Model *model) {
  if (model->count == 0) return;
  size_t i = below(model, 2) == 0 ? model->count - 1 : below(model, model->count);
  assertWorks(pfree(&model->pool, model->items[i].ptr));
  dropItem(model, i);
}

static void changeOne(Model *model) {
  if (model->count == 0) return;
  Item *item = &model->items[below(model, model->count)];
  size_t size = someSize(model);
  unsigned char *ptr = mema_repalloc(&model->pool, item->ptr, size);
  assert_non_null(ptr);
  assert_true(bytesFilled(ptr, size < item->size ? size : item->size, item->seed));
  bool moved = !samePlace(ptr, item->ptr);
  if (moved && (liesIn(&model->pool, ptr) || liesIn(&model->pool, item->ptr))) item->made = ++model->now;
  model->bytes += chargeIn(&model->pool, size) - chargeIn(&model->pool, item->size);
  item->ptr = ptr;
  item->size = size;
  fillBytes(ptr, size, item->seed);
}

static void markNow(Model *model) {
  if (model->marks == markMost) return;
  mema_Mark mark = mema_markPool(&model->pool);
  assert_int_not_equal(mark.serial, 0);
  model->moments[model->marks++] = (Moment){mark, ++model->now};
}

static void goBack(Model *model) {
  if (model->marks == 0) return;
  size_t which = below(model, 4) == 0 ? below(model, model->marks) : model->marks - 1;
  uint64_t made = model->moments[which].made;
  assertWorks(mema_rewindPool(&model->pool, model->moments[which].mark));
  for (size_t i = model->count; i-- > 0;) {
    bool outside = !liesIn(&model->pool, model->items[i].ptr);
    model->stayed += outside && model->items[i].made <= made;
    model->gone += outside && model->items[i].made > made;
    if (model->items[i].made <= made) continue;
    assert_false(mema_ownsChunk(&model->pool, model->items[i].ptr));
    dropItem(model, i);
  }
  for (size_t i = which + 1; i < model->marks; i++)
    assertRefused(&model->pool, mema_rewindPool(&model->pool, model->moments[i].mark), MEMA_STALE_MARK);
  model->marks = which + 1;
}

static void compare(Model *model) {
  mema_Stats stats;
  for (size_t i = 0; i < model->count; i++) {
    const Item *item = &model->items[i];
    assert_int_equal(mema_chunkSize(&model->pool, item->ptr), chargeIn(&model->pool, item->size));
    assert_true(bytesFilled(item->ptr, item->size, item->seed));
  }
  if (model->bytes > model->peak) model->peak = model->bytes;
  assertPool(&model->pool, model->bytes, model->count);
  assert_true(mema_poolStats(&model->pool, &stats));
  assert_true(stats.peakBytes >= model->peak);
}

/* One life after another, in an area that is used up soon. */
static void randomMarksAgreeWithTheModel(void **unused) {
  static Model model;
  (void)unused;
  model.state = 20240607;
  for (int life = 0; life < 40; life++) {
    mema_Options options = {.poolSize = 16 * MIB, .reservation = 64 * KIB, .untracked = true, .engine = MEMA_ARENA};
    model.count = model.bytes = model.peak = model.marks = 0;
    assert_true(mema_initPoolWith(&model.pool, &options));
    for (int step = 0; step < 1000; step++) {
      size_t what = below(&model, 100);
      if (what < 60) allocateOne(&model);
      if (what >= 60 && what < 80) freeOne(&model);
      if (what >= 80 && what < 96) changeOne(&model);
      if (what == 96 || what == 97) markNow(&model);
      if (what >= 98) goBack(&model);
      compare(&model);
    }
    if (life % 2 == 0) assertWorks(mema_resetPool(&model.pool));
    assert_true(freePool(&model.pool));
  }
  assert_true(model.gone > 1000 && model.stayed > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      markedKinds(aRewindFreesTheYoungerChunks),
      markedKinds(marksNest),
      markedKinds(expiredMarksBetweenValidOnesAreRefused),
      markedKinds(manyExpiredMarksDoNoDamage),
      aloneKinds(keptChunksStay),
      aloneKinds(chunksAtTheEndsOfTheChainCanBeKept),
      cmocka_unit_test(repallocKeepsTheAgeOfAChunk),
      cmocka_unit_test(movedChunksAreAsYoungAsTheMove),
      cmocka_unit_test(badMarksAreRecognised),
      cmocka_unit_test(sharedAndUntrackedPoolsRefuseMarks),
      cmocka_unit_test(aRewindFreesYoungerSubPools),
      markedKinds(anOldMarkOutlivesManyYoungerOnes),
      untrackedArenas(untrackedArenasRefuseToKeepChunks),
      untrackedArenas(forgedPositionsAreRefused),
      untrackedArenas(aChunkMovedInTheAreaIsAsYoungAsItsMove),
      cmocka_unit_test(aChunkMovedOutsideKeepsItsAge),
      cmocka_unit_test(aRewindFreesTheYoungerChunksOutside),
      cmocka_unit_test(memoryBeforeAMarkIsNotHandedOutAgain),
      cmocka_unit_test(rewoundSubPoolsCreditTheLevelsAbove),
      cmocka_unit_test(randomMarksAgreeWithTheModel),
  };
  return runTests(tests);
}
