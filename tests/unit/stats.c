/* mema_poolStats: every field, against numbers kept by hand. */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

static mema_Stats statsOf(const Pool *pool) {
  mema_Stats stats;
  memset(&stats, 0xa5, sizeof stats);
  assert_true(mema_poolStats(pool, &stats));
  return stats;
}

static void aNewPoolHasDoneNothing(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 123456));
  mema_Stats stats = statsOf(&pool);
  assert_string_equal(stats.name, "");
  assert_int_equal(stats.untracked, kind->options.untracked);
  assert_int_equal(stats.committed, kind->options.committed);
  assert_int_equal(stats.poolSize, 123456);
  assert_int_equal(stats.freeSize, 123456);
  assert_int_equal(stats.liveBytes, 0);
  assert_int_equal(stats.peakBytes, 0);
  assert_int_equal(stats.liveChunks, 0);
  assert_int_equal(stats.allocations, 0);
  assert_int_equal(stats.frees, 0);
  assert_int_equal(stats.refused, 0);
  assert_int_equal(stats.badFrees, 0);
  assert_int_equal(stats.outsideChunks, 0);
  assertRefused(&pool, mema_poolStats(&pool, NULL), MEMA_BAD_ARGUMENT);
  assert_true(freePool(&pool));
}

/* Whether a checker is in the process, or the environment asks for plain chunks: the other figures say it. */
static void theKindOfThePoolIsTold(void **state) {
  const Kind *kind = *state;
  Pool pool, copy;
  assert_true(makePool(&pool, kind, 100000));
  mema_Stats stats = statsOf(&pool);
  forgetError(MEMA_OK);
  assert_int_equal(mema_isShared(&pool), kind->options.shared);
  assert_int_equal(stats.shared, kind->options.shared);
  assert_int_equal(stats.engine, kind->options.engine);
  assert_false(stats.plain && stats.watched);
  memcpy(&copy, &pool, sizeof copy);
  assert_false(mema_isShared(&copy));
  assert_false(mema_isShared(NULL));
  assert_int_equal(errno, untouchedErrno);
  assert_true(freePool(&pool));
  assert_false(mema_isShared(&pool));
  Kind with = *kind;
  with.options.plain = true;
  assert_true(makePool(&pool, &with, 100000));
  stats = statsOf(&pool);
  assert_true(stats.plain && !stats.watched && stats.engine == kind->options.engine);
  assert_true(freePool(&pool));
  with.options.plain = false;
  with.options.unwatched = true;
  assert_true(makePool(&pool, &with, 100000));
  stats = statsOf(&pool);
  assert_true(!stats.plain && !stats.watched && stats.engine == kind->options.engine);
  assert_true(freePool(&pool));
}

static void thePeakIsTheMostThatWasLive(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  void *a = palloc(&pool, 1000), *b = palloc(&pool, 50000);
  size_t peak = mema_chunkSize(&pool, a) + mema_chunkSize(&pool, b);
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  assert_true(pfree(&pool, b));
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  b = palloc(&pool, 200);
  assert_null(palloc(&pool, 2 * MIB)); /* a refusal was never live */
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  a = mema_repalloc(&pool, a, 300000);
  peak = mema_chunkSize(&pool, a) + mema_chunkSize(&pool, b);
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  assert_non_null(hidePointer(mema_repalloc(&pool, a, 1)));
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  assert_true(mema_resetPool(&pool));
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  void *c = palloc(&pool, 400);
  assert_int_equal(statsOf(&pool).peakBytes, peak);
  assert_true(mema_resizePool(&pool, 2 * MIB)); /* starts anew */
  assert_int_equal(statsOf(&pool).peakBytes, mema_chunkSize(&pool, c));
  assert_true(freePool(&pool));
}

static void allocationsAndFreesAreCounted(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  void *chunks[6] = {palloc(&pool, 1),
                     mema_pcalloc(&pool, 2, 3),
                     mema_pmemalign(&pool, 64, 4),
                     mema_pstrdup(&pool, "five"),
                     mema_psprintf(&pool, "%d", 6),
                     mema_repalloc(&pool, NULL, 7)};
  mema_Stats stats = statsOf(&pool);
  assert_int_equal(stats.allocations, 6);
  assert_int_equal(stats.frees, 0);
  assert_int_equal(stats.liveChunks, 6);
  assert_true(pfree(&pool, chunks[0]));
  stats = statsOf(&pool);
  assert_int_equal(stats.allocations, 6);
  assert_int_equal(stats.frees, 1);
  assert_int_equal(stats.liveChunks, 5);
  assert_true(mema_resetPool(&pool));
  stats = statsOf(&pool);
  assert_int_equal(stats.allocations, 6);
  assert_int_equal(stats.frees, 6);
  assert_int_equal(stats.liveChunks, 0);
  assert_true(freePool(&pool));
}

static void repallocCountsIfTheChunkMoved(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  void *chunk = palloc(&pool, 10);
  size_t moves = 0;
  for (size_t size = 10; size < MIB; size = size * 5 / 4 + 1) {
    void *result = mema_repalloc(&pool, chunk, size);
    assert_non_null(result);
    moves += !samePlace(result, chunk);
    chunk = result;
    assert_non_null(hidePointer(palloc(&pool, 10)));
    if (size == 10) moves = 0;
    mema_Stats stats = statsOf(&pool);
    assert_int_equal(stats.frees, moves);
    assert_int_equal(stats.allocations - stats.frees, stats.liveChunks);
  }
  assert_true(moves > 0);
  assert_true(freePool(&pool));
}

/* The counter that one refused call must move, and that no other call may. */
#define assertCounts(pool, call, refusedBy, badFreesBy)         \
  do {                                                          \
    mema_Stats was = statsOf(pool);                             \
    assert_true(!(call));                                       \
    mema_Stats is = statsOf(pool);                              \
    assert_int_equal(is.refused, was.refused + (refusedBy));    \
    assert_int_equal(is.badFrees, was.badFrees + (badFreesBy)); \
  } while (0)

static void refusalsAndBadFreesAreCounted(void **state) {
  const Kind *kind = *state;
  Pool pool;
  int local;
  assert_true(makePool(&pool, kind, 1000));
  void *chunk = palloc(&pool, 500);
  assertCounts(&pool, palloc(&pool, 1001), 1, 0);
  assertCounts(&pool, palloc(&pool, hideSize(SIZE_MAX)), 1, 0);
  assertCounts(&pool, mema_pcalloc(&pool, 2, 1000), 1, 0);
  assertCounts(&pool, mema_pcalloc(&pool, hideSize(SIZE_MAX), 2), 1, 0);
  assertCounts(&pool, mema_pmemalign(&pool, 16, 1001), 1, 0);
  assertCounts(&pool, mema_pmemalign(&pool, hideSize(3), 1), 1, 0);
  assertCounts(&pool, mema_pmemalign(&pool, hideSize((size_t)1 << (wordBits - 1)), 1), 1, 0);
  assertCounts(&pool, mema_repalloc(&pool, chunk, 1001), 1, 0);
  assertCounts(&pool, mema_repalloc(&pool, NULL, 1001), 1, 0);
  assertCounts(&pool, mema_pstrdup(&pool, NULL), 1, 0);
  assertCounts(&pool, mema_psprintf(&pool, "%2000d", 1), 1, 0);
  assertCounts(&pool, pfree(&pool, &local), 0, 1);
  assertCounts(&pool, pfree(&pool, (char *)chunk + 1), 0, 1);
  assertCounts(&pool, pfree(&pool, NULL), 0, 0); /* NULL apart */
  assertCounts(&pool, mema_resizePool(&pool, 1), 0, 0);
  assertCounts(&pool, mema_chunkSize(&pool, &local), 0, 0);
  assertCounts(&pool, mema_ownsChunk(&pool, &local), 0, 0);
  mema_Stats was = statsOf(&pool);
  assert_null(mema_repalloc(&pool, &local, 1));
  assert_int_equal(statsOf(&pool).badFrees, was.badFrees + 1);
  assert_true(freePool(&pool));
}

static void countsStartAnewWithAnotherPool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  for (int round = 0; round < 3; round++) {
    assert_true(makePool(&pool, kind, 5000));
    mema_Stats stats = statsOf(&pool);
    assert_int_equal(stats.allocations + stats.frees + stats.refused + stats.badFrees + stats.peakBytes, 0);
    assert_non_null(hidePointer(palloc(&pool, 10)));
    assert_null(palloc(&pool, 5001));
    assert_false(pfree(&pool, &pool));
    assert_true(freePool(&pool));
  }
}

static void namesAreCutAt21Bytes(void **state) {
  (void)state;
  static const char *const names[][2] = {{NULL, ""},
                                         {"", ""},
                                         {"request", "request"},
                                         {"123456789012345678901", "123456789012345678901"},
                                         {"1234567890123456789012", "123456789012345678901"},
                                         {"1234567890123456789012345678901234567890", "123456789012345678901"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    Pool pool;
    char given[64];
    if (names[i][0] != NULL) snprintf(given, sizeof given, "%s", names[i][0]);
    mema_Options options = {.poolSize = 100, .name = names[i][0] == NULL ? NULL : given};
    assert_true(mema_initPoolWith(&pool, &options));
    memset(given, '!', sizeof given); /* it is a copy */
    assert_string_equal(statsOf(&pool).name, names[i][1]);
    assert_true(freePool(&pool));
  }
}

static void theReservationAndTheFootprintAreTrue(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 16 * MIB));
  size_t bytes = 0;
  for (size_t size = 64; size < 4 * MIB; size *= 2) {
    void *chunk = palloc(&pool, size);
    memset(chunk, 1, size);
    bytes += mema_chunkSize(&pool, chunk);
    mema_Stats stats = statsOf(&pool);
    assert_true(stats.footprint >= bytes);
    assert_true(stats.reservation >= bytes);
  }
  assert_true(freePool(&pool));
}

/* The footprint bounds the memory from the system. It is a close bound when all chunks were touched. */
static void theFootprintIsAnUpperBound(void **state) {
  static const size_t sizes[] = {100, 1000, 4096, 30000, 100000, 3000000};
  if (UNDER_ASAN || underMemcheck()) return; /* its own memory would be counted */
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    mema_trimPool(NULL);
    size_t before = residentBytes();
    assert_true(makePool(&pool, *state, 24 * MIB));
    void *chunk;
    while ((chunk = palloc(&pool, sizes[i])) != NULL) memset(chunk, 1, mema_chunkSize(&pool, chunk));
    size_t resident = residentBytes() - before, told = statsOf(&pool).footprint;
    if (told + countingError < resident) fail_msg("chunks of %zu: %zu resident, %zu told", sizes[i], resident, told);
    if (told > resident + resident / 4 + 6 * MIB) {
      fail_msg("chunks of %zu: %zu resident, as much as %zu told", sizes[i], resident, told);
    }
    assert_true(freePool(&pool));
  }
}

/* One span of 1 KiB in four stays: each keeps its page, though the free ones beside it were given back as far as can be. */
static void unitsSmallerThanPagesKeepTheirPages(void **state) {
  Pool pool;
  enum { count = 4096 };
  static char *chunks[count];
  mema_trimPool(NULL);
  assert_true(makeUnwatched(&pool, *state, count * 16));
  for (size_t i = 0; i < count; i++) {
    assert_non_null(chunks[i] = palloc(&pool, 16));
    memset(chunks[i], 1, 16);
  }
  for (size_t i = 0; i < count; i++)
    if ((addressOf(chunks[i]) - addressOf(pool.mem)) / 1024 % 4 != 0) assert_true(pfree(&pool, chunks[i]));
  mema_trimPool(&pool);
  size_t resident = residentIn(pool.mem, 256 * KIB), told = statsOf(&pool).footprint;
  if (told < resident) fail_msg("%zu resident, %zu told", resident, told);
  for (size_t i = 0; i < count; i++)
    if ((addressOf(chunks[i]) - addressOf(pool.mem)) / 1024 % 4 == 0) assert_true(pfree(&pool, chunks[i]));
  mema_trimPool(&pool);
  assert_int_equal(residentIn(pool.mem, 256 * KIB), 0);
  assert_true(statsOf(&pool).footprint <= told - 60 * KIB);
  assert_true(freePool(&pool));
}

/* Where the system gives huge pages, one byte may take 2 MiB. Memory behind the chunks goes back. */
static void hugePagesAreReported(void **state) {
  (void)state;
  for (int arena = 0; arena < 2; arena++) {
    mema_Options options = {
        .poolSize = MIB, .untracked = true, .unwatched = true, .hugePages = true, .engine = arena ? MEMA_ARENA : MEMA_SLAB};
    Pool pool;
    assert_true(mema_initPoolWith(&pool, &options));
    char *gap = palloc(&pool, 10), *chunk = mema_pmemalign(&pool, 256 * KIB, 10); /* between them nothing was used */
    *gap = *chunk = 1;
    size_t resident = residentIn(pool.mem, 2 * MIB), told = statsOf(&pool).footprint;
    if (told < resident) fail_msg("%zu resident, %zu told", resident, told);
    assert_true(pfree(&pool, chunk));
    assert_true(pfree(&pool, gap));
    mema_trimPool(&pool);
    assert_true(residentIn(pool.mem, 2 * MIB) <= 64 * KIB); /* the slab keeps a span */
    assert_true(freePool(&pool));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(aNewPoolHasDoneNothing),
      anyKind(theKindOfThePoolIsTold),
      anyKind(thePeakIsTheMostThatWasLive),
      anyKind(allocationsAndFreesAreCounted),
      anyKind(repallocCountsIfTheChunkMoved),
      anyKind(refusalsAndBadFreesAreCounted),
      anyKind(countsStartAnewWithAnotherPool),
      cmocka_unit_test(namesAreCutAt21Bytes),
      anyKind(theReservationAndTheFootprintAreTrue),
      withKind(theFootprintIsAnUpperBound, kindTracked),
      withKind(theFootprintIsAnUpperBound, kindUntracked),
      withKind(unitsSmallerThanPagesKeepTheirPages, kindTracked),
      withKind(unitsSmallerThanPagesKeepTheirPages, kindUntracked),
      cmocka_unit_test(hugePagesAreReported),
  };
  return runTests(tests);
}
