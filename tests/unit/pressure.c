/* mema_onLowWater, mema_onExhausted, mema_largestChunk, mema_shrinkPool. */
#include "family.h"
#include "hooked.h"

static unsigned calls;
static Pool root, child, other, made;
static void *cached;

static void count(Pool *pool, void *arg) {
  assert_true(pool == arg);
  assert_true(mema_checkPool(pool));
  calls++;
}

/* ---- low water ------------------------------------------------------------------------------------------------------------ */

static void lowWaterIsToldEachTimeTheBudgetGoesBelow(void **state) {
  calls = 0;
  assert_true(makeRoot(&root, state, 10000));
  assertWorks(mema_onLowWater(&root, 5000, count, &root));
  void *a = palloc(&root, 5000);
  assert_int_equal(calls, 0); /* as many as that are free */
  void *b = palloc(&root, 1);
  assert_int_equal(calls, 1);
  assert_non_null(palloc(&root, 100));
  assert_int_equal(calls, 1); /* is below already */
  assertWorks(pfree(&root, a));
  assert_non_null(a = palloc(&root, 4899));
  assert_int_equal(calls, 1);
  assertWorks(pfree(&root, b));
  assert_non_null(b = palloc(&root, 2));
  assert_int_equal(calls, 2);
  assertWorks(pfree(&root, b));
  assertWorks(mema_chargePool(&root, 2));
  assert_int_equal(calls, 3);
  assertWorks(mema_creditPool(&root, 2));
  assert_non_null(a = mema_repalloc(&root, a, 4901));
  assert_int_equal(calls, 4);
  assert_non_null(a = mema_repalloc(&root, a, 4000));
  assert_non_null(b = mema_pcalloc(&root, 1, 4900));
  assert_int_equal(calls, 5);
  assertWorks(pfree(&root, b));
  assert_non_null(b = mema_pmemalign(&root, 64, 4000));
  assert_int_equal(calls, 6);
  assertWorks(pfree(&root, b));
  assertWorks(mema_resizePool(&root, 9000));
  assert_int_equal(calls, 7 - (root.freeSize >= 5000));
  calls = 0;
  assertWorks(mema_resizePool(&root, 20000));
  assertWorks(mema_resizePool(&root, 4200));
  assert_int_equal(calls, 1);
  assertWorks(mema_onLowWater(&root, 0, NULL, NULL));
  assertWorks(mema_resetPool(&root));
  assert_non_null(palloc(&root, 4200));
  assert_int_equal(calls, 1);
  assert_true(freePool(&root));
}

static void refusedRequestsReachNoLowWater(void **state) {
  calls = 0;
  assert_true(makeRoot(&root, state, 10000));
  assertWorks(mema_onLowWater(&root, 5000, count, &root));
  assertRefused(&root, palloc(&root, hideSize(10001)), MEMA_OVER_BUDGET);
  assert_int_equal(calls, 0);
  assertWorks(mema_onLowWater(&root, SIZE_MAX, count, &root)); /* always below */
  assert_non_null(palloc(&root, 1));
  assert_int_equal(calls, 0);
  assert_true(freePool(&root));
}

/* A sub-pool's call brings its parent down: by growing, and by being made. */
static void aGrowingSubPoolReachesTheParentsLowWater(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 10000));
  assertWorks(makeChild(&child, &root, 8000, 1000));
  assertWorks(mema_onLowWater(&root, 6000, count, &root));
  assert_non_null(palloc(&child, 1000)); /* of its own */
  assert_non_null(palloc(&child, 3000));
  assert_int_equal(calls, 0);
  assert_non_null(palloc(&child, 1));
  assert_int_equal(calls, 1);
  assertWorks(freePool(&child));
  assertWorks(makeChild(&child, &root, 8000, 4000));
  assert_int_equal(calls, 1);
  assertWorks(makeChild(&other, &root, 8000, 1));
  assert_int_equal(calls, 2);
  assertWorks(freePool(&other));
  assertWorks(mema_chargePool(&child, 4001));
  assert_int_equal(calls, 3);
  assertWorks(mema_creditPool(&child, 1));
  void *chunk = palloc(&root, 1);
  assert_int_equal(calls, 4);
  assertWorks(mema_moveChunk(&child, &root, chunk)); /* below before and after */
  assert_int_equal(calls, 4);
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

static void freeOther(Pool *pool, void *arg) {
  calls++;
  assertRefused(&child, freePool(&child), MEMA_BUSY);
  assertRefused(&child, mema_resetPool(&child), MEMA_BUSY);
  assertRefused(pool, freePool(pool), MEMA_BUSY);
  assertRefused(pool, mema_resetPool(pool), MEMA_BUSY);
  assert_true(freePool(arg));
}

/* While a call of one sub-pool goes on, its siblings are not concerned. */
static void aCallbackFreesASibling(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 10000));
  assertWorks(makeChild(&child, &root, 8000, 0) && makeChild(&other, &root, 8000, 3000));
  assert_non_null(palloc(&other, 3500));
  assertWorks(mema_onLowWater(&root, 5000, freeOther, &other));
  assert_non_null(palloc(&child, 2000));
  assert_int_equal(calls, 1);
  assertFails(palloc(&other, 1), MEMA_BAD_POOL);
  assert_int_equal(root.freeSize, 8000);
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

/* ---- exhausted ------------------------------------------------------------------------------------------------------------ */

static bool giveCached(Pool *pool, size_t wanted, void *arg) {
  (void)arg;
  calls++;
  assert_true(wanted > 0 && mema_checkPool(pool));
  assertRefused(pool, palloc(pool, hideSize(pool->freeSize + 1)), MEMA_OVER_BUDGET); /* and does not come here again */
  void *mine = cached;
  cached = NULL;
  return mine != NULL && pfree(pool, mine);
}

static void aCallbackFreesCachedChunks(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 10000));
  assertWorks(makeChild(&child, &root, 9000, 0));
  assertWorks(mema_onExhausted(&root, giveCached, NULL));
  cached = palloc(&root, 6000);
  void *a = palloc(&root, 5000); /* room is made */
  assert_true(a != NULL && calls == 1);
  assertFails(palloc(&root, 6000), MEMA_OVER_BUDGET); /* asked in vain */
  assert_int_equal(calls, 2);
  cached = palloc(&root, 3000);
  assert_non_null(palloc(&child, 4000)); /* a sub-pool's request */
  assert_int_equal(calls, 3);
  cached = palloc(&root, 1000);
  assert_true(mema_chargePool(&root, 800));
  assert_int_equal(calls, 4);
  cached = palloc(&root, 200);
  assert_true(makeChild(&other, &root, 200, 150));
  assert_int_equal(calls, 5);
  assertFails(palloc(&child, 8000), MEMA_OVER_BUDGET); /* its own budget, of which it has no callback */
  assert_int_equal(calls, 5);
  cached = palloc(&root, 50);
  assert_non_null(a = mema_repalloc(&root, a, 5020));
  assert_int_equal(calls, 6);
  assertWell(levelIsWrong(&root));
  assertWorks(mema_onExhausted(&root, NULL, NULL));
  assertRefused(&root, palloc(&root, hideSize(6000)), MEMA_OVER_BUDGET);
  assert_int_equal(calls, 6);
  assert_true(freePool(&root));
}

static bool sayYes(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  calls++;
  return true;
}

/* A callback that says yes and frees nothing is not asked again. */
static void aCallbackThatMakesNoRoomEndsInARefusal(void **state) {
  calls = 0;
  assert_true(makeRoot(&root, state, 1000));
  assertWorks(mema_onExhausted(&root, sayYes, NULL));
  assertRefused(&root, palloc(&root, hideSize(1001)), MEMA_OVER_BUDGET);
  assert_int_equal(calls, 1);
  assert_true(freePool(&root));
}

static bool raise(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  calls++;
  return mema_resizePool(pool, pool->poolSize + 100);
}

static void aCallbackRaisesTheBudgetStepByStep(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 1000));
  assertWorks(makeChild(&child, &root, 100, 0));
  assertWorks(mema_onExhausted(&root, raise, NULL) && mema_onExhausted(&child, raise, NULL));
  assert_non_null(palloc(&root, 950));
  assert_non_null(palloc(&child, 350));
  assert_int_equal(calls, 6); /* three times either */
  assert_int_equal(root.poolSize, 1300);
  assert_int_equal(child.poolSize, 400);
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

static bool freeTheChunk(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  calls++;
  assert_true(pfree(pool, cached));
  return true;
}

/* The chunk that is being changed is freed under way. */
static void repallocRefusesAChunkThatTheCallbackFreed(void **state) {
  for (size_t size = 100; size < 200000; size *= 13) {
    calls = 0;
    assert_true(makeRoot(&root, state, size * 3));
    cached = palloc(&root, size);
    assert_non_null(palloc(&root, size));
    assertWorks(mema_onExhausted(&root, freeTheChunk, NULL));
    assertFails(mema_repalloc(&root, cached, 2 * size + 1), MEMA_BAD_POINTER);
    assert_int_equal(calls, 1);
    assertPool(&root, size, 1);
    assert_true(freePool(&root));
  }
}

static bool makeIt(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  calls++;
  void *mine = cached;
  cached = NULL;
  return mine != NULL && pfree(pool, mine) && makeChild(&made, pool, 100, 0);
}

/* The callback makes the very sub-pool for which room is wanted. */
static void initRefusesASubPoolThatTheCallbackMade(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 1000));
  cached = palloc(&root, 800);
  assertWorks(mema_onExhausted(&root, makeIt, NULL));
  memset(&made, 0, sizeof made);
  assertFails(mema_initSubPool(&made, &root, &(mema_Options){.poolSize = 500, .guaranteed = 500}), MEMA_LIVE_POOL);
  assert_int_equal(calls, 1);
  assert_int_equal(root.freeSize, 1000);
  assert_int_equal(made.poolSize, 100);
  assertWell(levelIsWrong(&root));
  assertWorks(freePool(&made));
  assert_true(freePool(&root));
}

static bool giveQuietly(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  void *mine = cached;
  cached = NULL;
  return mine != NULL && pfree(pool, mine);
}

static bool freeTheChunkInVain(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  void *mine = cached;
  calls++;
  cached = NULL;
  assert_true(mine == NULL || pfree(pool, mine));
  return false;
}

/* The callback frees the chunk, but makes too little room, or says no. The call is refused since the chunk is dead. */
static void repallocRefusesAChunkThatWasFreedInVain(void **state) {
  bool (*const ways[])(Pool *, size_t, void *) = {giveQuietly, freeTheChunkInVain};
  for (int way = 0; way < 2; way++) {
    assert_true(makeRoot(&root, state, 1000));
    assert_non_null(palloc(&root, 700));
    void *ptr = cached = palloc(&root, 100);
    assertWorks(mema_onExhausted(&root, ways[way], NULL));
    assertFails(mema_repalloc(&root, ptr, 900), MEMA_BAD_POINTER);
    assert_null(cached);
    assertPool(&root, 700, 1);
    assert_true(freePool(&root));
  }
}

/* The callback changes the size of the very chunk. The next call of it wants the bytes that are then missing. */
static size_t wantedLast;

static bool growTheChunk(Pool *pool, size_t wanted, void *arg) {
  calls++;
  wantedLast = wanted;
  if (calls > 1) return false;
  assertWorks(mema_resizePool(pool, 1200));
  assertWorks(mema_repalloc(pool, arg, 200) == arg);
  return true;
}

static void repallocSeesAChunkThatTheCallbackGrew(void **state) {
  calls = 0;
  assert_true(makeUnwatched(&root, *state, 1000));
  assert_non_null(palloc(&root, 800));
  void *ptr = palloc(&root, 199);
  assertWorks(mema_onExhausted(&root, growTheChunk, ptr));
  assertFails(mema_repalloc(&root, ptr, 401), MEMA_OVER_BUDGET);
  assert_int_equal(calls, 2);
  assert_int_equal(wantedLast, 201);
  assert_int_equal(mema_lastError()->wanted, 201);
  assert_int_equal(mema_lastError()->available, 200);
  assertPool(&root, 1000, 2);
  assert_true(freePool(&root));
}

/* The callback frees a chunk and then says no. The request is refused, although there is room by now. */
static void aCallbackThatSaysNoRefusesTheRequest(void **state) {
  assert_true(makeRoot(&root, state, 1000));
  cached = palloc(&root, 900);
  assertWorks(mema_onExhausted(&root, freeTheChunkInVain, NULL));
  assertFails(palloc(&root, hideSize(400)), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, 400);
  assert_int_equal(mema_lastError()->available, 399);
  assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 400 wanted, 399 free");
  assertPool(&root, 0, 0);
  assert_true(freePool(&root));
}

/* A repalloc that a callback makes room for is one request and no failure: it counts once. Refusals within the callback count too. */
static void aRequestThatIsTriedAgainCountsOnce(void **state) {
  mema_Stats stats;
  assert_true(makeRoot(&root, state, 10000));
  cached = palloc(&root, 6000);
  void *ptr = palloc(&root, 1000), *to = NULL;
  assertWorks(mema_onExhausted(&root, giveQuietly, NULL) && mema_failAfter(&root, 1, true));
  assertWorks((to = mema_repalloc(&root, ptr, 5000)) != NULL);
  assert_null(cached);
  assertFails(palloc(&root, 10), MEMA_INJECTED);
  assertPool(&root, 5000, 1);
  calls = 0;
  cached = palloc(&root, 4000);
  assertWorks(mema_onExhausted(&root, giveCached, NULL));
  assert_non_null(mema_repalloc(&root, to, 8000));
  assert_int_equal(calls, 1);
  assert_true(mema_poolStats(&root, &stats));
  assert_int_equal(stats.refused, 2);
  assert_true(freePool(&root));
}

/* The callback lifted the budget above its low water: the charge it was for brings it below again. */
static void lowWaterIsToldAgainAfterRoomWasMade(void **state) {
  calls = 0;
  assert_true(makeRoot(&root, state, 10000));
  cached = palloc(&root, 9000);
  assert_non_null(palloc(&root, 500));
  assertWorks(mema_onLowWater(&root, 1000, count, &root) && mema_onExhausted(&root, giveQuietly, NULL));
  assertWorks(mema_chargePool(&root, 9000));
  assert_int_equal(calls, 1);
  assertWorks(mema_creditPool(&root, 9000));
  cached = palloc(&root, 9000);
  assert_int_equal(calls, 2);
  assert_non_null(palloc(&root, 8900));
  assert_int_equal(calls, 3);
  assert_true(freePool(&root));
}

/* It is the system that has none: the pool is asked, and then those above it. */
static bool restore(Pool *pool, size_t wanted, void *arg) {
  Hooks *hooks = hooksOf(&hookedZeroed);
  assert_true(wanted == MIB && mema_checkPool(pool));
  calls++;
  if (arg == NULL) return false;
  hooks->failAt = 0;
  hooks->failOn = false;
  return giveQuietly(pool, wanted, NULL);
}

static void aCallbackIsAskedWhereTheSystemHasNoMemory(void **unused) {
  static int yes;
  mema_Options options = {.poolSize = 100 * MIB, .reservation = 64 * KIB, .memory = &hookedZeroed};
  Hooks *hooks = hooksOf(&hookedZeroed);
  (void)unused;
  for (int p = 0; p < 2; p++) {
    for (int changes = 0; changes < 2; changes++) {
      Pool *pool = p == 0 ? &root : &child;
      calls = 0;
      assert_true(mema_initPoolWith(&root, &options));
      assertWorks(makeChild(&child, &root, 100 * MIB, 0));
      cached = palloc(&root, 100);
      void *ptr = palloc(pool, 5000), *to = NULL;
      assert_true(cached != NULL && ptr != NULL);
      hooks->failAt = 1;
      hooks->failOn = true;
      assertWorks(mema_onExhausted(&root, restore, NULL) && mema_onExhausted(&child, restore, NULL));
      assertRefused(pool, changes != 0 ? mema_repalloc(pool, ptr, MIB) : palloc(pool, MIB), MEMA_NO_MEMORY);
      assert_int_equal(calls, 1 + p);
      assertWorks(mema_onExhausted(&root, restore, &yes));
      to = changes != 0 ? mema_repalloc(pool, ptr, MIB) : palloc(pool, MIB);
      assert_non_null(to);
      assert_null(cached);
      assert_int_equal(calls, 2 * (1 + p));
      assertWell(levelIsWrong(&root));
      assert_true(freePool(&root));
    }
  }
}

/* Like the above, as a pool that has nothing to do with it. */
static char bufferOfMade[4096];

static bool makeItFixed(Pool *pool, size_t wanted, void *arg) {
  mema_Options options = {.engine = MEMA_FIXED, .buffer = bufferOfMade, .bufferSize = sizeof bufferOfMade};
  (void)arg;
  return mema_initPoolWith(&made, &options) && palloc(&made, 100) != NULL && giveQuietly(pool, wanted, NULL);
}

static void initRefusesAFixedPoolThatTheCallbackMade(void **unused) {
  (void)unused;
  assert_true(initPool(&root, 1000));
  cached = palloc(&root, 800);
  assertWorks(mema_onExhausted(&root, makeItFixed, NULL));
  memset(&made, 0, sizeof made);
  assertFails(mema_initSubPool(&made, &root, &(mema_Options){.poolSize = 500, .guaranteed = 500}), MEMA_LIVE_POOL);
  assert_int_equal(root.freeSize, 1000);
  assertPool(&made, 100, 1);
  assertWorks(freePool(&made));
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

static bool changeItsOptions(Pool *pool, size_t wanted, void *options) {
  *(mema_Options *)options = (mema_Options){.poolSize = 100000, .guaranteed = 70000};
  return giveQuietly(pool, wanted, NULL);
}

/* The call uses the options that it was given. */
static void anInitUsesTheOptionsItWasGiven(void **unused) {
  (void)unused;
  mema_Options options = {.poolSize = 600, .guaranteed = 500};
  assert_true(initPool(&root, 1000));
  cached = palloc(&root, 800);
  assertWorks(mema_onExhausted(&root, changeItsOptions, &options));
  memset(&made, 0, sizeof made);
  assertWorks(mema_initSubPool(&made, &root, &options));
  assert_int_equal(made.poolSize, 600);
  assert_int_equal(root.freeSize, 500);
  assertWell(levelIsWrong(&root));
  assert_true(freePool(&root));
}

static bool endItAll(Pool *pool, size_t wanted, void *arg) {
  mema_Mark *mark = arg;
  (void)wanted;
  calls++;
  assertRefused(&child, freePool(&child), MEMA_BUSY);
  assertRefused(&root, freePool(&root), MEMA_BUSY);
  assertRefused(&root, mema_resetPool(&root), MEMA_BUSY);
  assertRefused(&root, mema_rewindPool(&root, *mark), MEMA_BUSY);
  if (mema_freeSize(&other) != 0) {
    assert_true(mema_resetPool(&other));
    assert_non_null(palloc(&other, 100)); /* in a pool beside, above and below */
    assert_non_null(palloc(&child, 10));
    assert_non_null(palloc(&root, 10));
    assert_true(freePool(&other) && makeChild(&other, pool, 50, 0));
    return true;
  }
  return false;
}

static void aCallbackMayUseThePool(void **unused) {
  (void)unused;
  calls = 0;
  assert_true(initPool(&root, 10000));
  mema_Mark mark = mema_markPool(&root);
  assertWorks(makeChild(&child, &root, 9000, 0) && makeChild(&other, &root, 9000, 0));
  assert_non_null(palloc(&other, 8000));
  assertWorks(mema_onExhausted(&root, endItAll, &mark));
  assert_non_null(palloc(&child, 5000));
  assert_int_equal(calls, 1);
  assertWell(levelIsWrong(&root));
  assertWell(levelIsWrong(&child));
  assert_true(freePool(&root));
}

static void sharedPoolsRefuseCallbacks(void **unused) {
  Kind *const kinds[] = {&kindShared, &kindSharedOutside, &kindSharedTracked};
  Pool dead = {0};
  (void)unused;
  for (size_t k = 0; k < 3; k++) {
    assert_true(makePool(&root, kinds[k], 100000));
    assertRefused(&root, mema_onLowWater(&root, 10, count, NULL), MEMA_BAD_ARGUMENT);
    assertRefused(&root, mema_onExhausted(&root, sayYes, NULL), MEMA_BAD_ARGUMENT);
    assertRefused(&root, mema_failAfter(&root, 0, true), MEMA_BAD_ARGUMENT);
    assertWorks(makeChild(&child, &root, 10000, 0)); /* but for those below */
    assertWorks(mema_onLowWater(&child, 9000, count, &child));
    calls = 0;
    assert_non_null(palloc(&child, 2000));
    assert_int_equal(calls, 1);
    assert_true(freePool(&root));
  }
  assertFails(mema_onLowWater(&dead, 10, count, NULL), MEMA_BAD_POOL);
  assertFails(mema_onExhausted(&dead, sayYes, NULL), MEMA_BAD_POOL);
}

/* ---- what there is room for ------------------------------------------------------------------------------------------------ */

static void theLargestChunkIsGranted(void **unused) {
  Kind *const kinds[] = {&kindTracked, &kindUntracked,     &kindCommitted, &kindOutside,        &kindUntrackedOutside,
                         &kindShared,  &kindSharedTracked, &kindArena,     &kindArenaUntracked, &kindArenaUntrackedOutside};
  Pool dead = {0};
  (void)unused;
  for (size_t k = 0; k < 10; k++) {
    for (size_t used = 0; used < 100000; used = used * 3 + 77) {
      assert_true(makePool(&root, kinds[k], 300000));
      if (used != 0) assert_non_null(palloc(&root, used));
      for (int below = 0; below < 2; below++) {
        Pool *pool = below ? &child : &root;
        if (below) assertWorks(makeChildOf(&child, &root, kinds[k], 150000, 20000));
        size_t largest = mema_largestChunk(pool);
        assert_true(largest > 0 && largest <= mema_freeSize(pool));
        void *ptr = palloc(pool, hideSize(largest + 1));
        assert_null(ptr);
        assert_non_null(ptr = palloc(pool, largest));
        assertWorks(pfree(pool, ptr));
      }
      assert_true(freePool(&root));
    }
  }
  assert_int_equal(mema_largestChunk(&dead), 0);
  assert_int_equal(mema_largestChunk(NULL), 0);
  assert_true(initPool(&root, 100));
  assert_non_null(palloc(&root, 100));
  assert_int_equal(mema_largestChunk(&root), 0);
  assert_true(freePool(&root));
}

static void aShrunkPoolGrowsNoFurther(void **unused) {
  Kind *const kinds[] = {&kindTracked, &kindUntracked, &kindShared, &kindSharedTracked};
  (void)unused;
  for (size_t k = 0; k < 4; k++) {
    assert_true(makePool(&root, kinds[k], 100000));
    void *ptr = palloc(&root, 5000);
    size_t inUse = 100000 - mema_freeSize(&root);
    assertRefused(&root, mema_resizePool(&root, inUse - 1), MEMA_BELOW_USE);
    assert_int_equal(mema_shrinkPool(&root, inUse + 100), inUse + 100);
    assert_int_equal(mema_shrinkPool(&root, 10), inUse);
    assert_int_equal(mema_freeSize(&root), 0);
    assertRefused(&root, palloc(&root, 1), MEMA_OVER_BUDGET);
    assertRefused(&root, mema_shrinkPool(&root, 0), MEMA_BAD_ARGUMENT);
    assertRefused(&root, mema_shrinkPool(&root, MEMA_UNLIMITED + 1), MEMA_TOO_LARGE);
    assertWorks(pfree(&root, ptr));
    assert_int_equal(mema_shrinkPool(&root, 10), 10);
    assertWorks(mema_resizePool(&root, 200000));
    assert_non_null(palloc(&root, 100000));
    assert_true(freePool(&root));
    assertFails(mema_shrinkPool(&root, 10), MEMA_BAD_POOL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      aloneKinds(lowWaterIsToldEachTimeTheBudgetGoesBelow),
      aloneKinds(refusedRequestsReachNoLowWater),
      cmocka_unit_test(aGrowingSubPoolReachesTheParentsLowWater),
      cmocka_unit_test(aCallbackFreesASibling),
      cmocka_unit_test(aCallbackFreesCachedChunks),
      aloneKinds(aCallbackThatMakesNoRoomEndsInARefusal),
      cmocka_unit_test(aCallbackRaisesTheBudgetStepByStep),
      aloneKinds(repallocRefusesAChunkThatTheCallbackFreed),
      aloneKinds(repallocRefusesAChunkThatWasFreedInVain),
      aloneKinds(repallocSeesAChunkThatTheCallbackGrew),
      aloneKinds(aCallbackThatSaysNoRefusesTheRequest),
      aloneKinds(aRequestThatIsTriedAgainCountsOnce),
      aloneKinds(lowWaterIsToldAgainAfterRoomWasMade),
      cmocka_unit_test(aCallbackIsAskedWhereTheSystemHasNoMemory),
      cmocka_unit_test(initRefusesASubPoolThatTheCallbackMade),
      cmocka_unit_test(initRefusesAFixedPoolThatTheCallbackMade),
      cmocka_unit_test(anInitUsesTheOptionsItWasGiven),
      cmocka_unit_test(aCallbackMayUseThePool),
      cmocka_unit_test(sharedPoolsRefuseCallbacks),
      cmocka_unit_test(theLargestChunkIsGranted),
      cmocka_unit_test(aShrunkPoolGrowsNoFurther),
  };
  return runTests(tests);
}
