/* Idle memory goes back to the system while other memory passes through the pool. Memory that is used in turn stays. */
#include "places.h"
#include "unit.h"

#include <unistd.h>

enum {
  budget = 1024 * 1024 * 1024,
  piece = 20 * 1024 * 1024,
  pieces = 10,
  idleBytes = (wordBits == 64 ? 300 : 200) * 1024 * 1024,
  keptBytes = 100 * 1024 * 1024, /* more idle memory than a pool may keep: 32 MiB, and half of the bytes in use */
};

static size_t pageSize(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t residentPages(const void *chunk, size_t bytes) {
  return residentIn(chunk, bytes) / pageSize();
}

/* Chunks of `size` up to `bytes`, touched, then freed. */
static void peak(Pool *pool, size_t size, size_t bytes) {
  size_t count = bytes / size;
  char **chunks = malloc(count * sizeof *chunks);
  for (size_t i = 0; i < count; i++) {
    assert_non_null(chunks[i] = palloc(pool, size));
    for (size_t at = 0; at < size; at += 4096) chunks[i][at] = 1;
  }
  for (size_t i = 0; i < count; i++) assert_true(pfree(pool, chunks[i]));
  free(chunks);
}

/* This counts the pages. The footprint takes the free run around a chunk just freed for touched. */
static void idleMemoryGoesBack(void **state) {
  static const size_t sizes[] = {5000, 100000, 1024 * 1024, 50 * 1024 * 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    peak(&pool, sizes[i], idleBytes);
    for (int j = 0; j < 2000; j++) assert_true(pfree(&pool, palloc(&pool, MIB)));
    size_t resident = residentPages(pool.mem, idleBytes) * pageSize();
    if (resident > keptBytes) fail_msg("%zu bytes stay for chunks of %zu", resident, sizes[i]);
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

/* All freed, all taken again: nothing of it was idle, however much is free for a while. */
static void memoryUsedInTurnStays(void **state) {
  Pool pool;
  char *chunks[pieces];
  assert_true(makePool(&pool, *state, budget));
  for (int turn = 0; turn < 8; turn++) {
    for (int i = 0; i < pieces; i++) {
      assert_non_null(chunks[i] = palloc(&pool, piece));
      size_t resident = residentPages(chunks[i], piece);
      if (turn > 0 && resident < piece / pageSize()) fail_msg("turn %d: piece %d has %zu pages left", turn, i, resident);
      memset(chunks[i], 1, piece);
    }
    for (int i = 0; i < pieces; i++) assert_true(pfree(&pool, chunks[i]));
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* One chunk by turns, with others live. */
static void aChunkUsedInTurnKeepsItsPages(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *live = palloc(&pool, piece), *chunk = palloc(&pool, 5 * piece);
  memset(live, 2, piece);
  memset(chunk, 1, 5 * piece);
  for (int turn = 0; turn < 100; turn++) {
    assert_true(pfree(&pool, chunk));
    assert_non_null(chunk = palloc(&pool, 5 * piece));
    assert_int_equal(residentPages(chunk, 5 * piece), 5 * piece / pageSize());
  }
  assert_true(pfree(&pool, live));
  assert_true(freePool(&pool));
}

/* A chunk that becomes much smaller gives its pages back at once, whether it stays in its place or moves. */
static void aShrunkChunkGivesItsPagesBack(void **state) {
  static const size_t sizes[] = {8 * 1024 * 1024 + 5, 100};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    char *before = palloc(&pool, idleBytes);
    memset(before, (int)i + 1, idleBytes);
    char *chunk = mema_repalloc(&pool, before, sizes[i]);
    assert_non_null(chunk);
    for (size_t at = 0; at < sizes[i]; at++) assert_int_equal(chunk[at], (int)i + 1);
    size_t resident = residentPages(before, idleBytes) * pageSize();
    if (resident > sizes[i] + MIB) fail_msg("%zu bytes stay for a chunk of %zu", resident, sizes[i]);
    assert_true(mema_checkPool(&pool));
    chunk = mema_repalloc(&pool, chunk, idleBytes); /* the units serve again */
    assert_non_null(chunk);
    memset(chunk, 1, idleBytes);
    assert_true(pfree(&pool, chunk));
    assertPool(&pool, 0, 0);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

static bool isZero(const char *chunk, size_t bytes) {
  return chunk[0] == 0 && memcmp(chunk, chunk + 1, bytes - 1) == 0;
}

/* A few pages in the midst of much that was never touched: to zero it all is not to bring it all into memory. */
static void zeroingBringsNoPagesIn(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *chunk = palloc(&pool, piece);
  memset(chunk + 5 * MIB + 77, 1, MIB);
  chunk[piece - 1] = 1;
  assert_true(pfree(&pool, chunk));
  char *zeroed = mema_pcalloc(&pool, 4, piece);
  assert_ptr_equal(zeroed, chunk);
  size_t resident = residentPages(zeroed, 4 * piece) * pageSize();
  if (resident > 4 * MIB) fail_msg("%zu bytes are in memory", resident);
  assert_true(isZero(zeroed, 4 * piece));
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(idleMemoryGoesBack, kindTracked),
      withKind(idleMemoryGoesBack, kindUntracked),
      withKind(memoryUsedInTurnStays, kindTracked),
      withKind(memoryUsedInTurnStays, kindUntracked),
      withKind(aChunkUsedInTurnKeepsItsPages, kindTracked),
      withKind(aChunkUsedInTurnKeepsItsPages, kindUntracked),
      withKind(aShrunkChunkGivesItsPagesBack, kindTracked),
      withKind(aShrunkChunkGivesItsPagesBack, kindUntracked),
      withKind(aShrunkChunkGivesItsPagesBack, kindShared),
      withKind(zeroingBringsNoPagesIn, kindTracked),
      withKind(zeroingBringsNoPagesIn, kindUntracked),
      withKind(zeroingBringsNoPagesIn, kindShared),
  };
  return runTests(tests);
}
