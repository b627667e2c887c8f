/* P2: a request is never refused for fragmentation. The holes are made as unkindly as a stride allows. */
#include "unit.h"

/* Fills the pool with chunks of `size`; returns how many, and their addresses in *chunks. */
static size_t fillUp(Pool *pool, size_t size, void ***chunks) {
  size_t room = pool->poolSize / size + 1, count = 0;
  *chunks = malloc(room * sizeof **chunks);
  assert_non_null(*chunks);
  while (count < room && ((*chunks)[count] = palloc(pool, size)) != NULL) {
    memset((*chunks)[count], 1, size);
    count++;
  }
  return count;
}

static int byAddress(const void *a, const void *b) {
  uintptr_t x = addressOf(*(void *const *)a), y = addressOf(*(void *const *)b);
  return (x > y) - (x < y);
}

/* Frees all but the first chunk of each stride of addresses; the survivors are moved to the front and counted. */
static size_t thinOut(Pool *pool, void **chunks, size_t count, size_t stride) {
  uintptr_t kept = UINTPTR_MAX;
  size_t survivors = 0;
  qsort(chunks, count, sizeof *chunks, byAddress);
  for (size_t i = 0; i < count; i++) {
    if (addressOf(chunks[i]) / stride == kept) {
      if (!pfree(pool, chunks[i])) fail_msg("pfree failed");
    } else {
      kept = addressOf(chunks[i]) / stride;
      chunks[survivors++] = chunks[i];
    }
  }
  return survivors;
}

static void *takePiece(Pool *pool, size_t size) {
  void *piece = palloc(pool, size);
  if (piece == NULL) {
    fail_msg("%zu bytes: %s", size, mema_lastError()->sentence);
  } else {
    memset(piece, 3, size);
  }
  return piece;
}

/* The rest in one piece; in halves; in pieces of each size class, the last one exact. */
static void takeTheRest(Pool *pool) {
  static const size_t classes[] = {16, 48, 112, 160, 1000, 1024, 1040, 4096, 5000, 16384, 40000, 65536, 70000, 1048576};
  if (pool->freeSize == 0) return;
  size_t rest = pool->freeSize;
  unsigned char *whole = palloc(pool, rest);
  if (whole == NULL) {
    fail_msg("%zu bytes in one piece: %s", rest, mema_lastError()->sentence);
    return;
  }
  for (size_t at = 0; at < rest; at += 4096) whole[at] = 1;
  whole[rest - 1] = 2;
  assert_int_equal(pool->freeSize, 0);
  assert_true(pfree(pool, whole));
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    void *pieces[64];
    size_t count = 0, before = pool->freeSize;
    for (; count < 60 && pool->freeSize >= classes[i]; count++) pieces[count] = takePiece(pool, classes[i]);
    if (pool->freeSize > 0) pieces[count++] = takePiece(pool, pool->freeSize);
    while (count > 0) assert_true(pfree(pool, pieces[--count]));
    assert_int_equal(pool->freeSize, before);
  }
  while (pool->freeSize > 0) assert_non_null(hidePointer(palloc(pool, (pool->freeSize + 1) / 2)));
}

static void noHolesInTheWay(const Kind *kind, size_t poolSize) {
  static const size_t sizes[] = {16, 64, 1000, 5000}, strides[] = {1024, 4096, 65536};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (poolSize / sizes[i] > 300000 && sizes[i] < 64) continue; /* a minute of records proves no more */
    for (size_t j = 0; j < sizeof strides / sizeof *strides; j++) {
      if (strides[j] < 2 * sizes[i]) continue;
      Pool pool;
      void **chunks;
      assert_true(makePool(&pool, kind, poolSize));
      size_t count = fillUp(&pool, sizes[i], &chunks);
      assert_int_equal(count, poolSize / sizes[i]);
      size_t survivors = thinOut(&pool, chunks, count, strides[j]);
      assertPool(&pool, survivors * sizes[i], survivors);
      takeTheRest(&pool);
      assert_int_equal(pool.freeSize, 0);
      for (size_t k = 0; k < survivors; k++) assert_int_equal(*(unsigned char *)chunks[k], 1);
      assert_true(mema_checkPool(&pool));
      assert_true(freePool(&pool));
      free(chunks);
    }
  }
}

static void smallPoolsHaveNoHolesInTheWay(void **state) {
  noHolesInTheWay(*state, 4 * KIB);
  noHolesInTheWay(*state, 10007);
  noHolesInTheWay(*state, 64 * KIB);
}
static void middlePoolsHaveNoHolesInTheWay(void **state) {
  noHolesInTheWay(*state, MIB);
  noHolesInTheWay(*state, 5 * MIB + 3);
}
static void largePoolsHaveNoHolesInTheWay(void **state) {
  noHolesInTheWay(*state, 64 * MIB);
}

/* Each round leaves one chunk of another size behind in every page, as a long-lived program might. */
static void survivorsOfManyGenerationsAreNotInTheWay(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  for (size_t size = 16; size < 30000; size = size * 5 / 3) {
    size_t room = pool.freeSize / size;
    void **chunks = malloc((room + 1) * sizeof *chunks);
    for (size_t i = 0; i < room; i++) {
      chunks[i] = palloc(&pool, size);
      if (chunks[i] == NULL) fail_msg("%zu bytes: %s", size, mema_lastError()->sentence);
    }
    assert_true(pool.freeSize < size);
    for (size_t i = 0, keep = 4096 / size + 8; i < room; i++) {
      if (i % keep != 0) assert_true(pfree(&pool, chunks[i]));
    }
    free(chunks);
  }
  size_t rest = pool.freeSize;
  assert_non_null(hidePointer(palloc(&pool, rest)));
  assert_int_equal(pool.freeSize, 0);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

/* Untracked pools compare the bytes that a chunk would occupy. An empty pool of the same kind shows how many these are. */
static void untrackedPoolsHaveNoHolesInTheWay(void **state) {
  const Kind *kind = *state;
  static const size_t poolSizes[] = {65536, 1048576, 16777216};
  for (size_t i = 0; i < sizeof poolSizes / sizeof *poolSizes; i++) {
    Pool pool, empty;
    void **chunks, *chunk;
    assert_true(makePool(&pool, kind, poolSizes[i]));
    assert_true(makePool(&empty, kind, poolSizes[i]));
    size_t count = fillUp(&pool, 64, &chunks);
    assert_true(count > 0);
    size_t survivors = thinOut(&pool, chunks, count, 4096);
    for (size_t size = pool.freeSize; size > 0; size -= size / 16 + 1) {
      if ((chunk = palloc(&empty, size)) == NULL) continue;
      size_t charge = mema_chunkSize(&empty, chunk);
      assert_true(pfree(&empty, chunk));
      bool fits = charge <= pool.freeSize;
      chunk = palloc(&pool, size);
      if (chunk != NULL) {
        assert_true(pfree(&pool, chunk));
      } else if (fits) {
        fail_msg("%zu bytes, which occupy %zu: %s", size, charge, mema_lastError()->sentence);
      }
    }
    assertPool(&pool, survivors * mema_chunkSize(&pool, chunks[0]), survivors);
    assert_true(freePool(&pool));
    assert_true(freePool(&empty));
    free(chunks);
  }
}

/* Chunks that grow at random leave slots of their sizes before, some of them at hand. Those serve chunks of other sizes, long before the budget
 * is used up. */
static void slotsOfFormerSizesServeOtherSizes(void **state) {
  enum { count = 10000, first = 100, last = 500, step = 50, other = 2000 };
  static void *chunks[2 * count];
  static size_t sizes[count];
  Pool pool;
  mema_Stats stats;
  size_t live = 0;
  assert_true(makeUnwatched(&pool, *state, GIB));
  for (size_t i = 0; i < count; i++) chunks[i] = takePiece(&pool, sizes[i] = first);
  for (size_t growing = count, dice = 1; growing > 0;) {
    size_t i = (dice = (dice * 1103515245 + 12345) % (UINT32_C(1) << 31)) / 65536 % growing;
    void *grown = mema_repalloc(&pool, chunks[i], sizes[i] += step);
    assert_non_null(chunks[i] = grown);
    if (sizes[i] < last) continue;
    chunks[i] = chunks[--growing];
    sizes[i] = sizes[growing];
    chunks[growing] = grown;
  }
  for (size_t i = count; i < 2 * count; i++) chunks[i] = takePiece(&pool, other);
  for (size_t i = 0; i < 2 * count; i++) live += mema_chunkSize(&pool, chunks[i]);
  assert_true(mema_poolStats(&pool, &stats));
  if (stats.footprint > live + 1150 * KIB) fail_msg("%zu bytes held for %zu", stats.footprint, live);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      exactKinds(smallPoolsHaveNoHolesInTheWay),
      exactKinds(middlePoolsHaveNoHolesInTheWay),
      withKind(largePoolsHaveNoHolesInTheWay, kindTracked),
      withKind(largePoolsHaveNoHolesInTheWay, kindOutside),
      exactKinds(survivorsOfManyGenerationsAreNotInTheWay),
      withKind(untrackedPoolsHaveNoHolesInTheWay, kindUntracked),
      withKind(untrackedPoolsHaveNoHolesInTheWay, kindUntrackedOutside),
      withKind(slotsOfFormerSizesServeOtherSizes, kindUntracked),
      withKind(slotsOfFormerSizesServeOtherSizes, kindShared),
  };
  return runTests(tests);
}
