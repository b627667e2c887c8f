/* mema_lastError: one per thread, exact numbers, and errno as the header's table has it. */
#include "unit.h"

#include <pthread.h>

/* The reason of a thread that has not failed yet, then of one that has. */
static void *failElsewhere(void *before) {
  const mema_Error *error = mema_lastError();
  if (error->reason == MEMA_OK && strcmp(error->name, "MEMA_OK") == 0 && strcmp(error->sentence, "no error") == 0 &&
      error->wanted == 0 && error->available == 0) {
    *(bool *)before = true;
  }
  mema_initPool(NULL, hideSize(5));
  return mema_lastError()->reason == MEMA_BAD_ARGUMENT ? before : NULL;
}

static void theLastErrorIsTheThreadsOwn(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 100));
  for (int round = 0; round < 20; round++) {
    assert_null(palloc(&pool, 140));
    pthread_t thread;
    bool wasOk = false;
    void *answer = NULL;
    assert_int_equal(pthread_create(&thread, NULL, failElsewhere, &wasOk), 0);
    assert_int_equal(pthread_join(thread, &answer), 0);
    assert_true(wasOk);
    assert_ptr_equal(answer, &wasOk);
    assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
    assert_string_equal(mema_lastError()->sentence, "over budget by 40 bytes: 140 wanted, 100 free");
  }
  assert_true(freePool(&pool));
}

static void theHeadersExampleWorks(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 64 * 1024));
  char *text = palloc(&pool, 100);
  assert_int_equal(pool.freeSize, 65436);
  assertRefused(&pool, palloc(&pool, 1000000), MEMA_OVER_BUDGET);
  assert_string_equal(mema_lastError()->sentence, "over budget by 934564 bytes: 1000000 wanted, 65436 free");
  assertRefused(&pool, pfree(&pool, text + 1), MEMA_BAD_POINTER);
  assertWorks(pfree(&pool, text));
  assertWorks(freePool(&pool));
}

static void numbersBelongToTheFailure(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1024));
  assertRefused(&pool, palloc(&pool, 2000), MEMA_OVER_BUDGET);
  assert_true(mema_lastError()->wanted >= 2000);
  assert_int_equal(mema_lastError()->available, 1024);
  assertRefused(&pool, pfree(&pool, NULL), MEMA_BAD_POINTER);
  assert_int_equal(mema_lastError()->wanted, 0);
  assert_int_equal(mema_lastError()->available, 0);
  void *chunk = palloc(&pool, 1000);
  size_t charge = mema_chunkSize(&pool, chunk);
  assertRefused(&pool, mema_resizePool(&pool, 900), MEMA_BELOW_USE);
  assert_int_equal(mema_lastError()->wanted, 900);
  assert_int_equal(mema_lastError()->available, charge);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize(3), 5), MEMA_BAD_ALIGNMENT);
  assert_int_equal(mema_lastError()->wanted, 0);
  assert_int_equal(mema_lastError()->available, 0);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize((size_t)1 << 31), 5), MEMA_NO_MEMORY);
  assert_true(mema_lastError()->wanted >= 5);
  assert_int_equal(mema_lastError()->available, 0);
  assert_true(freePool(&pool));
}

/* The sentence is made when it is asked for. Later events in the pool do not change it. */
static void theSentenceDescribesTheMomentOfFailure(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 1000));
  assert_null(palloc(&pool, 1001));
  assert_non_null(hidePointer(palloc(&pool, 600)));
  assert_true(freePool(&pool));
  memset(&pool, 0, sizeof pool);
  assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 1001 wanted, 1000 free");
  assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 1001 wanted, 1000 free");
}

static void successLeavesErrnoAlone(void **state) {
  const Kind *kind = *state;
  Pool pool;
  char buffer[4000];
  mema_Stats stats;
  void *chunks[400] = {NULL};
  assertWorks(makePool(&pool, kind, 16 * MIB));
  for (size_t i = 0; i < 400; i++) assertWorks((chunks[i] = palloc(&pool, i * i / 4)) != NULL);
  for (size_t i = 0; i < 400; i += 3) assertWorks(pfree(&pool, chunks[i]));
  for (size_t i = 1; i < 400; i += 3) assertWorks((chunks[i] = mema_repalloc(&pool, chunks[i], i * 100)) != NULL);
  assertWorks(mema_poolStats(&pool, &stats));
  assertWorks(mema_checkPool(&pool));
  assertWorks(mema_drawPool(&pool, buffer, sizeof buffer, 0, false) > 0);
  assertWorks(mema_resizePool(&pool, 20 * MIB));
  assertWorks(mema_trimPool(&pool) < SIZE_MAX);
  assertWorks(mema_trimPool(NULL) < SIZE_MAX);
  assertWorks(mema_ownsChunk(&pool, chunks[1]));
  assertWorks(mema_resetPool(&pool));
  assertWorks((chunks[0] = palloc(&pool, 10 * MIB)) != NULL);
  assertWorks((chunks[0] = mema_repalloc(&pool, chunks[0], 12 * MIB)) != NULL);
  assertWorks(mema_committedReservation(MIB) > 0);
  assertWorks(freePool(&pool));
}

/* ---- a sentence for each fault ------------------------------------------------------------------------------------------- */

/* The call gives NULL, false or 0, with this reason and this sentence. */
#define assertSays(call, reason, ...)                          \
  do {                                                         \
    char expected[200];                                        \
    snprintf(expected, sizeof expected, __VA_ARGS__);          \
    assertFails(call, reason);                                 \
    assert_string_equal(mema_lastError()->sentence, expected); \
  } while (0)

/* As assertSays, for a bad argument: the sentence names it behind "bad argument: ". */
#define assertBlames(call, ...) assertSays(call, MEMA_BAD_ARGUMENT, "bad argument: " __VA_ARGS__)

#define TOO_LARGE "larger than any object can be: %zu is above %zu", SIZE_MAX, MEMA_UNLIMITED

static bool initWith(mema_Options options) {
  Pool pool;
  memset(&pool, 0xa5, sizeof pool);
  Pool before = pool;
  bool made = mema_initPoolWith(&pool, &options);
  if (!made) assert_memory_equal(&pool, &before, sizeof pool);
  return made;
}

static void *noAddresses(void *user, size_t size, size_t alignment) {
  (void)user, (void)size, (void)alignment;
  return NULL;
}

static void theSentenceNamesTheBadOption(void **state) {
  (void)state;
  static const mema_Memory noReserve = {.reserve = NULL}, hooks = {.reserve = noAddresses};
  assertBlames(initPool(NULL, hideSize(10)), "pool is NULL");
  assertBlames(initWith((mema_Options){.poolSize = 0}), "poolSize is 0");
  assertSays(initWith((mema_Options){.poolSize = SIZE_MAX}), MEMA_TOO_LARGE, TOO_LARGE);
  assertBlames(initWith((mema_Options){.poolSize = 1, .engine = (mema_Engine)7}), "engine 7 is none");
  assertBlames(initWith((mema_Options){.poolSize = 1, .engine = (mema_Engine)-1}), "engine 4294967295 is none");
  assertBlames(initWith((mema_Options){.poolSize = 1, .engine = MEMA_ARENA, .shared = true}), "MEMA_ARENA with shared");
  assertBlames(initWith((mema_Options){.poolSize = 1, .engine = MEMA_ARENA, .memory = &hooks}), "MEMA_ARENA with memory");
  assertBlames(initWith((mema_Options){.poolSize = 1, .memory = &noReserve}), "memory->reserve is NULL");
  assertBlames(initWith((mema_Options){.poolSize = 1, .reservation = MEMA_UNLIMITED + 3}), "reservation %zu is above %zu",
               MEMA_UNLIMITED + 3, MEMA_UNLIMITED);
  Pool pool;
  assert_true(initPool(&pool, 100));
  assertSays(initPool(&pool, 100), MEMA_LIVE_POOL, "the pool is initialised already");
  assertBlames(mema_initPoolWith(&pool, NULL), "options is NULL");
  assert_true(freePool(&pool));
}

static void theSentenceNamesTheBadOptionOfABuffer(void **state) {
  (void)state;
  static char buffer[1000];
  static const mema_Memory hooks = {.reserve = noAddresses};
  const mema_Options good = {.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  mema_Options bad = good;
  bad.buffer = NULL;
  assertBlames(initWith(bad), "buffer is NULL");
  bad = good, bad.bufferSize = 0;
  assertBlames(initWith(bad), "bufferSize 0 is below 256");
  bad.bufferSize = 255;
  assertBlames(initWith(bad), "bufferSize 255 is below 256");
  bad.bufferSize = SIZE_MAX;
  assertBlames(initWith(bad), "bufferSize %zu passes memory's end", SIZE_MAX);
  bad = good, bad.shared = true;
  assertBlames(initWith(bad), "MEMA_FIXED with shared");
  bad = good, bad.memory = &hooks;
  assertBlames(initWith(bad), "MEMA_FIXED with memory");
  bad = good, bad.locked = true;
  assertBlames(initWith(bad), "MEMA_FIXED with locked");
  bad = good, bad.hugePages = true;
  assertBlames(initWith(bad), "MEMA_FIXED with hugePages");
  bad = good, bad.poolSize = SIZE_MAX;
  assertSays(initWith(bad), MEMA_TOO_LARGE, TOO_LARGE);
  assert_true(initWith(good));
}

static bool initChild(Pool *parent, mema_Options options) {
  Pool child = {0};
  bool made = mema_initSubPool(&child, parent, &options);
  return made && !freePool(&child);
}

static void theSentenceNamesTheBadOptionOfASubPool(void **state) {
  (void)state;
  static char buffer[1000];
  const mema_Options inBuffer = {.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  Pool pool, fixed;
  assert_true(initPool(&pool, 1000) && mema_initPoolWith(&fixed, &inBuffer));
  assertBlames(initChild(&fixed, (mema_Options){.poolSize = 1}), "the parent has MEMA_FIXED");
  assertBlames(initChild(&pool, inBuffer), "a sub-pool with MEMA_FIXED");
  assertBlames(initChild(&pool, (mema_Options){.engine = MEMA_FIXED}), "a sub-pool with MEMA_FIXED");
  assertBlames(initChild(&pool, (mema_Options){.poolSize = 0}), "poolSize is 0");
  assertBlames(initChild(&pool, (mema_Options){.poolSize = 1024, .guaranteed = 4096}),
               "guaranteed 4096 is above poolSize 1024");
  assertBlames(initChild(&pool, (mema_Options){.poolSize = 100, .guaranteed = 99, .shared = true}),
               "guaranteed 99 of a shared sub-pool must be its poolSize 100");
  assertSays(initChild(&pool, (mema_Options){.poolSize = 2000, .guaranteed = 1001}), MEMA_OVER_BUDGET,
             "over budget by 1 bytes: 1001 wanted, 1000 free");
  assertSays(initChild(NULL, (mema_Options){.poolSize = 1}), MEMA_BAD_POOL,
             "not a live pool (never made, freed, copied or moved)");
  assert_true(freePool(&pool) && freePool(&fixed));
}

/* Each kind of memory that the system, or the hooks, do not have. */
static void theSentenceNamesTheMissingMemory(void **state) {
  (void)state;
  static const mema_Memory hooks = {.reserve = noAddresses};
  const size_t size = wordBits == 64 ? MEMA_UNLIMITED / 8 : MEMA_UNLIMITED / 2, large = MEMA_UNLIMITED - 100000;
  assertSays(initWith((mema_Options){.poolSize = size, .committed = true}), MEMA_NO_MEMORY,
             "the system has no memory to give: %zu bytes wanted, and committed", size);
  assertSays(initWith((mema_Options){.poolSize = size, .locked = true}), MEMA_NO_MEMORY,
             "the system has no memory to give: %zu bytes wanted, and locked: see RLIMIT_MEMLOCK", size);
  assertSays(initWith((mema_Options){.poolSize = 100, .memory = &hooks}), MEMA_NO_MEMORY,
             "the system has no memory to give: 100 bytes wanted, of the memory's hooks");
  assert_int_equal(mema_lastError()->wanted, 100);
  Pool pool;
  assert_true(initPool(&pool, MEMA_UNLIMITED));
  assertSays(initChild(&pool, (mema_Options){.poolSize = 200, .memory = &hooks}), MEMA_NO_MEMORY,
             "the system has no memory to give: 200 bytes wanted, of the memory's hooks");
  assertSays(palloc(&pool, hideSize(large)), MEMA_NO_MEMORY, "the system has no memory to give: %zu bytes wanted", large);
  assert_true(freePool(&pool));
}

static void theSentenceNamesTheSize(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1024));
  void *chunk = palloc(&pool, 16);
  assertSays(palloc(&pool, hideSize(SIZE_MAX)), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_repalloc(&pool, chunk, hideSize(SIZE_MAX)), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_pcalloc(&pool, hideSize(SIZE_MAX), 1), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_pmemalign(&pool, 64, hideSize(SIZE_MAX)), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_chargePool(&pool, SIZE_MAX), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_resizePool(&pool, SIZE_MAX), MEMA_TOO_LARGE, TOO_LARGE);
  assertSays(mema_shrinkPool(&pool, SIZE_MAX), MEMA_TOO_LARGE, TOO_LARGE);
  assert_int_equal(mema_lastError()->wanted, 0);
  assertBlames(mema_resizePool(&pool, 0), "poolSize is 0");
  assertBlames(mema_shrinkPool(&pool, 0), "poolSize is 0");
  assertSays(mema_resizePool(&pool, 15), MEMA_BELOW_USE, "the new size is below what is in use: 15 bytes wanted, 16 in use");
  assertSays(mema_pcalloc(&pool, hideSize(MEMA_UNLIMITED / 4), hideSize((size_t)1 << 30)), MEMA_OVERFLOW,
             "count times size overflows: %zu times 1073741824", MEMA_UNLIMITED / 4);
  assertSays(mema_pmemalign(&pool, hideSize(24), 5), MEMA_BAD_ALIGNMENT, "the alignment is not a power of two: 24");
  assertSays(mema_pmemalign(&pool, hideSize((size_t)1 << 31), 5), MEMA_NO_MEMORY,
             "the system has no memory to give: alignment 2147483648 is above 1 GiB");
  assert_int_equal(mema_lastError()->wanted, 5);
  assert_int_equal(mema_lastError()->available, 0);
  assertPool(&pool, 16, 1);
  assert_true(freePool(&pool));
}

static void theSentenceNamesTheMissingArgument(void **state) {
  const Kind *kind = *state;
  Pool pool;
  const char *volatile format = NULL;
  assert_true(makePool(&pool, kind, 1024) && mema_chargePool(&pool, 30));
  assertBlames(mema_creditPool(&pool, 31), "bytes 31 is above the 30 charged");
  assertBlames(mema_poolStats(&pool, NULL), "stats is NULL");
  assertBlames(mema_pstrdup(&pool, NULL), "the source is NULL");
  assertBlames(mema_pstrndup(&pool, NULL, 1), "the source is NULL");
  assertBlames(mema_pmemdup(&pool, NULL, hideSize(1)), "the source is NULL");
  assertBlames(mema_psprintf(&pool, format, 1), "format is NULL");
  assert_true(freePool(&pool));
}

static void doNothing(void *arg) {
  (void)arg;
}

static void theSentenceNamesACallThatSharedPoolsLack(void **state) {
  const Kind *kind = *state;
  mema_Cleanup cleanup = {0};
  Pool pool;
  assert_true(makePool(&pool, kind, 1024));
  assertBlames(mema_onLowWater(&pool, 1, NULL, NULL), "a shared pool cannot have a callback for low water");
  assertBlames(mema_onExhausted(&pool, NULL, NULL), "a shared pool cannot have a callback for no room");
  assertBlames(mema_failAfter(&pool, 1, true), "a shared pool cannot fail on purpose");
  assertBlames(mema_markPool(&pool).serial != 0, "a shared pool cannot have marks");
  assertBlames(mema_addCleanup(&pool, &cleanup, doNothing, NULL, MEMA_AFTER_SUB_POOLS),
               "a shared pool cannot have clean-ups");
  assertSays(mema_pallocWait(&pool, 1024, 0) == NULL || mema_pallocWait(&pool, 1, 3), MEMA_TIMED_OUT,
             "the budget had no room in time: 1 bytes wanted, 3 milliseconds waited");
  assert_int_equal(mema_lastError()->wanted, 0);
  assert_true(freePool(&pool));
}

static void theSentenceNamesTheMarkOrChunk(void **state) {
#define STALE "not a valid mark of this pool: "
  (void)state;
  static char buffer[1000];
  Pool pool, arena, untracked, fixed;
  const mema_Options arenas = {.poolSize = 1000, .engine = MEMA_ARENA, .untracked = true},
                     words = {.poolSize = 1000, .untracked = true},
                     inBuffer = {.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer, .untracked = true};
  assert_true(initPool(&pool, 1000) && mema_initPoolWith(&arena, &arenas) && mema_initPoolWith(&untracked, &words) &&
              mema_initPoolWith(&fixed, &inBuffer));
  assertBlames(mema_markPool(&untracked).serial != 0, "an untracked pool can have marks only if it is an arena");
  assertBlames(mema_markPool(&fixed).serial != 0, "an untracked pool can have marks only if it is an arena");
  mema_Mark ofArena = mema_markPool(&arena), first = mema_markPool(&pool);
  void *chunk = palloc(&arena, 1);
  assertBlames(mema_keepChunk(&arena, ofArena, chunk), "an untracked arena cannot keep a single chunk");
  assert_non_null(hidePointer(palloc(&pool, 1)));
  mema_Mark second = mema_markPool(&pool), forged = ofArena;
  assert_non_null(hidePointer(palloc(&pool, 1)));
  assert_true(mema_rewindPool(&pool, first));
  assertSays(mema_rewindPool(&pool, (mema_Mark){0, 0, 0, 0}), MEMA_STALE_MARK, STALE "the mark is zero");
  assertSays(mema_rewindPool(&pool, ofArena), MEMA_STALE_MARK,
             STALE "it was made by another pool, or before this one was made or reset");
  forged.position = 1 << 20;
  assertSays(mema_rewindPool(&arena, forged), MEMA_STALE_MARK,
             STALE "it was made by another pool, or before this one was made or reset");
  assertSays(mema_rewindPool(&pool, second), MEMA_STALE_MARK, STALE "the pool has gone back to an older mark since");
  assertSays(mema_keepChunk(&pool, second, chunk), MEMA_STALE_MARK, STALE "the pool has gone back to an older mark since");
  assert_true(freePool(&pool) && freePool(&arena) && freePool(&untracked) && freePool(&fixed));
#undef STALE
}

static mema_Cleanup late;

static void endAgain(void *arg) {
  Pool *pool = arg;
  assertSays(freePool(pool), MEMA_BUSY,
             "the pool is busy: a callback or clean-up of it, or below it, has not returned "
             "(if a jump left one, call where that led)");
  assertSays(mema_addCleanup(pool, &late, doNothing, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BUSY,
             "the pool is busy: it is about to end");
  assertSays(initChild(pool, (mema_Options){.poolSize = 1}), MEMA_BUSY, "the pool is busy: it is about to end");
}

static void theSentenceNamesTheCleanUp(void **state) {
  (void)state;
  mema_Cleanup cleanup, other = {0};
  Pool pool, child;
  const mema_Options half = {.poolSize = 500, .guaranteed = 400}, shared = {.poolSize = 9, .guaranteed = 9, .shared = true};
  memset(&cleanup, 0xa5, sizeof cleanup);
  assert_true(initPool(&pool, 1000) && mema_initSubPool(&child, &pool, &half));
  assertSays(mema_resizePool(&child, 399), MEMA_BELOW_USE,
             "the new size is below what is in use: 399 bytes wanted, 400 guaranteed");
  assert_non_null(hidePointer(palloc(&child, 401)));
  assertSays(mema_resizePool(&child, 399), MEMA_BELOW_USE,
             "the new size is below what is in use: 399 bytes wanted, 401 in use");
  assert_true(freePool(&child) && mema_initSubPool(&child, &pool, &shared));
  assertBlames(mema_resizePool(&child, 10), "a shared sub-pool cannot be resized");
  assertBlames(mema_addCleanup(&pool, NULL, doNothing, NULL, MEMA_AFTER_SUB_POOLS), "cleanup is NULL");
  assertBlames(mema_addCleanup(&pool, &cleanup, NULL, NULL, MEMA_AFTER_SUB_POOLS), "run is NULL");
  assertBlames(mema_addCleanup(&pool, &cleanup, doNothing, NULL, (mema_CleanupTime)2),
               "when is 2, which is no mema_CleanupTime");
  assert_true(mema_addCleanup(&pool, &cleanup, endAgain, &pool, MEMA_BEFORE_SUB_POOLS));
  assertBlames(mema_addCleanup(&pool, &cleanup, doNothing, NULL, MEMA_AFTER_SUB_POOLS), "the clean-up is in use already");
  assertBlames(mema_cancelCleanup(&pool, &other), "the clean-up is not in use by this pool");
  assertBlames(mema_cancelCleanup(&pool, NULL), "cleanup is NULL");
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theLastErrorIsTheThreadsOwn),
      cmocka_unit_test(theHeadersExampleWorks),
      anyKind(numbersBelongToTheFailure),
      cmocka_unit_test(theSentenceDescribesTheMomentOfFailure),
      anyKind(successLeavesErrnoAlone),
      cmocka_unit_test(theSentenceNamesTheBadOption),
      cmocka_unit_test(theSentenceNamesTheBadOptionOfABuffer),
      cmocka_unit_test(theSentenceNamesTheBadOptionOfASubPool),
      cmocka_unit_test(theSentenceNamesTheMissingMemory),
      anyKind(theSentenceNamesTheSize),
      anyKind(theSentenceNamesTheMissingArgument),
      sharedKinds(theSentenceNamesACallThatSharedPoolsLack),
      withKind(theSentenceNamesACallThatSharedPoolsLack, kindSharedTracked),
      cmocka_unit_test(theSentenceNamesTheMarkOrChunk),
      cmocka_unit_test(theSentenceNamesTheCleanUp),
  };
  return runTests(tests);
}
