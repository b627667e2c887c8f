/* Chunks outside the reservation: a budget of 16 MiB over 64 KiB of address space. */
#include "unit.h"

#include <unistd.h>

enum { budget = 16 * 1024 * 1024 };

static size_t outsideChunks(const Pool *pool) {
  mema_Stats stats;
  assert_true(mema_poolStats(pool, &stats));
  return stats.outsideChunks;
}

static void theWholeBudgetCanBeUsed(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {48, 1000, 1024, 5000, 40000, 65536, 100000, 1024 * 1024, 5 * 1024 * 1024, budget};
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t chunks = 0, bytes = 0;
    unsigned char *chunk = NULL, *first = NULL;
    for (; (chunk = palloc(&pool, sizes[i])) != NULL; chunks++) {
      if (first == NULL) first = chunk;
      bytes += mema_chunkSize(&pool, chunk);
      memset(chunk, (int)chunks, sizes[i]);
    }
    assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
    if (!kind->options.untracked) {
      assert_int_equal(chunks, budget / sizes[i]);
      if (pool.freeSize > 0) {
        bytes += pool.freeSize;
        assert_non_null(hidePointer(palloc(&pool, pool.freeSize)));
        chunks++;
      }
      assert_int_equal(pool.freeSize, 0);
    }
    assert_true(first != NULL && first[sizes[i] - 1] == 0);
    assertPool(&pool, bytes, chunks);
    assert_true(outsideChunks(&pool) > 0);
    assertWorks(mema_resetPool(&pool));
    assertPool(&pool, 0, 0);
    assert_int_equal(outsideChunks(&pool), 0);
  }
  assert_true(freePool(&pool));
}

static void theBlockOfAChunkOutsideSaysSo(void **state) {
  (void)state;
  Pool pool;
  assert_true(makePool(&pool, &kindOutside, budget));
  void *large = palloc(&pool, MIB);
  assert_non_null(large);
  assert_false(pool.tail->poolAllocated);
  assert_int_equal(outsideChunks(&pool), 1);
  void *small = palloc(&pool, 100);
  assert_true(pool.tail->poolAllocated);
  assert_int_equal(outsideChunks(&pool), 1);
  assertPool(&pool, MIB + 100, 2);
  assert_true(pfree(&pool, large));
  assert_int_equal(outsideChunks(&pool), 0);
  assert_true(pfree(&pool, small));
  /* The flag of each block and the count of all agree. */
  for (size_t i = 0; i < 3000; i++) assert_non_null(hidePointer(palloc(&pool, i)));
  size_t count = 0;
  for (Block *block = pool.head; block != NULL; block = block->next) count += !block->poolAllocated;
  assert_true(count > 0);
  assert_int_equal(outsideChunks(&pool), count);
  assert_true(freePool(&pool));
}

static void freesOutsideAreCheckedAsInside(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  static const size_t sizes[] = {70000, 100000, 300000, 2 * 1024 * 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    unsigned char *chunk = palloc(&pool, sizes[i]);
    fillBytes(chunk, sizes[i], 1);
    size_t charge = mema_chunkSize(&pool, chunk);
    static const long offsets[] = {-4096, -16, -1, 1, 8, 16, 4096, 65536};
    for (size_t j = 0; j < sizeof offsets / sizeof *offsets; j++) {
      assertRefused(&pool, pfree(&pool, hidePointer(chunk + offsets[j])), MEMA_BAD_POINTER);
    }
    assertRefused(&pool, pfree(&pool, hidePointer(chunk + sizes[i])), MEMA_BAD_POINTER);
    assertWorks(mema_ownsChunk(&pool, chunk));
    assert_true(bytesFilled(chunk, sizes[i], 1));
    assertPool(&pool, charge, 1);
    assertWorks(pfree(&pool, chunk));
    assertRefused(&pool, pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

/* The reservation, full of spans of other sizes, has no run for this request: it is not asked each time, but anew after a reset. */
static void aResetReservationServesAgain(void **state) {
  mema_Options options = ((const Kind *)*state)->options;
  options.poolSize = MIB;
  options.unwatched = true;
  options.reservation = 16 * KIB;
  if ((size_t)sysconf(_SC_PAGESIZE) > options.reservation) skipBecause("a page is larger than the reservation");
  Pool pool;
  assert_true(mema_initPoolWith(&pool, &options));
  for (size_t size = 1024; size >= 64; size /= 2) assert_non_null(hidePointer(palloc(&pool, size)));
  assert_int_equal(outsideChunks(&pool), 0);
  assert_non_null(hidePointer(palloc(&pool, 896)));
  assert_int_equal(outsideChunks(&pool), 1);
  assert_true(mema_resetPool(&pool));
  assert_non_null(hidePointer(palloc(&pool, 896)));
  assert_int_equal(outsideChunks(&pool), 0);
  assert_true(freePool(&pool));
}

/* Many outside pieces, freed in a shuffled order, trimmed now and then, and taken again. */
static void piecesOutsideComeAndGo(void **state) {
  const Kind *kind = *state;
  enum { count = 100 };
  static unsigned char *chunks[count];
  static size_t sizes[count];
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  uint64_t random = 21;
  for (unsigned round = 0; round < 10; round++) {
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
      sizes[i] = 1 + nextRandom(&random) % (i % 2 ? 100000 : 3000);
      assert_non_null(chunks[i] = palloc(&pool, sizes[i]));
      fillBytes(chunks[i], sizes[i], i + round);
      bytes += mema_chunkSize(&pool, chunks[i]);
    }
    assertPool(&pool, bytes, count);
    for (unsigned i = 0; i < count; i++) {
      unsigned victim = i * 37 % count;
      assert_true(bytesFilled(chunks[victim], sizes[victim], victim + round));
      bytes -= mema_chunkSize(&pool, chunks[victim]);
      assertWorks(pfree(&pool, chunks[victim]));
      if (i % 25 == 0) mema_trimPool(&pool);
      assertPool(&pool, bytes, count - 1 - i);
    }
  }
  assert_true(freePool(&pool));
}

static void aReservationOfAnySizeServes(void **state) {
  (void)state;
  static const size_t reservations[] = {1, 16, 4095, 4096, 4097, 65535, 65537, 1000000};
  for (size_t i = 0; i < sizeof reservations / sizeof *reservations; i++) {
    for (int untracked = 0; untracked < 2; untracked++) {
      Pool pool;
      mema_Options options = {.poolSize = MIB, .untracked = untracked, .reservation = reservations[i], .unwatched = true};
      assertWorks(mema_initPoolWith(&pool, &options));
      size_t bytes = 0, chunks = 0;
      for (size_t size = 1; size < 200000; size = size * 2 + 1, chunks++) {
        void *chunk = palloc(&pool, size);
        assert_non_null(chunk);
        memset(chunk, 1, size);
        bytes += mema_chunkSize(&pool, chunk);
      }
      assertPool(&pool, bytes, chunks);
      assert_true(freePool(&pool));
    }
  }
}

/* The last part of a reservation that is no whole unit belongs to nothing: no record may be read for an address in it. */
static void reservationsOfOddSizesEndWell(void **state) {
  (void)state;
  Pool pool;
  mema_Options options = {.poolSize = 64 * MIB, .untracked = true, .reservation = 128 * MIB + 4096};
  assertWorks(mema_initPoolWith(&pool, &options));
  void *chunks[4096];
  for (size_t i = 0; i < 4096; i++) assert_non_null(chunks[i] = palloc(&pool, 16));
  for (size_t i = 0; i < 4096; i += 32) assert_true(pfree(&pool, chunks[i]));
  for (size_t at = 0; at < 8192; at += 16) {
    assertRefused(&pool, pfree(&pool, (char *)pool.mem + 128 * MIB - 4096 + at), MEMA_BAD_POINTER);
  }
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(theWholeBudgetCanBeUsed, kindOutside),
      withKind(theWholeBudgetCanBeUsed, kindUntrackedOutside),
      cmocka_unit_test(theBlockOfAChunkOutsideSaysSo),
      withKind(freesOutsideAreCheckedAsInside, kindOutside),
      withKind(freesOutsideAreCheckedAsInside, kindUntrackedOutside),
      withKind(piecesOutsideComeAndGo, kindOutside),
      withKind(piecesOutsideComeAndGo, kindUntrackedOutside),
      withKind(aResetReservationServesAgain, kindOutside),
      withKind(aResetReservationServesAgain, kindUntrackedOutside),
      cmocka_unit_test(aReservationOfAnySizeServes),
      cmocka_unit_test(reservationsOfOddSizesEndWell),
  };
  return runTests(tests);
}
