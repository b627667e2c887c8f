/* A pool's life: init, reset, resize, free, and every state in which a Pool is none. */
#include "unit.h"

static void initGivesAnEmptyPool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assertWorks(makePool(&pool, kind, 100000));
  assert_int_equal(pool.poolSize, 100000);
  assert_int_equal(pool.freeSize, 100000);
  assert_non_null(pool.mem);
  assertPool(&pool, 0, 0);
  assertWorks(freePool(&pool));
  assert_false(pool.initialized);
}

static void initRefusesABadSize(void **state) {
  (void)state;
  Pool pool, before;
  memset(&pool, 0x5a, sizeof pool);
  before = pool;
  assertFails(initPool(NULL, hideSize(100)), MEMA_BAD_ARGUMENT);
  assertFails(initPool(&pool, hideSize(0)), MEMA_BAD_ARGUMENT);
  assertFails(initPool(&pool, MEMA_UNLIMITED + 1), MEMA_TOO_LARGE);
  assertFails(initPool(&pool, SIZE_MAX), MEMA_TOO_LARGE);
  assertFails(mema_initPoolWith(&pool, NULL), MEMA_BAD_ARGUMENT);
  mema_Options options = {.poolSize = 0};
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  assertFails(mema_initPoolWith(NULL, &options), MEMA_BAD_ARGUMENT);
  options.poolSize = MEMA_UNLIMITED + 1;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_TOO_LARGE);
  options.poolSize = 100;
  options.reservation = MEMA_UNLIMITED + 1;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.reservation = SIZE_MAX;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  assert_memory_equal(&pool, &before, sizeof pool);
}

static void initTakesAnyBudgetUpToUnlimited(void **state) {
  (void)state;
  static const size_t sizes[] = {
      1, 15, 16, 17, 4095, 4096, 65536, 1 << 20, MEMA_UNLIMITED >> 23, MEMA_UNLIMITED - 1, MEMA_UNLIMITED};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assertWorks(initPool(&pool, sizes[i]));
    assert_int_equal(pool.poolSize, sizes[i]);
    assertPool(&pool, 0, 0);
    void *chunk;
    assertWorks((chunk = palloc(&pool, 1)) != NULL);
    assertPool(&pool, 1, 1);
    assertWorks(pfree(&pool, chunk));
    assertPool(&pool, 0, 0);
    assertWorks(freePool(&pool));
  }
}

static void initRefusesALivePool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 10000));
  char *text = palloc(&pool, 100);
  size_t charge = mema_chunkSize(&pool, text);
  fillBytes(text, 100, 1);
  mema_Options options = {.poolSize = 5};
  assertRefused(&pool, initPool(&pool, 5), MEMA_LIVE_POOL);
  assertRefused(&pool, mema_initPoolWith(&pool, &options), MEMA_LIVE_POOL);
  assert_true(bytesFilled(text, 100, 1));
  assertPool(&pool, charge, 1);
  assert_true(freePool(&pool));
}

/* Each function, once, with something that is no live pool. */
static void assertEveryFunctionRefuses(Pool *pool) {
  char text[] = "text";
  mema_Stats stats;
  assertFails(freePool(pool), MEMA_BAD_POOL);
  assertFails(mema_resetPool(pool), MEMA_BAD_POOL);
  assertFails(mema_resizePool(pool, 10), MEMA_BAD_POOL);
  assertFails(palloc(pool, hideSize(10)), MEMA_BAD_POOL);
  assertFails(pfree(pool, text), MEMA_BAD_POOL);
  assertFails(pfree(pool, NULL), MEMA_BAD_POOL);
  assertFails(mema_pcalloc(pool, 1, hideSize(10)), MEMA_BAD_POOL);
  assertFails(mema_repalloc(pool, text, hideSize(10)), MEMA_BAD_POOL);
  assertFails(mema_repalloc(pool, NULL, hideSize(10)), MEMA_BAD_POOL);
  assertFails(mema_pmemalign(pool, 64, hideSize(10)), MEMA_BAD_POOL);
  assertFails(mema_pstrdup(pool, text), MEMA_BAD_POOL);
  assertFails(mema_pstrndup(pool, text, 2), MEMA_BAD_POOL);
  assertFails(mema_pmemdup(pool, text, hideSize(2)), MEMA_BAD_POOL);
  assertFails(mema_psprintf(pool, "%d", 1), MEMA_BAD_POOL);
  assertFails(mema_poolStats(pool, &stats), MEMA_BAD_POOL);
  assertFails(mema_checkPool(pool), MEMA_BAD_POOL);
  assertFails(mema_drawPool(pool, text, sizeof text, 0, true), MEMA_BAD_POOL);
  if (pool != NULL) assertFails(mema_trimPool(pool), MEMA_BAD_POOL);
  /* The questions answer without an error. */
  assertWorks(mema_chunkSize(pool, text) == 0);
  assertWorks(!mema_ownsChunk(pool, text));
  assertWorks(mema_freeSize(pool) == 0);
}

static void callsRefuseAnythingButALivePool(void **state) {
  (void)state;
  Pool pool;
  assertEveryFunctionRefuses(NULL);
  memset(&pool, 0, sizeof pool);
  assertEveryFunctionRefuses(&pool);
  memset(&pool, 0xff, sizeof pool);
  assertEveryFunctionRefuses(&pool);
  uint64_t random = 1;
  for (int round = 0; round < 200; round++) {
    uint64_t words[sizeof(Pool) / 8];
    for (size_t i = 0; i < sizeof words / 8; i++) words[i] = nextRandom(&random);
    memcpy(&pool, words, sizeof words);
    pool.initialized = true;
    assertEveryFunctionRefuses(&pool);
  }
}

static void copiedAndMovedPoolsAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool, copy;
  assert_true(makePool(&pool, kind, 10000));
  void *chunk = palloc(&pool, 100);
  size_t charge = mema_chunkSize(&pool, chunk);
  memcpy(&copy, &pool, sizeof copy);
  assertEveryFunctionRefuses(&copy);
  assertFails(pfree(&copy, chunk), MEMA_BAD_POOL);
  assertPool(&pool, charge, 1);
  /* A copy is no live pool: its memory may become one, and the original is none the worse. */
  assertWorks(initPool(&copy, 500));
  assertPool(&pool, charge, 1);
  assertPool(&copy, 0, 0);
  assert_true(freePool(&copy));
  /* Moved away, zeroed at home, and moved back: a Pool may be refused elsewhere but not be lost. */
  memcpy(&copy, &pool, sizeof copy);
  memset(&pool, 0, sizeof pool);
  assertEveryFunctionRefuses(&pool);
  assertEveryFunctionRefuses(&copy);
  memcpy(&pool, &copy, sizeof copy);
  assertPool(&pool, charge, 1);
  assert_true(freePool(&pool));
}

static void freedPoolsAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool, snapshot;
  assert_true(makePool(&pool, kind, 10000));
  assert_non_null(hidePointer(palloc(&pool, 100)));
  memcpy(&snapshot, &pool, sizeof snapshot);
  assertWorks(freePool(&pool));
  assertEveryFunctionRefuses(&pool);
  /* The bytes of the live Pool, put back where they were valid. */
  memcpy(&pool, &snapshot, sizeof pool);
  assertEveryFunctionRefuses(&pool);
  /* And again while a younger pool has taken over the same address and, perhaps, the same reservation. */
  for (int round = 0; round < 50; round++) {
    Pool younger;
    assertWorks(makePool(&pool, kind, 10000));
    memcpy(&younger, &pool, sizeof younger);
    memcpy(&pool, &snapshot, sizeof pool);
    assertEveryFunctionRefuses(&pool);
    memcpy(&pool, &younger, sizeof pool);
    assertPool(&pool, 0, 0);
    assertWorks(freePool(&pool));
    snapshot = younger;
  }
}

static void freePoolFreesLiveChunks(void **state) {
  const Kind *kind = *state;
  for (int round = 0; round < 20; round++) {
    Pool pool;
    assertWorks(makePool(&pool, kind, 4 * MIB));
    size_t bytes = 0, chunks = 0;
    for (size_t size = 1; size <= MIB; size *= 3) {
      void *chunk = palloc(&pool, size);
      assert_non_null(chunk);
      fillBytes(chunk, size, 3);
      bytes += mema_chunkSize(&pool, chunk);
      chunks++;
    }
    assertPool(&pool, bytes, chunks);
    assertWorks(freePool(&pool));
  }
}

static void aResetKeepsThePool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  mema_Options options = kind->options;
  options.poolSize = 2 * MIB;
  options.name = "kept";
  assert_true(mema_initPoolWith(&pool, &options));
  void *mem = pool.mem, *last = NULL;
  assertWorks(mema_resetPool(&pool));
  assertPool(&pool, 0, 0);
  size_t handed = 0;
  for (int round = 0; round < 10; round++) {
    for (size_t i = 0; i < 300; i++, handed++) {
      last = palloc(&pool, i % 7 == 0 ? 40000 : i);
      if (last == NULL) break;
      memset(last, 1, i);
    }
    void *known = palloc(&pool, 1);
    assertWorks(mema_resetPool(&pool));
    assertPool(&pool, 0, 0);
    handed++;
    assertRefused(&pool, pfree(&pool, known), MEMA_BAD_POINTER);
  }
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.allocations, handed);
  assert_int_equal(stats.frees, handed);
  assert_string_equal(stats.name, "kept");
  assert_int_equal(stats.untracked, kind->options.untracked);
  assert_int_equal(stats.committed, kind->options.committed);
  assert_ptr_equal(pool.mem, mem);
  assert_true(freePool(&pool));
}

static void aResizeChangesTheBudget(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1000));
  void *first = palloc(&pool, 600);
  size_t used = mema_chunkSize(&pool, first);
  assertRefused(&pool, mema_resizePool(&pool, 0), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_resizePool(&pool, MEMA_UNLIMITED + 1), MEMA_TOO_LARGE);
  assertRefused(&pool, mema_resizePool(&pool, SIZE_MAX), MEMA_TOO_LARGE);
  assertRefused(&pool, mema_resizePool(&pool, used - 1), MEMA_BELOW_USE);
  assert_int_equal(mema_lastError()->wanted, used - 1);
  assert_int_equal(mema_lastError()->available, used);
  assertWorks(mema_resizePool(&pool, used));
  assert_int_equal(pool.freeSize, 0);
  assertPool(&pool, used, 1);
  assertRefused(&pool, palloc(&pool, 1), MEMA_OVER_BUDGET);
  /* Far beyond the budget that the reservation was made for. */
  assertWorks(mema_resizePool(&pool, 32 * MIB));
  assertPool(&pool, used, 1);
  size_t bytes = used, chunks = 1;
  for (void *chunk; chunks < 33 && (chunk = palloc(&pool, MIB - 1024)) != NULL; chunks++) {
    memset(chunk, 1, MIB - 1024);
    bytes += mema_chunkSize(&pool, chunk);
  }
  assert_true(chunks >= 30);
  assertPool(&pool, bytes, chunks);
  assertWorks(mema_resizePool(&pool, MEMA_UNLIMITED));
  assertPool(&pool, bytes, chunks);
  assertWorks(mema_resizePool(&pool, bytes));
  assertPool(&pool, bytes, chunks);
  assertWorks(mema_resetPool(&pool));
  assert_int_equal(pool.freeSize, bytes);
  assert_true(freePool(&pool));
}

static void theVersionIsTheHeaders(void **state) {
  (void)state;
  assert_string_equal(mema_version(), MEMA_VERSION);
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", MEMA_VERSION_MAJOR, MEMA_VERSION_MINOR, MEMA_VERSION_PATCH);
  assert_string_equal(text, MEMA_VERSION);
}

/* The first six fields of Pool and the five of Block are the specification's, in its order. */
static void structsBeginAsSpecified(void **state) {
  (void)state;
  assert_int_equal(offsetof(Pool, poolSize), 0);
  assert_int_equal(offsetof(Pool, freeSize), sizeof(size_t));
  assert_int_equal(offsetof(Pool, initialized), 2 * sizeof(size_t));
  assert_int_equal(offsetof(Pool, mem), 2 * sizeof(size_t) + sizeof(void *));
  assert_int_equal(offsetof(Pool, head), 2 * sizeof(size_t) + 2 * sizeof(void *));
  assert_int_equal(offsetof(Pool, tail), 2 * sizeof(size_t) + 3 * sizeof(void *));
  assert_int_equal(offsetof(Block, ptr), 0);
  assert_int_equal(offsetof(Block, size), sizeof(void *));
  assert_int_equal(offsetof(Block, next), sizeof(void *) + sizeof(size_t));
  assert_int_equal(offsetof(Block, prev), 2 * sizeof(void *) + sizeof(size_t));
  assert_int_equal(offsetof(Block, poolAllocated), 3 * sizeof(void *) + sizeof(size_t));
  struct Pool *ownerId = NULL; /* the tags are the specification's too */
  struct Block *block = NULL;
  assert_true(sizeof *ownerId == sizeof(mema_Pool) && sizeof *block == sizeof(mema_Block));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(initGivesAnEmptyPool),
      cmocka_unit_test(initRefusesABadSize),
      cmocka_unit_test(initTakesAnyBudgetUpToUnlimited),
      anyKind(initRefusesALivePool),
      cmocka_unit_test(callsRefuseAnythingButALivePool),
      anyKind(copiedAndMovedPoolsAreRefused),
      anyKind(freedPoolsAreRefused),
      anyKind(freePoolFreesLiveChunks),
      everyKind(aResetKeepsThePool),
      everyKind(aResizeChangesTheBudget),
      cmocka_unit_test(theVersionIsTheHeaders),
      cmocka_unit_test(structsBeginAsSpecified),
  };
  return runTests(tests);
}
