/* mema_trimPool: free pages go back to the system, and nothing else changes. */
#include "places.h"
#include "unit.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { budget = 64 * 1024 * 1024 };

/* Not of a heap, which might keep its pages. */
enum { MOST_CHUNKS = 400000 };
static void *taken[MOST_CHUNKS];

/* Touches `bytes` of the pool in chunks of `size` and frees all of them. */
static void fillAndFree(Pool *pool, size_t size, size_t bytes) {
  size_t count = bytes / size;
  assert_true(count <= MOST_CHUNKS);
  for (size_t i = 0; i < count; i++) {
    taken[i] = palloc(pool, size);
    assert_non_null(taken[i]);
    memset(taken[i], 1, size);
  }
  for (size_t i = 0; i < count; i++) assert_true(pfree(pool, taken[i]));
}

static void aTrimGivesPagesBack(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {200, 1024, 20000, 100000, 8 * 1024 * 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    fillBytes((unsigned char *)taken, sizeof taken, 1); /* there, before the pool is measured */
    mema_trimPool(NULL);
    size_t atFirst = residentBytes();
    fillAndFree(&pool, sizes[i], 32 * MIB);
    size_t full = residentBytes();
    size_t given = mema_trimPool(&pool);
    size_t trimmed = residentBytes();
    assertPool(&pool, 0, 0);
    if (!UNDER_ASAN && !underMemcheck()) {
      /* Of the records no more remains than where ranges of them are linked; they were 7 MiB for the smallest chunks. The rest
       * is the test's own. */
      if (trimmed > atFirst + 3 * MIB) fail_msg("%zu bytes stay for chunks of %zu", trimmed - atFirst, sizes[i]);
      if (full > trimmed + given + 2 * MIB) fail_msg("%zu bytes went, but only %zu were told", full - trimmed, given);
    }
    assert_int_equal(mema_trimPool(&pool), 0);
    fillAndFree(&pool, sizes[i], 32 * MIB); /* the pool is as usable as before */
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
  }
}

/* A trim gives back pages of Blocks without a live one. The others stay, and later chunks get Blocks as before. */
static void aTrimGivesBackTheBlocksOfDeadChunks(void **state) {
  const Kind *kind = *state;
  enum { count = 300000, kept = 1000, size = 48, larges = 500, large = 40000 };
  static void *chunks[count];
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  size_t bytes = 0, live = larges;
  for (unsigned i = 0; i < larges; i++) bytes += mema_chunkSize(&pool, palloc(&pool, large));
  for (unsigned i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, size));
  for (unsigned i = 0; i < count; i++) {
    if (i % kept != 0 && i < count - kept) {
      assert_true(pfree(&pool, chunks[i]));
    } else {
      bytes += mema_chunkSize(&pool, chunks[i]);
      live++;
    }
  }
  size_t before = residentBytes(), given = mema_trimPool(&pool);
  assertPool(&pool, bytes, live);
  /* The chunks' pages were never touched; the Blocks' were, 40 bytes for each. (In slabs of small units every page of Blocks has the
   * link of a range given back.) */
  if (kind == &kindTracked && !UNDER_ASAN) {
    if (given < (size_t)count * sizeof(Block) / 10 * 8) fail_msg("only %zu bytes given back", given);
    if (!underMemcheck() && residentBytes() > before - (size_t)count * sizeof(Block) / 10 * 7)
      fail_msg("%zu bytes of %zu stay, %zu given", residentBytes(), before, given);
  }
  for (unsigned i = 0; i < count; i++)
    if (i % kept != 0 && i < count - kept) assert_non_null(chunks[i] = palloc(&pool, size));
  for (unsigned i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i]));
  assert_int_equal(mema_checkPool(&pool), true);
  assert_true(freePool(&pool));
}

/* Ranges of Blocks that wait for their class are found again after a trim: the pool needs no others. */
static void trimmedRangesOfBlocksServeAgain(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  mema_Stats stats;
  size_t first = 0;
  for (int i = 0; i < 6; i++) {
    fillAndFree(&pool, 48, 8 * MIB);
    mema_trimPool(&pool);
    assert_true(mema_poolStats(&pool, &stats));
    if (i == 0) first = stats.footprint;
  }
  if (stats.footprint > first + MIB) fail_msg("%zu bytes of footprint have become %zu", first, stats.footprint);
  assert_true(freePool(&pool));
}

static size_t footprintOf(const Pool *pool) {
  mema_Stats stats;
  assert_true(mema_poolStats(pool, &stats));
  return stats.footprint;
}

static void assertTold(const Pool *pool, size_t size) {
  size_t resident = residentIn(pool->mem, 48 * MIB), told = footprintOf(pool);
  if (resident > told) fail_msg("size %zu: %zu resident, %zu told", size, resident, told);
}

/* A pool without chunks is as good as new after a trim: its records and tables go too, whatever the chunks were. */
static void aTrimOfAnEmptyPoolGivesItsTablesBack(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {16, 100, 5000};
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  fillBytes((unsigned char *)taken, sizeof taken, 1);
  mema_trimPool(&pool);
  size_t before = residentBytes(), footprint = footprintOf(&pool);
  for (int turn = 0; turn < 2; turn++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      fillAndFree(&pool, sizes[i], sizes[i] == 16 ? MOST_CHUNKS * 16 : 32 * MIB);
    mema_trimPool(&pool);
    if (footprintOf(&pool) > footprint + 512 * KIB)
      fail_msg("%zu bytes of footprint, %zu before", footprintOf(&pool), footprint);
    if (!UNDER_ASAN && !underMemcheck() && residentBytes() > before + MIB)
      fail_msg("%zu bytes stay", residentBytes() - before);
    assertPool(&pool, 0, 0);
    assert_int_equal(mema_checkPool(&pool), true);
    assert_false(pfree(&pool, taken[0]));
  }
  assert_true(freePool(&pool));
}

/* A large chunk's last unit may have pages of earlier chunks behind the chunk's end. */
static void aTrimGivesBackPagesBehindLargeChunks(void **state) {
  const Kind *kind = *state;
  enum { count = 600, large = 65536, size = 33000 };
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  fillAndFree(&pool, large, (size_t)count * large);
  for (int i = 0; i < count; i++) {
    assert_non_null(taken[i] = palloc(&pool, size));
    fillBytes(taken[i], size, (unsigned)i);
  }
  mema_trimPool(&pool);
  size_t resident = residentIn(pool.mem, 48 * MIB), live = (size_t)count * size;
  if (resident > live + live / 7) fail_msg("%zu bytes stay for %zu live ones", resident, live);
  if (footprintOf(&pool) > live + live / 7 + 3 * MIB) fail_msg("%zu bytes of footprint", footprintOf(&pool));
  assert_int_equal(mema_trimPool(&pool), 0);
  /* Each chunk grows over the pages that went. */
  for (int i = 0; i < count; i++) {
    assert_true(bytesFilled(taken[i], size, (unsigned)i));
    assert_non_null(taken[i] = mema_repalloc(&pool, taken[i], 60000));
    assert_true(bytesFilled(taken[i], size, (unsigned)i));
    fillBytes(taken[i], 60000, (unsigned)i);
  }
  assertTold(&pool, 60000);
  assert_int_equal(mema_checkPool(&pool), true);
  for (int i = 0; i < count; i++) assert_true(pfree(&pool, taken[i]));
  assert_true(freePool(&pool));
}

/* The footprint does not count pages of free slots that were given back, and counts them again when slots on them are
 * handed out: it is never below what is resident. */
static void theFootprintFollowsTheSlots(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {100, 1024, 5000, 20000};
  enum { kept = 16 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    size_t count = 32 * MIB / sizes[i], full, trimmed;
    for (size_t j = 0; j < count; j++) {
      assert_non_null(taken[j] = palloc(&pool, sizes[i]));
      memset(taken[j], 1, sizes[i]);
    }
    full = footprintOf(&pool);
    for (size_t j = 0; j < count; j++)
      if (j % kept != 0 || j / kept % kept != 0) assert_true(pfree(&pool, taken[j]));
    mema_trimPool(&pool);
    trimmed = footprintOf(&pool);
    size_t blocks = kind->options.untracked ? 0 : count * sizeof(Block); /* these stay where a page has a live one */
    if (trimmed > full / 4 + blocks) fail_msg("size %zu: %zu bytes of footprint were %zu", sizes[i], trimmed, full);
    assertTold(&pool, sizes[i]);
    for (size_t j = 1; j < count; j += kept) {
      assert_non_null(taken[j] = palloc(&pool, sizes[i]));
      memset(taken[j], 2, sizes[i]);
      if (j % 1024 == 1) assertTold(&pool, sizes[i]);
    }
    assertTold(&pool, sizes[i]);
    assert_int_equal(mema_checkPool(&pool), true);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

/* A trim also gives back the few MiB that a pool keeps for reuse. */
static void aTrimGivesBackPagesKeptForReuse(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {200, 20000, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    fillAndFree(&pool, sizes[i], 6 * MIB);
    assert_true(mema_trimPool(&pool) >= 5 * MIB);
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
  }
}

static void aTrimLeavesLiveChunksAlone(void **state) {
  const Kind *kind = *state;
  enum { count = 3000 };
  static unsigned char *chunks[count];
  static size_t sizes[count];
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  uint64_t random = 9;
  size_t bytes = 0, live = 0;
  for (unsigned i = 0; i < count; i++) {
    sizes[i] = nextRandom(&random) % (i % 50 == 0 ? 400000 : 2000);
    assert_non_null(chunks[i] = palloc(&pool, sizes[i]));
    fillBytes(chunks[i], sizes[i], i);
  }
  for (unsigned i = 0; i < count; i++) {
    if (i % 7 != 0) {
      assert_true(pfree(&pool, chunks[i]));
    } else {
      bytes += mema_chunkSize(&pool, chunks[i]);
      live++;
    }
  }
  mema_trimPool(&pool);
  assertPool(&pool, bytes, live);
  for (unsigned i = 0; i < count; i += 7) assert_true(bytesFilled(chunks[i], sizes[i], i));
  for (unsigned i = 1; i < count; i += 7) { /* the freed room is taken again */
    assert_non_null(chunks[i] = palloc(&pool, sizes[i]));
    fillBytes(chunks[i], sizes[i], i);
  }
  for (unsigned i = 0; i < count; i += 7) assert_true(bytesFilled(chunks[i], sizes[i], i));
  assert_true(freePool(&pool));
}

/* The reservation of a freed pool may be kept warm: trimming with NULL empties all of those. */
static void warmReservationsAreTrimmed(void **state) {
  const Kind *kind = *state;
  mema_trimPool(NULL);
  size_t atFirst = residentBytes();
  for (int i = 0; i < 4; i++) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    for (int j = 0; j < 3; j++) memset(palloc(&pool, 5 * MIB), 1, 5 * MIB);
    for (int j = 0; j < 1000; j++) memset(palloc(&pool, 5000), 1, 5000);
    assert_true(freePool(&pool));
  }
  assertWorks(mema_trimPool(NULL) < SIZE_MAX);
  if (!UNDER_ASAN && !underMemcheck() && residentBytes() > atFirst + 2 * MIB)
    fail_msg("%zu bytes stay", residentBytes() - atFirst);
  assertWorks(mema_trimPool(NULL) == 0);
}

static void aTrimOfAnEmptyPoolGivesNothing(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  mema_trimPool(NULL);
  char *chunk = palloc(&pool, 100);
  memset(chunk, 1, 100);
  mema_trimPool(&pool);
  /* Hooks that write into purged memory leave pages there. These are purged again. */
  if (kind->options.memory == NULL || kind->options.memory->zeroed) assertWorks(mema_trimPool(&pool) == 0);
  assert_int_equal(chunk[99], 1);
  assert_true(freePool(&pool));
  assertFails(mema_trimPool(&pool), MEMA_BAD_POOL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aTrimGivesPagesBack, kindTracked),
      withKind(aTrimGivesPagesBack, kindUntracked),
      withKind(aTrimGivesPagesBack, kindOutside),
      withKind(aTrimGivesBackPagesKeptForReuse, kindTracked),
      withKind(aTrimGivesBackPagesKeptForReuse, kindUntracked),
      anyKind(aTrimGivesBackTheBlocksOfDeadChunks),
      anyKind(trimmedRangesOfBlocksServeAgain),
      anyKind(aTrimLeavesLiveChunksAlone),
      withKind(aTrimOfAnEmptyPoolGivesItsTablesBack, kindTracked),
      withKind(aTrimOfAnEmptyPoolGivesItsTablesBack, kindUntracked),
      withKind(aTrimOfAnEmptyPoolGivesItsTablesBack, kindShared),
      withKind(aTrimGivesBackPagesBehindLargeChunks, kindTracked),
      withKind(aTrimGivesBackPagesBehindLargeChunks, kindUntracked),
      withKind(aTrimGivesBackPagesBehindLargeChunks, kindShared),
      withKind(theFootprintFollowsTheSlots, kindTracked),
      withKind(theFootprintFollowsTheSlots, kindUntracked),
      withKind(theFootprintFollowsTheSlots, kindShared),
      everyKind(warmReservationsAreTrimmed),
      anyKind(aTrimOfAnEmptyPoolGivesNothing),
  };
  /* The system may join pages to huge ones at any time, and so bring back freed ones. */
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  return runTests(tests);
}
