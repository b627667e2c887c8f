/* P4: the chain lists exactly the live chunks, oldest first. */
#include "unit.h"

static void assertChainIs(const Pool *pool, void *const *chunks, size_t count) {
  const Block *block = pool->head, *before = NULL;
  for (size_t i = 0; i < count; i++, before = block, block = block->next) {
    assert_non_null(block);
    assert_true(samePlace(block->ptr, chunks[i]));
    assert_ptr_equal(block->prev, before);
    assert_int_equal(block->size, mema_chunkSize(pool, chunks[i]));
  }
  assert_null(block);
  assert_ptr_equal(pool->tail, before);
}

static void removeFrom(void **chunks, size_t *count, size_t index) {
  memmove(chunks + index, chunks + index + 1, (*count - index - 1) * sizeof *chunks);
  --*count;
}

static void theChainIsInOrderOfAllocation(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  assert_null(pool.head);
  assert_null(pool.tail);
  void *chunks[100];
  for (size_t i = 0; i < 100; i++) {
    chunks[i] = i % 3 == 0 ? palloc(&pool, i) : i % 3 == 1 ? mema_pcalloc(&pool, i, 90) : mema_pmemalign(&pool, 128, i);
    assertChainIs(&pool, chunks, i + 1);
  }
  assert_true(freePool(&pool));
}

/* All orders in which five chunks can be freed. */
static void freesInAnyOrderKeepTheChain(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  for (int order = 0; order < 5 * 4 * 3 * 2; order++) {
    void *chunks[5];
    size_t count = 5;
    for (size_t i = 0; i < 5; i++) chunks[i] = palloc(&pool, 10 + i * 5000);
    for (int rest = order; count > 0;) {
      size_t index = (size_t)rest % count;
      rest /= (int)count;
      assert_true(pfree(&pool, chunks[index]));
      removeFrom(chunks, &count, index);
      assertChainIs(&pool, chunks, count);
    }
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

static void theYoungestIsAlwaysTheTail(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  void *chunks[200];
  size_t count = 0;
  uint64_t random = 7;
  for (int step = 0; step < 5000; step++) {
    if (count < 200 && nextRandom(&random) % 2 == 0) {
      chunks[count] = palloc(&pool, nextRandom(&random) % 300);
      assert_non_null(chunks[count]);
      assert_true(samePlace(pool.tail->ptr, chunks[count]));
      count++;
    } else if (count > 0) {
      size_t index = nextRandom(&random) % count;
      assert_true(pfree(&pool, chunks[index]));
      removeFrom(chunks, &count, index);
    }
    if (step % 50 == 0) assertChainIs(&pool, chunks, count);
  }
  assertChainIs(&pool, chunks, count);
  assert_true(freePool(&pool));
}

/* A chunk resized in place keeps its place; one that moved may keep it or become the youngest; the others stay in order. */
static void repallocKeepsTheOthersInOrder(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 100, 5000, 70000, 200000, 3000, 10};
  Pool pool;
  assert_true(makePool(&pool, kind, 2 * MIB));
  void *chunks[5];
  for (size_t i = 0; i < 5; i++) chunks[i] = palloc(&pool, 50);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *moved = mema_repalloc(&pool, chunks[2], sizes[i]);
    assert_non_null(moved);
    bool inPlace = samePlace(moved, chunks[2]);
    chunks[2] = moved;
    if (!inPlace && samePlace(pool.tail->ptr, moved)) {
      void *young[5] = {chunks[0], chunks[1], chunks[3], chunks[4], moved};
      assertChainIs(&pool, young, 5);
      break;
    }
    assertChainIs(&pool, chunks, 5);
  }
  assert_true(freePool(&pool));
}

static void aBlockSaysWhereItsChunkLies(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, MIB));
  for (size_t size = 1; size < 100000; size *= 3) {
    char *chunk = palloc(&pool, size);
    assert_true(pool.tail->poolAllocated);
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_true(addressOf(chunk) >= addressOf(pool.mem));
    assert_true(addressOf(chunk) + size <= addressOf(pool.mem) + stats.reservation);
  }
  assert_true(freePool(&pool));
}

static void untrackedPoolsHaveNoChain(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  for (size_t i = 0; i < 100; i++) {
    assert_non_null(hidePointer(palloc(&pool, i * 10)));
    assert_null(pool.head);
    assert_null(pool.tail);
  }
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      exactKinds(theChainIsInOrderOfAllocation),
      withKind(theChainIsInOrderOfAllocation, kindFixed),
      exactKinds(freesInAnyOrderKeepTheChain),
      withKind(freesInAnyOrderKeepTheChain, kindFixed),
      exactKinds(theYoungestIsAlwaysTheTail),
      withKind(theYoungestIsAlwaysTheTail, kindFixed),
      exactKinds(repallocKeepsTheOthersInOrder),
      withKind(repallocKeepsTheOthersInOrder, kindFixed),
      cmocka_unit_test(aBlockSaysWhereItsChunkLies),
      withKind(untrackedPoolsHaveNoChain, kindUntracked),
      withKind(untrackedPoolsHaveNoChain, kindUntrackedOutside),
      withKind(untrackedPoolsHaveNoChain, kindFixedUntracked),
  };
  return runTests(tests);
}
