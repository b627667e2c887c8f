/* mema_repalloc: contents, charge, and the pool after a refusal. */
#include "places.h"
#include "unit.h"

static void contentsAreKeptBetweenAllSizes(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 15, 16, 17, 100, 1000, 4096, 10000, 33000, 66000, 200000, 1000000};
  enum { count = sizeof sizes / sizeof *sizes };
  Pool pool;
  assert_true(makePool(&pool, kind, 8 * MIB));
  unsigned char *neighbour = palloc(&pool, 77);
  fillBytes(neighbour, 77, 5);
  size_t base = mema_chunkSize(&pool, neighbour);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < count; j++) {
      unsigned char *old = palloc(&pool, sizes[i]), *new;
      fillBytes(old, sizes[i], (unsigned)(i + j));
      assertWorks((new = mema_repalloc(&pool, old, sizes[j])) != NULL);
      assert_true(isAligned(new, MEMA_ALIGNMENT));
      assert_true(bytesFilled(new, sizes[i] < sizes[j] ? sizes[i] : sizes[j], (unsigned)(i + j)));
      size_t charge = mema_chunkSize(&pool, new);
      if (kind->options.untracked) {
        assert_true(charge >= sizes[j]);
      } else {
        assert_int_equal(charge, sizes[j]);
      }
      memset(new, 1, sizes[j]);
      assertPool(&pool, base + charge, 2);
      if (!samePlace(old, new)) assertRefused(&pool, pfree(&pool, hidePointer(old)), MEMA_BAD_POINTER);
      assertWorks(pfree(&pool, new));
      assertPool(&pool, base, 1);
    }
  }
  assert_true(bytesFilled(neighbour, 77, 5));
  assert_true(freePool(&pool));
}

static void refusedGrowthKeepsTheOldChunk(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 100, 5000, 80000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = sizes[i], budget = 100000;
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    unsigned char *chunk = palloc(&pool, size);
    fillBytes(chunk, size, 3);
    size_t charge = mema_chunkSize(&pool, chunk);
    assertRefused(&pool, mema_repalloc(&pool, chunk, budget + 1), MEMA_OVER_BUDGET);
    if (!kind->options.untracked) { /* the growth is one byte more than the free bytes */
      assert_int_equal(mema_lastError()->wanted - mema_lastError()->available, 1);
      assert_non_null(strstr(mema_lastError()->sentence, "over budget by 1 bytes"));
    }
    assertRefused(&pool, mema_repalloc(&pool, chunk, MEMA_UNLIMITED), MEMA_OVER_BUDGET);
    forgetError(MEMA_OVER_BUDGET);
    assert_null(mema_repalloc(&pool, chunk, hideSize(SIZE_MAX)));
    assert_int_equal(errno, ENOMEM);
    forgetError(MEMA_OVER_BUDGET);
    assert_null(mema_repalloc(&pool, chunk, hideSize(MEMA_UNLIMITED + 1)));
    assert_int_equal(errno, ENOMEM);
    assert_true(bytesFilled(chunk, size, 3));
    assertPool(&pool, charge, 1);
    assertWorks(pfree(&pool, chunk));
    assert_true(freePool(&pool));
  }
}

/* Old and new need not fit side by side: only the growth is charged. */
static void aChunkGrowsToTheWholeBudget(void **state) {
  const Kind *kind = *state;
  static const size_t budgets[] = {100, 1000, 5000, 100000, 3 * 1024 * 1024 + 5};
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    size_t budget = budgets[i];
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    unsigned char *chunk = palloc(&pool, budget - 10), *grown;
    fillBytes(chunk, budget - 10, 4);
    assertWorks((grown = mema_repalloc(&pool, chunk, budget)) != NULL);
    assert_true(bytesFilled(grown, budget - 10, 4));
    memset(grown, 1, budget);
    assertPool(&pool, budget, 1);
    assertWorks((chunk = mema_repalloc(&pool, grown, budget)) != NULL);
    assertPool(&pool, budget, 1);
    assertWorks((grown = mema_repalloc(&pool, chunk, budget / 2)) != NULL);
    assertPool(&pool, budget / 2, 1);
    assertWorks(palloc(&pool, budget - budget / 2) != NULL);
    assertPool(&pool, budget, 2);
    assert_true(freePool(&pool));
  }
}

static void nullIsAnAllocationAndZeroIsOneByte(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1000));
  unsigned char *chunk;
  assertWorks((chunk = mema_repalloc(&pool, NULL, hideSize(100))) != NULL);
  memset(chunk, 1, 100);
  assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
  assertRefused(&pool, mema_repalloc(&pool, NULL, hideSize(1001)), MEMA_OVER_BUDGET);
  assertWorks((chunk = mema_repalloc(&pool, chunk, hideSize(0))) != NULL);
  if (!kind->options.untracked) assert_int_equal(mema_chunkSize(&pool, chunk), 1);
  assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
  *(unsigned char *)hidePointer(chunk) = 7;
  void *other;
  assertWorks((other = mema_repalloc(&pool, NULL, hideSize(0))) != NULL);
  assert_false(samePlace(chunk, other));
  assertPool(&pool, mema_chunkSize(&pool, chunk) + mema_chunkSize(&pool, other), 2);
  assertWorks(pfree(&pool, other));
  assertWorks(pfree(&pool, chunk));
  assert_true(freePool(&pool));
}

/* One byte at a time there and back: every step is exact, and a full pool shrinks. */
static void everyStepOfOneByteIsExact(void **state) {
  const Kind *kind = *state;
  enum { budget = 20000 };
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  unsigned char *chunk = palloc(&pool, 1);
  chunk[0] = 1;
  for (size_t size = 2; size <= budget; size++) {
    chunk = mema_repalloc(&pool, chunk, size);
    assert_non_null(chunk);
    assert_int_equal(chunk[size - 2], (unsigned char)(size - 1));
    chunk[size - 1] = (unsigned char)size;
    assert_int_equal(pool.freeSize, budget - size);
  }
  assertPool(&pool, budget, 1);
  for (size_t size = budget; size-- > 1;) {
    chunk = mema_repalloc(&pool, chunk, size);
    assert_non_null(chunk);
    assert_int_equal(chunk[size - 1], (unsigned char)size);
    assert_int_equal(pool.freeSize, budget - size);
  }
  assertPool(&pool, 1, 1);
  assert_true(freePool(&pool));
}

static void aChunkGrowsInPlaceInsideItsSlot(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  void *chunk = palloc(&pool, 1);
  assert_true(samePlace(mema_repalloc(&pool, chunk, 16), chunk)); /* the alignment alone leaves room for 16 */
  assert_true(samePlace(mema_repalloc(&pool, chunk, 3), chunk));
  void *same = palloc(&pool, 1000);
  assert_true(samePlace(mema_repalloc(&pool, same, 1000), same));
  assert_true(freePool(&pool));
}

/* Out of a slot of some KiB a chunk grows into a run of its own, and there without being copied; it is charged as in a slot. */
static void aGrowingChunkMovesToARunOfItsOwn(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 256 * MIB));
  for (int times = 0; times < 10; times++) { /* more than may have a run at a time */
    unsigned char *chunk = palloc(&pool, 4000);
    fillBytes(chunk, 4000, 3);
    unsigned moves = 0;
    for (size_t size = 4200; size < 65000; size += 300) {
      unsigned char *grown = mema_repalloc(&pool, chunk, size);
      assert_non_null(grown);
      moves += grown != chunk;
      chunk = grown;
      void *other = palloc(&pool, size);
      assert_int_equal(mema_chunkSize(&pool, chunk), mema_chunkSize(&pool, other));
      assert_true(pfree(&pool, other));
      assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
    }
    assert_int_equal(moves, 1);
    assert_true(bytesFilled(chunk, 4000, 3));
    if (times % 2 == 0) { /* a chunk that has shrunk goes back to a slot */
      void *run = chunk;
      assert_non_null(chunk = mema_repalloc(&pool, chunk, 9000));
      assert_false(samePlace(chunk, run));
      assert_non_null(chunk = mema_repalloc(&pool, chunk, 4300));
      assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
      assert_true(bytesFilled(chunk, 4000, 3));
    }
    assert_true(pfree(&pool, chunk));
    assertRefused(&pool, pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  }
  void *chunk = mema_repalloc(&pool, palloc(&pool, 5000), 20000), *run = chunk;
  assert_ptr_equal(mema_repalloc(&pool, chunk, 15000), run);
  assert_ptr_equal(mema_repalloc(&pool, chunk, 30000), run);
  assert_non_null(chunk = mema_repalloc(&pool, chunk, 12000)); /* less than half of it */
  assert_false(samePlace(chunk, run));
  assert_true(freePool(&pool));
}

/* Of many chunks that grow a little only a few take 64 KiB each; when those are gone, by whatever call, others may. */
static void fewGrownChunksTakeRunsOfTheirOwn(void **state) {
  const Kind *kind = *state;
  enum { count = 200, unit = 64 * 1024, spans = count / 10 + 1, runs = 4 };
  static void *chunks[count];
  Pool pool;
  assert_true(makePool(&pool, kind, 256 * MIB));
  for (int times = 0; times < 3; times++) {
    for (int i = 0; i < count; i++) chunks[i] = palloc(&pool, 4096);
    unsigned starts = 0;
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
      assert_non_null(chunks[i] = mema_repalloc(&pool, chunks[i], 6000));
      starts += (uintptr_t)chunks[i] % unit == 0;
      bytes += mema_chunkSize(&pool, chunks[i]);
    }
    assert_in_range(starts, runs, spans + runs);
    assertPool(&pool, bytes, count);
    if (times == 0) {
      assert_true(mema_resetPool(&pool));
    } else {
      for (int i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i]));
    }
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

static void alignedChunksKeepContentsAndCharge(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  for (size_t alignment = 32; alignment <= 65536; alignment *= 2) {
    unsigned char *chunk = mema_pmemalign(&pool, alignment, 1000), *grown;
    fillBytes(chunk, 1000, 6);
    assertWorks((grown = mema_repalloc(&pool, chunk, 5000)) != NULL);
    if (samePlace(grown, chunk)) assert_true(isAligned(grown, alignment));
    assert_true(bytesFilled(grown, 1000, 6));
    memset(grown, 1, 5000);
    assertPool(&pool, mema_chunkSize(&pool, grown), 1);
    assertWorks((chunk = mema_repalloc(&pool, grown, 200000)) != NULL);
    memset(chunk, 1, 200000);
    assertWorks(pfree(&pool, chunk));
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

/* Large chunks with and without a free run behind them. */
static void largeChunksGrowIntoAFreeRunOrMove(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, (wordBits == 64 ? 64 : 24) * MIB));
  unsigned char *first = palloc(&pool, 2 * MIB), *behind = palloc(&pool, 2 * MIB), *wall = palloc(&pool, 100000);
  fillBytes(first, 2 * MIB, 1);
  fillBytes(wall, 100000, 2);
  assertWorks(pfree(&pool, behind));
  assertWorks((first = mema_repalloc(&pool, first, 3 * MIB)) != NULL); /* has room behind it */
  assert_true(bytesFilled(first, 2 * MIB, 1));
  fillBytes(first, 3 * MIB, 3);
  assertWorks((first = mema_repalloc(&pool, first, 20 * MIB)) != NULL); /* has not */
  assert_true(bytesFilled(first, 3 * MIB, 3));
  memset(first + 3 * MIB, 1, 17 * MIB);
  assertWorks((first = mema_repalloc(&pool, first, MIB + 1)) != NULL);
  assert_true(bytesFilled(first, MIB + 1, 3));
  assertWorks((first = mema_repalloc(&pool, first, 500)) != NULL);
  assert_true(bytesFilled(first, 500, 3));
  assert_true(bytesFilled(wall, 100000, 2));
  assertPool(&pool, mema_chunkSize(&pool, first) + mema_chunkSize(&pool, wall), 2);
  assert_true(freePool(&pool));
}

/* Sizes that take as many units: nothing moves, and each is charged, or refused, to the byte (or page). */
static void largeChunksStayInTheirRun(void **state) {
  const Kind *kind = *state;
  enum { least = 10 * 65536 + 1, most = 11 * 65536, rest = 5000 };
  Pool pool;
  assert_true(makePool(&pool, kind, 256 * MIB));
  assert_true(mema_chargePool(&pool, 256 * MIB - most - rest));
  unsigned char *chunk = palloc(&pool, least);
  fillBytes(chunk, least, 1);
  for (size_t size = least; size <= most; size += 4095) {
    unsigned char *same = mema_repalloc(&pool, chunk, size); /* compilers know how large the chunk was */
    assert_ptr_equal(same, chunk);
    assert_int_equal(most + rest - pool.freeSize, kind->options.untracked ? (size + 4095) / 4096 * 4096 : size);
    assert_true(mema_checkPool(&pool));
    same[size - 1] = 1;
    for (size_t offset = 8; offset < 65536; offset += 8192 - 8)
      assertRefused(&pool, mema_repalloc(&pool, hidePointer(chunk + offset), size), MEMA_BAD_POINTER);
  }
  assert_ptr_equal(mema_repalloc(&pool, chunk, least), chunk);
  assert_true(bytesFilled(chunk, least - 1, 1));
  void *wall = palloc(&pool, 4 * 4096);
  assert_non_null(wall);
  size_t free = pool.freeSize;
  assertRefused(&pool, mema_repalloc(&pool, chunk, most), MEMA_OVER_BUDGET);
  assert_int_equal(pool.freeSize, free);
  assertWorks(pfree(&pool, wall));
  assert_ptr_equal(mema_repalloc(&pool, chunk, most), chunk);
  assertWorks(pfree(&pool, chunk));
  assert_true(mema_creditPool(&pool, 256 * MIB - most - rest));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static size_t mappingCount(void) {
  char bytes[4096];
  size_t lines = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  assert_non_null(maps);
  for (size_t length; (length = fread(bytes, 1, sizeof bytes, maps)) > 0;) {
    for (size_t i = 0; i < length; i++) lines += bytes[i] == '\n';
  }
  fclose(maps);
  return lines;
}

/* Pages that are moved by the system split its mappings; a process may have 65,530 of those. */
static void movesLeaveNoMappingsBehind(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 256 * MIB));
  size_t before = mappingCount();
  for (int round = 0; round < 4; round++) {
    unsigned char *chunks[40];
    for (size_t i = 0; i < 40; i++) assert_non_null(chunks[i] = palloc(&pool, MIB + i));
    for (size_t i = 0; i < 40; i++) { /* no room behind any but the last */
      chunks[i][MIB - 1] = (unsigned char)i;
      assert_non_null(chunks[i] = mema_repalloc(&pool, chunks[i], 3 * MIB));
      assert_int_equal(chunks[i][MIB - 1], i);
    }
    for (size_t i = 0; i < 40; i++) assert_true(pfree(&pool, chunks[i * 7 % 40]));
  }
  assertPool(&pool, 0, 0);
  size_t after = mappingCount();
  if (after > before + 30) fail_msg("%zu mappings more than before", after - before);
  assert_true(freePool(&pool));
}

/* Pages that a moved chunk no longer needs go back: the budget bounds the memory. */
static void shrinkingMovedChunksGivesBack(void **state) {
  if (UNDER_ASAN) return;
  Pool pool;
  assert_true(makePool(&pool, *state, 64 * MIB));
  mema_trimPool(NULL); /* the warm memory of earlier tests */
  size_t before = residentBytes();
  for (int i = 0; i < 10; i++) {
    unsigned char *chunk = palloc(&pool, MIB);
    memset(chunk, 1, MIB);
    void *wall = palloc(&pool, MIB / 8); /* in the way: the chunk must move */
    assert_non_null(wall);
    chunk = mema_repalloc(&pool, chunk, 40 * MIB);
    assert_non_null(chunk);
    memset(chunk, 2, 40 * MIB);
    chunk = mema_repalloc(&pool, chunk, 300 * KIB);
    assert_non_null(chunk);
    assert_true(chunk[0] == 2 && chunk[300 * KIB - 1] == 2);
  }
  mema_trimPool(&pool);
  assert_true(residentBytes() - before < 16 * MIB);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

/* Units smaller than a page share their pages: what a large chunk gives back by shrinking is its own. */
static void shrinkingKeepsTheNeighbours(void **state) {
  enum { neighbours = 64 }; /* more than the reservation holds */
  for (unsigned untracked = 0; untracked < 2; untracked++) {
    mema_Options options = {.poolSize = 128 * MIB, .reservation = 64 * KIB, .untracked = untracked != 0};
    unsigned char *chunks[neighbours];
    Pool pool;
    assert_true(mema_initPoolWith(&pool, &options));
    for (size_t beyond = KIB; beyond < 4 * KIB; beyond += KIB) {
      unsigned char *chunk = palloc(&pool, 36 * MIB + beyond);
      assert_non_null(chunk);
      for (unsigned i = 0; i < neighbours; i++) {
        assert_non_null(chunks[i] = palloc(&pool, 5 * KIB));
        fillBytes(chunks[i], 5 * KIB, i);
      }
      size_t size = beyond < 2 * KIB ? 100 : 3 * MIB + beyond; /* moved, and in its place */
      assert_non_null(chunk = mema_repalloc(&pool, chunk, size));
      for (unsigned i = 0; i < neighbours; i++) {
        assert_true(bytesFilled(chunks[i], 5 * KIB, i));
        assert_true(pfree(&pool, chunks[i]));
      }
      assert_true(pfree(&pool, chunk));
    }
    assert_true(freePool(&pool));
  }
  (void)state;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(contentsAreKeptBetweenAllSizes),
      anyKind(refusedGrowthKeepsTheOldChunk),
      exactKinds(aChunkGrowsToTheWholeBudget),
      withKind(aChunkGrowsToTheWholeBudget, kindFixed),
      anyKind(nullIsAnAllocationAndZeroIsOneByte),
      exactKinds(everyStepOfOneByteIsExact),
      withKind(everyStepOfOneByteIsExact, kindFixed),
      anyKind(aChunkGrowsInPlaceInsideItsSlot),
      withKind(aGrowingChunkMovesToARunOfItsOwn, kindTracked),
      withKind(aGrowingChunkMovesToARunOfItsOwn, kindUntracked),
      withKind(fewGrownChunksTakeRunsOfTheirOwn, kindTracked),
      withKind(fewGrownChunksTakeRunsOfTheirOwn, kindUntracked),
      anyKind(alignedChunksKeepContentsAndCharge),
      anyKind(largeChunksGrowIntoAFreeRunOrMove),
      withKind(largeChunksStayInTheirRun, kindTracked),
      withKind(largeChunksStayInTheirRun, kindUntracked),
      withKind(movesLeaveNoMappingsBehind, kindTracked),
      withKind(movesLeaveNoMappingsBehind, kindUntracked),
      withKind(shrinkingMovedChunksGivesBack, kindTracked),
      withKind(shrinkingMovedChunksGivesBack, kindUntracked),
      cmocka_unit_test(shrinkingKeepsTheNeighbours),
  };
  return runTests(tests);
}
