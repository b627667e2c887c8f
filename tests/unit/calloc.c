/* mema_pcalloc: zeros, whatever the memory held before, and products that overflow. */
#include "unit.h"

static void freshMemoryIsZero(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 32 * MIB));
  for (size_t size = 1; size <= 8 * MIB; size = size * 2 + 7) {
    unsigned char *chunk;
    assertWorks((chunk = mema_pcalloc(&pool, 1, size)) != NULL);
    assert_true(bytesZero(chunk, size));
    assert_true(isAligned(chunk, MEMA_ALIGNMENT));
    memset(chunk, 0xff, size);
    assertWorks(pfree(&pool, chunk));
  }
  assert_true(freePool(&pool));
}

/* Memory that was dirtied before: by chunks of equal and other sizes, before a reset, and by a pool that has ended. */
static void dirtyMemoryIsZeroed(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 16, 100, 1000, 4096, 20000, 66000, 300000, 2000000};
  for (int round = 0; round < 4; round++) {
    Pool pool;
    assert_true(makePool(&pool, kind, 16 * MIB));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      size_t size = sizes[i];
      unsigned char *dirty[4], *chunk;
      for (int j = 0; j < 4; j++) memset(dirty[j] = palloc(&pool, size + (size_t)j), 0xee, size + (size_t)j);
      for (int j = 0; j < 4; j++) assert_true(pfree(&pool, dirty[j]));
      if (round == 1) assert_true(mema_trimPool(&pool) < SIZE_MAX);
      if (round == 2) assert_true(mema_resetPool(&pool));
      for (int j = 0; j < 6; j++) {
        assertWorks((chunk = mema_pcalloc(&pool, size, 1)) != NULL);
        assert_true(bytesZero(chunk, size));
        memset(chunk, 0xdd, size);
        if (j % 2 == 0) assert_true(pfree(&pool, chunk));
      }
      assert_true(mema_resetPool(&pool));
    }
    assert_true(freePool(&pool));
  }
}

/* A large chunk that shrank, leaving its tail to others, and one cut from a dirty one. */
static void reusedTailsAreZeroed(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 8 * MIB));
  unsigned char *large = palloc(&pool, 3 * MIB);
  memset(large, 0xaa, 3 * MIB);
  assert_non_null(hidePointer(mema_repalloc(&pool, large, 200000)));
  for (size_t size = 70000; size < 1000000; size += 70001) {
    unsigned char *chunk = mema_pcalloc(&pool, 1, size);
    assert_non_null(chunk);
    assert_true(bytesZero(chunk, size));
    memset(chunk, 0xbb, size);
  }
  assert_true(freePool(&pool));
}

/* Where a large chunk moved away the place may be fresh, but a neighbour that joins it is not. */
static void memoryOfMovedChunksIsZeroed(void **state) {
  const Kind *kind = *state;
  for (int order = 0; order < 4; order++) {
    Pool pool;
    assert_true(makePool(&pool, kind, 32 * MIB));
    unsigned char *chunks[4], *neighbour;
    for (int i = 0; i < 4; i++) memset(chunks[i] = palloc(&pool, MIB), 0xcc, MIB);
    neighbour = chunks[order & 1 ? 0 : 2]; /* before or behind; it goes before the move or after */
    if (order & 2) assert_true(pfree(&pool, neighbour));
    assert_non_null(chunks[1] = mema_repalloc(&pool, chunks[1], 6 * MIB));
    memset(chunks[1], 0xcc, 6 * MIB);
    if (!(order & 2)) assert_true(pfree(&pool, neighbour));
    for (int i = 0; i < 3; i++) {
      unsigned char *chunk = mema_pcalloc(&pool, 1, MIB);
      assert_non_null(chunk);
      assert_true(bytesZero(chunk, MIB));
      memset(chunk, 0xcc, MIB);
    }
    assert_true(pfree(&pool, chunks[1]));
    unsigned char *whole = mema_pcalloc(&pool, 1, 8 * MIB);
    assert_non_null(whole);
    assert_true(bytesZero(whole, 8 * MIB));
    assert_true(freePool(&pool));
  }
}

static void overflowingProductsAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  static const size_t rows[][2] = {{SIZE_MAX, 2},
                                   {2, SIZE_MAX},
                                   {SIZE_MAX, SIZE_MAX},
                                   {(size_t)1 << wordBits / 2, (size_t)1 << wordBits / 2},
                                   {((size_t)1 << wordBits / 2) + 1, (size_t)1 << wordBits / 2},
                                   {(size_t)1 << (wordBits / 2 + 1), ((size_t)1 << (wordBits / 2 - 1)) + 1},
                                   {SIZE_MAX / 2 + 1, 2},
                                   {SIZE_MAX / 16 + 2, 16},
                                   {3, SIZE_MAX / 3 + 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t count = hideSize(rows[i][0]), size = hideSize(rows[i][1]);
    assertRefused(&pool, mema_pcalloc(&pool, count, size), MEMA_OVERFLOW);
  }
  assertRefused(&pool, mema_pcalloc(&pool, hideSize(SIZE_MAX), hideSize(1)), MEMA_TOO_LARGE);
  assertRefused(&pool, mema_pcalloc(&pool, hideSize(SIZE_MAX / 3), hideSize(3)), MEMA_TOO_LARGE);
  assertRefused(&pool, mema_pcalloc(&pool, hideSize(MEMA_UNLIMITED / 2), hideSize(2)), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_pcalloc(&pool, 1001, 100), MEMA_OVER_BUDGET);
  assertPool(&pool, 0, 0);
  /* The charge is the product's; a product of 0 is a request of 0, however large the other factor. */
  unsigned char *chunk;
  assertWorks((chunk = mema_pcalloc(&pool, 100, 30)) != NULL);
  size_t charge = mema_chunkSize(&pool, chunk);
  if (!kind->options.untracked) assert_int_equal(charge, 3000);
  assertPool(&pool, charge, 1);
  void *none;
  assertWorks((none = mema_pcalloc(&pool, hideSize(0), hideSize(SIZE_MAX))) != NULL);
  assertWorks(pfree(&pool, none));
  assertWorks((none = mema_pcalloc(&pool, hideSize(SIZE_MAX), hideSize(0))) != NULL);
  assert_int_equal(*(unsigned char *)hidePointer(none), 0);
  assertPool(&pool, charge + mema_chunkSize(&pool, none), 2);
  assert_true(freePool(&pool));
}

/* A request for 0 bytes is one for 1, and that one is zero. */
static void aRequestOfZeroGivesAZeroByte(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, 4096));
  unsigned char *chunk = palloc(&pool, 1);
  *chunk = 0xff;
  assert_true(pfree(&pool, chunk));
  unsigned char *zero = hidePointer(mema_pcalloc(&pool, hideSize(7), hideSize(0)));
  assert_non_null(zero);
  assert_int_equal(*zero, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(freshMemoryIsZero),           anyKind(dirtyMemoryIsZeroed),           anyKind(reusedTailsAreZeroed),
      anyKind(memoryOfMovedChunksIsZeroed), anyKind(overflowingProductsAreRefused), anyKind(aRequestOfZeroGivesAZeroByte),
  };
  return runTests(tests);
}
