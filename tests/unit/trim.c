/* mema_trimPool: free pages go back to the system, and nothing else changes. */
#include "unit.h"

enum { budget = 64 * 1024 * 1024 };

/* Touches `bytes` of the pool in chunks of `size` and frees all of them. */
static void fillAndFree(Pool *pool, size_t size, size_t bytes) {
  size_t count = bytes / size;
  void **chunks = malloc(count * sizeof *chunks);
  for (size_t i = 0; i < count; i++) {
    chunks[i] = palloc(pool, size);
    assert_non_null(chunks[i]);
    memset(chunks[i], 1, size);
  }
  for (size_t i = 0; i < count; i++) assert_true(pfree(pool, chunks[i]));
  free(chunks);
}

static void residentMemoryFalls(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {200, 1024, 20000, 100000, 8 * 1024 * 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    mema_trimPool(NULL);
    size_t atFirst = residentBytes();
    fillAndFree(&pool, sizes[i], 32 * MIB);
    size_t full = residentBytes();
    size_t given = mema_trimPool(&pool);
    size_t trimmed = residentBytes();
    assertPool(&pool, 0, 0);
    if (!UNDER_ASAN) {
      /* What remains is records: 40 bytes and a bit for each chunk that ever lived at once. */
      size_t records = 32 * MIB / sizes[i] * 64 + MIB;
      if (trimmed > atFirst + records) fail_msg("%zu bytes stay for chunks of %zu", trimmed - atFirst, sizes[i]);
      if (full > trimmed + given + 2 * MIB) fail_msg("%zu bytes went, but only %zu were told", full - trimmed, given);
    }
    assert_int_equal(mema_trimPool(&pool), 0);
    fillAndFree(&pool, sizes[i], 32 * MIB); /* the pool is as usable as before */
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
  }
}

/* What one pool keeps for reuse, a few MiB, goes at a trim too. */
static void whatIsKeptForReuseGoes(void **state) {
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

static void liveChunksAreUntouched(void **state) {
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
  if (!UNDER_ASAN && residentBytes() > atFirst + 2 * MIB) fail_msg("%zu bytes stay", residentBytes() - atFirst);
  assertWorks(mema_trimPool(NULL) == 0);
}

static void trimmingNothingGivesNothing(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  mema_trimPool(NULL);
  char *chunk = palloc(&pool, 100);
  memset(chunk, 1, 100);
  mema_trimPool(&pool);
  assertWorks(mema_trimPool(&pool) == 0);
  assert_int_equal(chunk[99], 1);
  assert_true(freePool(&pool));
  assertFails(mema_trimPool(&pool), MEMA_BAD_POOL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(residentMemoryFalls, kindTracked),      withKind(residentMemoryFalls, kindUntracked),
      withKind(residentMemoryFalls, kindOutside),      withKind(whatIsKeptForReuseGoes, kindTracked),
      withKind(whatIsKeptForReuseGoes, kindUntracked), everyKind(liveChunksAreUntouched),
      everyKind(warmReservationsAreTrimmed),           everyKind(trimmingNothingGivesNothing),
  };
  return runTests(tests);
}
