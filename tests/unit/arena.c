/* The arena engine: where chunks lie, when their memory comes back, and that its budget and its frees are exact. */
#include "places.h"
#include "unit.h"

enum { budget = 1 << 16 };

static size_t grained(size_t size) {
  return (size + 15) & ~(size_t)15;
}

static size_t footprintOf(const Pool *pool) {
  mema_Stats stats;
  return mema_poolStats(pool, &stats) ? stats.footprint : 0;
}

static size_t outsideOf(const Pool *pool) {
  mema_Stats stats;
  return mema_poolStats(pool, &stats) ? stats.outsideChunks : SIZE_MAX;
}

static size_t reservationOf(const Pool *pool) {
  mema_Stats stats;
  return mema_poolStats(pool, &stats) ? stats.reservation : 0;
}

static bool isUntracked(const Kind *kind) {
  return kind->options.untracked;
}

static void chunksLieSideBySide(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  const char *next = pool.mem;
  size_t live = 0;
  const Block *before = NULL;
  for (size_t size = 0; size < 200; size++) {
    char *chunk = palloc(&pool, size);
    assert_ptr_equal(chunk, next);
    next += size == 0 ? 16 : grained(size);
    live += isUntracked(kind) ? (size == 0 ? 16 : grained(size)) : size + (size == 0);
    assert_int_equal(pool.freeSize, budget - live);
    if (isUntracked(kind)) continue;
    assert_true(before == NULL || pool.tail == before + 1); /* Blocks are as dense as their chunks */
    before = pool.tail;
  }
  assertPool(&pool, live, 200);
  assert_true(freePool(&pool));
}

/* Every address of the area, and some beyond it, is asked about. */
static void exactlyTheStartsAreChunks(void **state) {
  const Kind *kind = *state;
  Pool pool;
  enum { count = 400 };
  static char *chunks[count];
  bool live[count];
  uint64_t seed = 7;
  assert_true(makePool(&pool, kind, budget));
  for (int i = 0; i < count; i++) {
    chunks[i] = i % 16 == 0 ? mema_pmemalign(&pool, 64, 20) : palloc(&pool, 1 + nextRandom(&seed) % 200);
    assert_non_null(chunks[i]);
    live[i] = true;
  }
  for (int i = 0; i < count; i += 3) live[i] = !pfree(&pool, chunks[i]);
  int next = 0;
  for (char *at = (char *)pool.mem - 64; at < (char *)pool.mem + 2 * budget; at++) {
    while (next < count && (chunks[next] < at || !live[next])) next++;
    bool expected = next < count && chunks[next] == at;
    if (mema_ownsChunk(&pool, at) != expected) fail_msg("%td: %d", at - (char *)pool.mem, expected);
  }
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void theYoungestComesBackAtOnce(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *oldest = palloc(&pool, 100), *first = palloc(&pool, 100);
  assert_true(pfree(&pool, first));
  char *again = palloc(&pool, 3000), *last = palloc(&pool, 50);
  assert_true(samePlace(again, first));
  assert_true(pfree(&pool, again)); /* dead: it is not the youngest */
  assert_false(mema_ownsChunk(&pool, again));
  assert_int_not_equal(addressOf(palloc(&pool, 1)), addressOf(again));
  assert_true(pfree(&pool, hidePointer(last + 64)) && pfree(&pool, last));
  /* the bump goes back over the dead chunk as well; its words are empty but for the first */
  assert_true(samePlace(palloc(&pool, 4000), first));
  assertPool(&pool, pool.poolSize - pool.freeSize, 2);
  assert_true(mema_ownsChunk(&pool, oldest));
  assert_true(freePool(&pool));
}

/* Oldest first, far more dead pieces than are looked back over at a time. */
static void memoryComesBackWhenNoChunkIsLive(void **state) {
  Pool pool;
  enum { count = 1500 };
  static char *chunks[count];
  assert_true(makePool(&pool, *state, 3 * budget));
  for (int round = 0; round < 40; round++) {
    for (int i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, 100));
    assert_ptr_equal(chunks[0], pool.mem);
    for (int i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i]));
    assertPool(&pool, 0, 0);
    for (int i = 0; i < count; i++) assert_false(mema_ownsChunk(&pool, chunks[i]));
  }
  assert_int_equal(outsideOf(&pool), 0);
  assert_true(freePool(&pool));
}

/* One chunk stays, all others come and go, a hundred times the budget: nothing is refused, and the memory held stays bounded. */
static void churnNeedsBoundedMemory(void **state) {
  const Kind *kind = *state;
  Pool pool;
  enum { window = 16, size = 3000 };
  void *chunks[window] = {0};
  assert_true(makePool(&pool, kind, budget));
  void *stays = palloc(&pool, 100);
  size_t kept = budget - pool.freeSize, each = isUntracked(kind) ? grained(size) : size, most = 0;
  for (int i = 0; i < 100 * window; i++) {
    if (chunks[i % window] != NULL) assert_true(pfree(&pool, chunks[i % window]));
    assert_non_null(chunks[i % window] = palloc(&pool, size));
    memset(chunks[i % window], i, size);
    assert_int_equal(pool.freeSize, budget - kept - each * (size_t)(i < window ? i + 1 : window));
    if (footprintOf(&pool) > most) most = footprintOf(&pool);
  }
  assert_true(outsideOf(&pool) > 0);
  assert_true(mema_checkPool(&pool));
  if (most > 8 * budget) fail_msg("%zu bytes were held", most);
  /* The whole budget is still to be had. */
  for (int i = 0; i < window; i++) assert_true(pfree(&pool, chunks[i]));
  void *all = palloc(&pool, budget - kept);
  assert_non_null(all);
  assert_int_equal(pool.freeSize, 0);
  assert_true(pfree(&pool, all) && pfree(&pool, stays));
  assertPool(&pool, 0, 0);
  assert_ptr_equal(palloc(&pool, 1), pool.mem);
  assert_true(freePool(&pool));
}

/* Outside of the area a size is charged as in it, whatever slot or run holds it. */
static void aSizeIsChargedAlikeEverywhere(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 64 * budget));
  for (void *chunk = NULL; outsideOf(&pool) == 0;) {
    if (chunk != NULL) assert_true(pfree(&pool, chunk));
    assert_non_null(chunk = palloc(&pool, 40000));
    assert_non_null(palloc(&pool, 1)); /* the other is not the youngest when it goes */
  }
  for (size_t size = 1; size < 70000; size += 1 + size / 16) {
    size_t before = pool.freeSize, charge = isUntracked(kind) ? grained(size) : size;
    void *chunk = palloc(&pool, size);
    assert_non_null(chunk);
    assert_int_equal(mema_chunkSize(&pool, chunk), charge);
    assert_int_equal(before - pool.freeSize, charge);
    chunk = mema_repalloc(&pool, chunk, size + 33);
    charge = isUntracked(kind) ? grained(size + 33) : size + 33;
    assert_non_null(chunk);
    assert_int_equal(before - pool.freeSize, charge);
    assert_true(mema_checkPool(&pool));
    chunk = mema_repalloc(&pool, chunk, size / 2 + 1);
    charge = isUntracked(kind) ? grained(size / 2 + 1) : size / 2 + 1;
    assert_int_equal(before - pool.freeSize, charge);
    assert_int_equal(mema_chunkSize(&pool, chunk), charge);
    assert_true(pfree(&pool, chunk));
    assert_int_equal(pool.freeSize, before);
  }
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void aResetForgetsEveryChunk(void **state) {
  Pool pool;
  static char *chunks[3000];
  assert_true(makePool(&pool, *state, 16 * budget));
  for (int round = 0; round < 3; round++) {
    int count = 0;
    /* The reservation of some kinds is used up by then. */
    for (; count < 3000 && (chunks[count] = palloc(&pool, 40 + (size_t)count % 300)) != NULL; count++) {
    }
    assert_ptr_equal(chunks[0], pool.mem);
    for (int i = 0; i < count; i += 7) assert_true(pfree(&pool, chunks[i]));
    assert_true(mema_resetPool(&pool));
    assertPool(&pool, 0, 0);
    for (int i = 0; i < count; i++) assert_false(mema_ownsChunk(&pool, chunks[i]));
  }
  assert_true(freePool(&pool));
}

static void chunksChangeInPlaceWherePossible(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  unsigned char *old = palloc(&pool, 1000), *young = palloc(&pool, 10);
  fillBytes(old, 1000, 1);
  for (size_t size = 10; size < 20000; size += size / 2) {
    assert_true(samePlace(mema_repalloc(&pool, young, size), young));
    memset(young, 5, size);
    assert_int_equal(mema_chunkSize(&pool, young), isUntracked(kind) ? grained(size) : size);
  }
  assert_true(samePlace(mema_repalloc(&pool, young, 17), young));
  char *behind = palloc(&pool, 1);
  assert_true(samePlace(behind, young + 32)); /* the next chunk gets the bytes that the youngest gave up */
  assert_true(samePlace(mema_repalloc(&pool, old, 500), old));
  assert_int_equal(mema_chunkSize(&pool, old), isUntracked(kind) ? 512 : 500);
  assert_true(bytesFilled(old, 500, 1));
  for (size_t i = 1; i < 1000; i++) assert_false(mema_ownsChunk(&pool, hidePointer(old + i)));
  assert_true(mema_checkPool(&pool));
  unsigned char *moved = mema_repalloc(&pool, old, 2000);
  assert_false(samePlace(moved, old));
  assert_true(bytesFilled(moved, 500, 1));
  assert_false(mema_ownsChunk(&pool, old));
  assert_true(pfree(&pool, moved) && pfree(&pool, behind) && pfree(&pool, young));
  assertPool(&pool, 0, 0);
  assert_ptr_equal(palloc(&pool, 1), pool.mem); /* the tail that was cut off did not stay behind */
  assert_true(freePool(&pool));
}

static void theGapBeforeAnAlignedChunkIsNoChunk(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *first = palloc(&pool, 1), *aligned = mema_pmemalign(&pool, 4096, 1), *behind = palloc(&pool, 1);
  assert_true(isAligned(aligned, 4096) && samePlace(behind, aligned + 16));
  for (char *at = first + 1; at < aligned; at++) assert_false(mema_ownsChunk(&pool, at));
  assertPool(&pool, pool.poolSize - pool.freeSize, 3);
  assert_true(pfree(&pool, behind) && pfree(&pool, aligned));
  assert_true(samePlace(palloc(&pool, 1), first + 16));
  assertPool(&pool, pool.poolSize - pool.freeSize, 2);
  assert_true(freePool(&pool));
}

/* Memory that is known to be zero is so, whatever was there before: a reset, a chunk given back, a trim. */
static void zeroedMemoryIsZero(void **state) {
  Pool pool;
  enum { size = 100000 };
  assert_true(makePool(&pool, *state, 20 * size));
  for (int i = 0; i < 12; i++) {
    char *chunk = mema_pcalloc(&pool, 1, size), *next = mema_pcalloc(&pool, size, 1);
    assert_true(bytesZero(chunk, size) && bytesZero(next, size));
    memset(chunk, 1, size);
    memset(next, 2, size);
    if (i % 2 == 0) assert_true(pfree(&pool, next));
    if (i % 3 == 0) assert_true(mema_resetPool(&pool));
    if (i % 4 == 0) mema_trimPool(&pool);
  }
  assert_true(freePool(&pool));
}

static void aTrimGivesBackThePagesBehindTheBump(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, 8 * MIB));
  unsigned char *stays = palloc(&pool, 5000), *goes = palloc(&pool, 6 * MIB);
  fillBytes(stays, 5000, 3);
  memset(goes, 1, 6 * MIB);
  assert_true(pfree(&pool, goes));
  size_t before = footprintOf(&pool), given = mema_trimPool(&pool);
  assert_true(given >= 6 * MIB - 4096);
  assert_true(before - footprintOf(&pool) >= 6 * MIB - 4096);
  assert_true(bytesFilled(stays, 5000, 3));
  assert_true(mema_checkPool(&pool));
  /* Of a hundred thousand chunks that are gone no record stays either. */
  mema_trimPool(NULL);
  size_t resident = residentBytes();
  for (int i = 0; i < 100000; i++) assert_non_null(palloc(&pool, 64));
  assert_true(mema_resetPool(&pool));
  given = mema_trimPool(&pool);
  assert_true(given >= (poolIsUntracked(&pool) ? 200000 : 100000 * (sizeof(Block) + 2)));
  assert_true(footprintOf(&pool) <= 4 * 4096);
  assert_true(UNDER_ASAN || residentBytes() < resident + countingError);
  assert_null(palloc(&pool, 9 * MIB));
  for (int i = 0; i < 1000; i++) assert_non_null(palloc(&pool, 64));
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

/* Small ones, and such as have a mapping of their own. */
static void theNextPoolTakesWarmMemory(void **state) {
  static const size_t budgets[] = {16, budget, MIB, 5 * MIB};
  for (int i = 0; i < 4; i++) {
    Pool pool;
    mema_trimPool(NULL);
    assert_true(makePool(&pool, *state, budgets[i]));
    const void *memory = pool.mem;
    size_t fresh = footprintOf(&pool), size = budgets[i] < MIB ? budgets[i] : 512000;
    memset(palloc(&pool, size), 1, size);
    size_t used = footprintOf(&pool);
    assert_true(used > fresh);
    assert_true(freePool(&pool));
    assert_true(makePool(&pool, *state, budgets[i]));
    assert_ptr_equal(pool.mem, memory);
    assert_int_equal(footprintOf(&pool), used);
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
    if (budgets[i] > MIB) assert_true(mema_trimPool(NULL) >= size / 2);
  }
}

/* Arenas and slabs of the same sizes keep out of each other's warm memory. */
static void slabsAndArenasTakeOverEachOthersMemory(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) {
    Pool pool;
    mema_Options options = {
        .poolSize = (size_t)1 << (10 + i % 17), .untracked = i % 3 == 0, .engine = i / 2 % 2 == 0 ? MEMA_ARENA : MEMA_SLAB};
    assert_true(mema_initPoolWith(&pool, &options));
    char *a = palloc(&pool, 100), *b = palloc(&pool, 300);
    assert_int_equal(samePlace(b, a + 112), options.engine == MEMA_ARENA);
    assert_true(pfree(&pool, a) && !pfree(&pool, a) && pfree(&pool, b));
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
    assertFails(mema_resetPool(&pool), MEMA_BAD_POOL);
  }
}

static void theBudgetCanBeResized(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, 1000));
  void *chunk = palloc(&pool, 992);
  assert_true(mema_resizePool(&pool, 4 * MIB));
  void *large = palloc(&pool, 3 * MIB);
  assert_non_null(large);
  memset(large, 1, 3 * MIB);
  assert_true(pfree(&pool, chunk));
  assert_true(mema_checkPool(&pool));
  assert_true(pfree(&pool, large));
  assert_true(mema_resizePool(&pool, 16));
  assert_null(palloc(&pool, 17));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* The least that was free is noted late in arenas: every call that gives something back must see to it. */
static void thePeakIsReported(void **state) {
  Pool pool;
  mema_Stats stats;
  for (int way = 0; way < 10; way++) {
    assert_true(makePool(&pool, *state, budget));
    if (way >= 5) assert_true(mema_resizePool(&pool, budget)); /* the peak begins anew */
    void *chunk = palloc(&pool, 16000);
    if (way == 4) assert_true(mema_poolStats(&pool, &stats) && stats.peakBytes >= 16000);
    void *more = palloc(&pool, 320);
    size_t peak = budget - pool.freeSize;
    if (way % 5 == 0) assert_true(pfree(&pool, chunk));
    if (way % 5 == 1) assert_true(mema_repalloc(&pool, more, 16) != NULL);
    if (way % 5 == 2) assert_true(mema_resetPool(&pool));
    if (way % 5 == 3) {
      assert_true(mema_chargePool(&pool, 100) && palloc(&pool, 160) != NULL);
      peak = budget - pool.freeSize;
      assert_true(mema_creditPool(&pool, 100));
    }
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.peakBytes, peak);
    assert_true(freePool(&pool));
  }
}

/* Grains are counted in 32 bits; budgets and reservations are not. */
static void hugeArenasAreAsExact(void **state) {
  const Kind *kind = *state;
  if (UNDER_ASAN || underMemcheck() || wordBits < 64) return; /* there is no such address space to give */
  size_t size = (size_t)31 << 30;
  for (int i = 0; i < 3; i++) {
    Pool pool;
    mema_Options options = kind->options;
    options.poolSize = i == 0 ? MEMA_UNLIMITED : (size_t)100 << 30;
    options.reservation = i == 2 ? (size_t)64 << 30 : 0;
    assert_true(mema_initPoolWith(&pool, &options));
    if (reservationOf(&pool) < size) {
      assert_true(freePool(&pool));
      skipBecause("a reservation of this build is smaller than the chunks");
    }
    char *first = palloc(&pool, size), *second = palloc(&pool, 4096), *third = palloc(&pool, size);
    if (first == NULL || second == NULL || third == NULL) {
      fail_msg("%s", mema_lastError()->sentence);
      return;
    }
    first[0] = first[size - 1] = second[0] = third[0] = third[size - 1] = 1;
    assert_int_equal(mema_chunkSize(&pool, first), size);
    assert_int_equal(outsideOf(&pool), 1);
    assert_false(mema_ownsChunk(&pool, first + (UINT64_C(1) << 32)) || mema_ownsChunk(&pool, first + size / 2));
    assert_true(pfree(&pool, first) && !pfree(&pool, first) && pfree(&pool, second) && pfree(&pool, third));
    assert_int_equal(pool.freeSize, pool.poolSize);
    assert_ptr_equal(palloc(&pool, 1), pool.mem);
    assert_true(freePool(&pool));
  }
}

static void arenasOfThreadsDoNotInterfere(void **state) {
  (void)state;
  Pool pool = {0};
  mema_Options options = {.poolSize = budget, .shared = true, .engine = MEMA_ARENA};
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.untracked = true;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
}

#define bothKinds(test) withKind(test, kindArena), withKind(test, kindArenaUntracked)
#define allArenas(test) bothKinds(test), withKind(test, kindArenaOutside), withKind(test, kindArenaUntrackedOutside)

int main(void) {
  const struct CMUnitTest tests[] = {
      allArenas(chunksLieSideBySide),
      bothKinds(exactlyTheStartsAreChunks),
      allArenas(theYoungestComesBackAtOnce),
      bothKinds(memoryComesBackWhenNoChunkIsLive),
      allArenas(churnNeedsBoundedMemory),
      allArenas(aSizeIsChargedAlikeEverywhere),
      allArenas(aResetForgetsEveryChunk),
      bothKinds(chunksChangeInPlaceWherePossible),
      allArenas(theGapBeforeAnAlignedChunkIsNoChunk),
      allArenas(zeroedMemoryIsZero),
      withKind(zeroedMemoryIsZero, kindArenaCommitted),
      bothKinds(aTrimGivesBackThePagesBehindTheBump),
      bothKinds(theNextPoolTakesWarmMemory),
      cmocka_unit_test(slabsAndArenasTakeOverEachOthersMemory),
      allArenas(theBudgetCanBeResized),
      allArenas(thePeakIsReported),
      bothKinds(hugeArenasAreAsExact),
      cmocka_unit_test(arenasOfThreadsDoNotInterfere),
  };
  return runTests(tests);
}
