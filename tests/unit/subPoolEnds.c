/* The lives of sub-pools: freed, lost, overwritten, made and ended within a call of their root, and refused where there is no memory. */
#include "family.h"
#include "hooked.h"

/* ---- the end -------------------------------------------------------------------------------------------------------------- */

static void aFreedSubPoolStaysFreed(void **unused) {
  Pool parent, child, copy;
  (void)unused;
  assert_true(initPool(&parent, 50000));
  for (int borrowed = 0; borrowed < 2; borrowed++) {
    mema_Options options = {.poolSize = 1000, .reservation = borrowed ? 0 : 64 * KIB};
    memset(&child, 0, sizeof child);
    assertWorks(mema_initSubPool(&child, &parent, &options));
    void *chunk = palloc(&child, 10);
    Pool elsewhere = child;
    assertFails(palloc(&elsewhere, 1), MEMA_BAD_POOL);
    assertFails(pfree(&elsewhere, chunk), MEMA_BAD_POOL);
    memcpy(&copy, &child, sizeof copy);
    assertWorks(freePool(&child));
    assertFails(freePool(&child), MEMA_BAD_POOL);
    assert_false(child.initialized);
    for (int again = 0; again < 2; again++) {
      memcpy(&child, &copy, sizeof copy);
      assertFails(palloc(&child, 10), MEMA_BAD_POOL);
      assertFails(pfree(&child, chunk), MEMA_BAD_POOL);
      assertFails(mema_repalloc(&child, chunk, 20), MEMA_BAD_POOL);
      assertFails(mema_pcalloc(&child, 1, 20), MEMA_BAD_POOL);
      assertFails(mema_pmemalign(&child, 64, 20), MEMA_BAD_POOL);
      assertFails(mema_chargePool(&child, 1), MEMA_BAD_POOL);
      assertFails(mema_resizePool(&child, 10), MEMA_BAD_POOL);
      assertFails(mema_resetPool(&child), MEMA_BAD_POOL);
      assertFails(mema_moveChunk(&parent, &child, chunk), MEMA_BAD_POOL);
      assertFails(mema_initSubPool(&elsewhere, &child, &options), MEMA_BAD_POOL);
      assertFails(mema_checkPool(&child), MEMA_BAD_POOL);
      assertFails(freePool(&child), MEMA_BAD_POOL);
      assert_int_equal(mema_freeSize(&child), 0);
      assert_int_equal(mema_largestChunk(&child), 0);
      Pool another; /* it may well get the record and the memory of the freed one */
      assertWorks(mema_initSubPool(&another, &parent, &options));
      assertFails(palloc(&child, 10), MEMA_BAD_POOL);
      assertWorks(freePool(&another));
    }
  }
  assertPool(&parent, 0, 0);
  assert_true(freePool(&parent));
  memcpy(&child, &copy, sizeof copy);
  assertFails(palloc(&child, 10), MEMA_BAD_POOL);
}

/* The caller lost a sub-pool's Pool: its parent can end, begin anew, and have its budget back. */
static void aLostSubPoolDoesNotHoldUpItsParent(void **unused) {
  Pool pools[4];
  (void)unused;
  for (int way = 0; way < 6; way++) {
    assert_true(initPool(&pools[0], 50000));
    mema_Mark mark = mema_markPool(&pools[0]);
    assertWorks(makeChild(&pools[1], &pools[0], 20000, 3000));
    assertWorks(makeChild(&pools[2], &pools[1], 9000, 100));
    assertWorks(makeChild(&pools[3], &pools[0], 8000, 10));
    assert_true(palloc(&pools[1], 4000) != NULL && palloc(&pools[2], 500) != NULL && palloc(&pools[3], 77) != NULL);
    assert_int_equal(pools[0].freeSize, 50000 - 4500 - 77);
    memset(&pools[1], way % 2 == 0 ? 0 : 0xff, sizeof(Pool));
    if (way / 2 == 0) {
      assert_true(freePool(&pools[0]));
    } else {
      assert_true(way / 2 == 1 ? mema_resetPool(&pools[0]) : mema_rewindPool(&pools[0], mark));
      assert_int_equal(pools[0].freeSize, 50000);
      assertFails(palloc(&pools[2], 1), MEMA_BAD_POOL);
      assertFails(palloc(&pools[3], 1), MEMA_BAD_POOL);
      assert_non_null(palloc(&pools[0], 50000));
      assert_true(freePool(&pools[0]));
    }
    for (size_t i = 0; i < 4; i++) assertFails(palloc(&pools[i], 1), MEMA_BAD_POOL);
  }
}

/* The parent gets back the bytes that the lost sub-pool held, and none of its own. */
static void theBudgetOfALostSubPoolComesBack(void **unused) {
  enum { parentKinds = 3 };
  static const Kind *const parents[parentKinds] = {&kindTracked, &kindArena, &kindArenaUntracked};
  (void)unused;
  for (size_t i = 0; i < parentKinds; i++) {
    Pool parent = {0}, lost = {0}, other = {0};
    assert_true(makePool(&parent, parents[i], 50000));
    assert_non_null(palloc(&parent, 1234));
    assert_true(mema_chargePool(&parent, 55));
    assertWorks(makeChild(&other, &parent, 9000, 700));
    assert_non_null(palloc(&other, 800));
    size_t before = parent.freeSize;
    mema_Mark mark = mema_markPool(&parent);
    assertWorks(makeChild(&lost, &parent, 20000, 3000));
    assert_non_null(palloc(&lost, 4000));
    assert_true(parent.freeSize <= before - 4000);
    mema_Stats stats;
    assert_true(mema_poolStats(&parent, &stats));
    assert_true(stats.subPoolBytes >= 4800 && stats.subPools == 2);
    memset(&lost, 0xff, sizeof lost);
    assert_true(mema_rewindPool(&parent, mark));
    assert_int_equal(parent.freeSize, before);
    assert_non_null(palloc(&parent, before & ~(size_t)15));
    assert_true(freePool(&parent));
  }
}

/* The bytes of an earlier life, over a live child. */
static void aLiveSubPoolOverwrittenByItsPastIsRefused(void **unused) {
  Pool parent, child, past;
  (void)unused;
  assert_true(initPool(&parent, 50000));
  assertWorks(makeChild(&child, &parent, 1000, 0));
  past = child;
  assert_true(freePool(&child));
  assertWorks(makeChild(&child, &parent, 1000, 0));
  assert_non_null(palloc(&child, 100));
  memcpy(&child, &past, sizeof child);
  assertFails(palloc(&child, 1), MEMA_BAD_POOL);
  assertFails(freePool(&child), MEMA_BAD_POOL);
  assert_true(mema_resetPool(&parent));
  assert_int_equal(parent.freeSize, 50000);
  assert_true(freePool(&parent));
}

/* As many levels as there is memory for: nothing here is recursive. */
static void familiesMayBe20000LevelsDeep(void **unused) {
  enum { levels = 20000 };
  Pool *pools = malloc(levels * sizeof *pools);
  (void)unused;
  assert_non_null(pools);
  assert_true(initPool(&pools[0], 100000));
  for (size_t i = 1; i < levels; i++) assert_true(makeChild(&pools[i], &pools[i - 1], 100000, 0));
  assert_non_null(palloc(&pools[levels - 1], 1000));
  assert_int_equal(pools[0].freeSize, 99000);
  assert_int_equal(mema_largestChunk(&pools[levels - 1]), 99000);
  assert_true(mema_checkPool(&pools[0]));
  assert_true(mema_resetPool(&pools[10000]));
  assert_int_equal(pools[0].freeSize, 100000);
  assertFails(palloc(&pools[10001], 1), MEMA_BAD_POOL);
  assert_true(mema_checkPool(&pools[0]));
  assert_true(freePool(&pools[0]));
  assertFails(palloc(&pools[5000], 1), MEMA_BAD_POOL);
  free(pools);
}

static void thousandsOfSiblingsShareAParent(void **unused) {
  enum { count = 3000 };
  static Pool pools[count];
  Pool parent;
  mema_Stats stats;
  uint64_t state = 5;
  (void)unused;
  assert_true(initPool(&parent, MIB));
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < count; i++) {
      if (mema_freeSize(&pools[i]) != 0) continue;
      assertWorks(makeChild(&pools[i], &parent, 200, i % 3 * 50));
      assert_non_null(palloc(&pools[i], 1 + i % 199));
    }
    assert_true(mema_poolStats(&parent, &stats));
    assert_int_equal(stats.subPools, count);
    assert_true(mema_checkPool(&parent));
    for (size_t i = 0; i < count; i++)
      if (nextRandom(&state) % 2 == 0) assertWorks(freePool(&pools[i]));
    assert_true(mema_checkPool(&parent));
  }
  assert_true(freePool(&parent));
  for (size_t i = 0; i < count; i++) assert_int_equal(mema_freeSize(&pools[i]), 0);
}

/* A pool may lie in its parent's own chunk. */
static void aSubPoolMayLieInAChunkOfItsParent(void **unused) {
  Pool parent;
  (void)unused;
  assert_true(initPool(&parent, 100000));
  Pool *child = palloc(&parent, sizeof(Pool)), *grandchild = palloc(&parent, sizeof(Pool));
  assertWorks(makeChild(child, &parent, 10000, 100));
  assertWorks(makeChild(grandchild, child, 10000, 100));
  assert_non_null(palloc(grandchild, 5000));
  assert_true(mema_checkPool(&parent));
  assert_true(mema_resetPool(&parent));
  assertPool(&parent, 0, 0);
  assert_true(freePool(&parent));
}

/* Memory of a sub-pool serves pools without a parent later, and the other way round. */
static void memoryOfSubPoolsServesOtherPools(void **state) {
  const Kind *kind = *state;
  Pool parent, pool;
  assert_true(initPool(&parent, MIB));
  for (int life = 0; life < 6; life++) {
    assert_true(life % 2 == 0 ? makeChildOf(&pool, &parent, kind, 64 * KIB, 100) : makePool(&pool, kind, 64 * KIB));
    void *chunk = palloc(&pool, 100);
    assert_non_null(chunk);
    assert_non_null(mema_repalloc(&pool, palloc(&pool, 30), 300));
    assert_true(mema_checkPool(&pool) && mema_checkPool(&parent));
    assertWorks(pfree(&pool, chunk));
    assert_true(freePool(&pool));
    assert_int_equal(parent.freeSize, MIB);
  }
  assert_true(freePool(&parent));
}

/* The peak of a parent counts bytes that its sub-pools held and let go. */
static void theParentsPeakCountsItsSubPools(void **state) {
  Kind *const kinds[] = {&kindTracked, &kindUntracked, &kindArena, &kindArenaUntracked};
  for (size_t k = 0; k < 4; k++) {
    Pool pools[3];
    mema_Stats stats;
    assert_true(makeRoot(&pools[0], state, 100000));
    assertWorks(makeChildOf(&pools[1], &pools[0], kinds[k], 50000, 0));
    assertWorks(makeChild(&pools[2], &pools[1], 50000, 0));
    for (size_t p = 1; p < 3; p++) {
      assertWorks(pfree(&pools[p], palloc(&pools[p], p * 1024)));
      for (size_t above = 0; above <= p; above++) {
        assert_true(mema_poolStats(&pools[above], &stats));
        assert_int_equal(stats.peakBytes, p * 1024);
      }
    }
    assertLevels(pools, 3);
    assert_true(freePool(&pools[0]));
  }
}

/* A sub-pool's chunk is freed while its own thread is in the midst of a call to the shared root, as a signal handler might: here by a hook of
 * the root's memory. What it held comes back. */
static Pool interruptedRoot, interruptingChild;
static void *lettingGo;
static unsigned attempt;

/* A call that needs the root's lock is refused, and changes nothing. */
static void attemptOne(void) {
  Pool another = {0};
  if (attempt == 1) assertFails(freePool(&interruptedRoot), MEMA_REENTERED);
  if (attempt == 2) assertFails(mema_resetPool(&interruptedRoot), MEMA_REENTERED);
  if (attempt == 3) assertFails(freePool(&interruptingChild), MEMA_REENTERED);
  if (attempt == 4) assertFails(makeChild(&another, &interruptedRoot, 10, 0), MEMA_REENTERED);
  attempt = 0;
}

static void *reserveAndFree(void *user, size_t size, size_t alignment) {
  (void)user;
  void *base = NULL;
  attemptOne();
  if (lettingGo != NULL) {
    errno = untouchedErrno;
    if (!pfree(&interruptingChild, lettingGo) || errno != untouchedErrno) return NULL;
    lettingGo = NULL;
  }
  return posix_memalign(&base, alignment, size) == 0 ? base : NULL;
}

static void dropReserved(void *user, void *base, size_t size) {
  (void)user;
  (void)size;
  free(base);
}

static void makeInterrupted(void **state) {
  const Kind *kind = *state;
  mema_Memory memory = {.reserve = reserveAndFree, .release = dropReserved};
  mema_Options options = kind->options;
  options.poolSize = 4 * MIB;
  options.reservation = 64 * KIB;
  options.memory = &memory;
  assert_true(mema_initPoolWith(&interruptedRoot, &options));
  assert_true(makeChild(&interruptingChild, &interruptedRoot, MIB, 0));
}

static void chunksMayBeFreedWithinACallOfTheRoot(void **state) {
  makeInterrupted(state);
  void *stays = palloc(&interruptingChild, 1000);
  lettingGo = palloc(&interruptingChild, 300000);
  assert_true(stays != NULL && lettingGo != NULL);
  void *chunk = palloc(&interruptedRoot, MIB); /* outside: it reserves more */
  assert_non_null(chunk);
  assert_null(lettingGo);
  assert_true(mema_checkPool(&interruptedRoot) && mema_checkPool(&interruptingChild));
  assert_true(pfree(&interruptingChild, stays) && pfree(&interruptedRoot, chunk));
  assert_non_null(palloc(&interruptingChild, MIB));
  assert_true(mema_resetPool(&interruptingChild));
  assert_int_equal(mema_freeSize(&interruptedRoot), 4 * MIB);
  assert_true(mema_checkPool(&interruptedRoot));
  assert_true(freePool(&interruptedRoot));
}

/* Families end and begin within a call of the root. The root goes on unchanged, and can be freed at the end. */
static void familiesMayEndWithinACallOfTheRoot(void **state) {
  for (unsigned kind = 1; kind <= 4; kind++) {
    makeInterrupted(state);
    void *stays = palloc(&interruptingChild, 1000);
    attempt = kind;
    void *chunk = palloc(&interruptedRoot, MIB);
    assert_true(chunk != NULL && attempt == 0);
    assert_true(mema_checkPool(&interruptedRoot) && mema_checkPool(&interruptingChild));
    assertWorks(pfree(&interruptingChild, stays));
    assertWorks(freePool(&interruptingChild));
    assertWorks(mema_resetPool(&interruptedRoot));
    assert_int_equal(mema_freeSize(&interruptedRoot), 4 * MIB);
    assertWorks(freePool(&interruptedRoot));
  }
}

/* ---- no memory for it ---------------------------------------------------------------------------------------------------- */

static void sameStats(const Pool *pool, const mema_Stats *before) {
  mema_Stats stats;
  assert_true(mema_poolStats(pool, &stats));
  assert_int_equal(stats.freeSize, before->freeSize);
  assert_int_equal(stats.peakBytes, before->peakBytes);
  assert_int_equal(stats.subPoolBytes, before->subPoolBytes);
  assert_int_equal(stats.subPools, before->subPools);
  assertWell(levelIsWrong(pool));
}

static void countLow(Pool *pool, void *arg) {
  (void)pool;
  ++*(unsigned *)arg;
}

/* If the system has no memory for a sub-pool, the parents' peaks do not rise, and no low water is announced. */
static void aFailedInitLeavesNoTrace(void **unused) {
  Hooks *hooks = hooksOf(&hookedZeroed);
  Pool pools[3];
  mema_Stats before[2];
  unsigned lows = 0;
  mema_Options options = {.poolSize = 5000, .guaranteed = 4000, .memory = &hookedZeroed};
  (void)unused;
  assert_true(initPool(&pools[0], 10000));
  assertWorks(makeChild(&pools[1], &pools[0], 8000, 1000));
  assertWorks(mema_onLowWater(&pools[0], 8000, countLow, &lows) && mema_onLowWater(&pools[1], 6000, countLow, &lows));
  for (int i = 0; i < 2; i++) assert_true(mema_poolStats(&pools[i], &before[i]));
  hooks->failAt = 1;
  hooks->failOn = true;
  memset(&pools[2], 0, sizeof pools[2]);
  for (int i = 0; i < 2; i++) {
    assertFails(mema_initSubPool(&pools[2], &pools[i], &options), MEMA_NO_MEMORY);
    assertFails(palloc(&pools[2], 1), MEMA_BAD_POOL);
    for (int k = 0; k < 2; k++) sameStats(&pools[k], &before[k]);
  }
  assert_int_equal(lows, 0);
  hooks->failAt = 0;
  hooks->failOn = false;
  assert_true(mema_initSubPool(&pools[2], &pools[1], &options));
  assert_int_equal(lows, 2);
  assertLevels(pools, 3);
  assert_true(freePool(&pools[0]));
}

static void *takeFromParent(void *parent, size_t size, size_t alignment) {
  palloc(parent, 3000);
  return hookedZeroed.reserve(hookedZeroed.user, size, alignment);
}

static void giveBack(void *parent, void *base, size_t size) {
  (void)parent;
  hookedZeroed.release(hookedZeroed.user, base, size);
}

static bool commit(void *parent, void *base, size_t size) {
  (void)parent;
  return hookedZeroed.commit(hookedZeroed.user, base, size);
}

/* The sub-pool's hooks spend the bytes that were to be guaranteed. */
static void initRefusesAGuaranteeThatHooksSpent(void **unused) {
  Pool root, child = {0};
  mema_Memory memory = {.reserve = takeFromParent, .release = giveBack, .commit = commit, .zeroed = true, .user = &root};
  mema_Options options = {.poolSize = 5000, .guaranteed = 4000, .memory = &memory};
  (void)unused;
  assert_true(initPool(&root, 6000));
  assertFails(mema_initSubPool(&child, &root, &options), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->available, 3000);
  assertFails(palloc(&child, 1), MEMA_BAD_POOL);
  assert_int_equal(hooksOf(&hookedZeroed)->live, 0);
  assertPool(&root, 3000, 1);
  assertWorks(makeChild(&child, &root, 3000, 3000));
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aFailedInitLeavesNoTrace),
      cmocka_unit_test(initRefusesAGuaranteeThatHooksSpent),
      withKind(theParentsPeakCountsItsSubPools, kindTracked),
      withKind(theParentsPeakCountsItsSubPools, kindUntracked),
      arenaKinds(theParentsPeakCountsItsSubPools),
      withKind(theParentsPeakCountsItsSubPools, kindArenaUntracked),
      withKind(familiesMayEndWithinACallOfTheRoot, kindShared),
      withKind(familiesMayEndWithinACallOfTheRoot, kindSharedTracked),
      withKind(chunksMayBeFreedWithinACallOfTheRoot, kindShared),
      withKind(chunksMayBeFreedWithinACallOfTheRoot, kindSharedTracked),
      withKind(memoryOfSubPoolsServesOtherPools, kindTracked),
      withKind(memoryOfSubPoolsServesOtherPools, kindUntracked),
      withKind(memoryOfSubPoolsServesOtherPools, kindArena),
      withKind(memoryOfSubPoolsServesOtherPools, kindArenaUntracked),
      withKind(memoryOfSubPoolsServesOtherPools, kindCommitted),
      cmocka_unit_test(aFreedSubPoolStaysFreed),
      cmocka_unit_test(aLostSubPoolDoesNotHoldUpItsParent),
      cmocka_unit_test(theBudgetOfALostSubPoolComesBack),
      cmocka_unit_test(aLiveSubPoolOverwrittenByItsPastIsRefused),
      cmocka_unit_test(familiesMayBe20000LevelsDeep),
      cmocka_unit_test(thousandsOfSiblingsShareAParent),
      cmocka_unit_test(aSubPoolMayLieInAChunkOfItsParent),
  };
  return runTests(tests);
}
