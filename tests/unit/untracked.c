/* Particular to untracked pools: a chunk is charged the bytes that it occupies, and all of them are usable. */
#include "unit.h"

static void aChargeIsTheBytesAChunkOccupies(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 64 * MIB));
  for (size_t size = 0; size < 3 * MIB; size += 1 + size / 30) {
    size_t before = pool.freeSize;
    unsigned char *chunk = palloc(&pool, size), *next = palloc(&pool, size);
    size_t charge = mema_chunkSize(&pool, chunk);
    assert_true(charge >= size && charge > 0);
    assert_int_equal(pool.freeSize, before - charge - mema_chunkSize(&pool, next));
    /* All of it usable: two neighbours filled to their last byte do not touch. */
    unsigned char *whole = hidePointer(chunk), *wholeNext = hidePointer(next);
    fillBytes(whole, charge, 1);
    fillBytes(wholeNext, mema_chunkSize(&pool, next), 2);
    assert_true(bytesFilled(whole, charge, 1));
    assertPool(&pool, charge + mema_chunkSize(&pool, next), 2);
    assert_true(pfree(&pool, chunk));
    assert_true(pfree(&pool, next));
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* A request for the bytes that a chunk occupies gets a chunk that occupies just as many. */
static void occupiedSizesAreExact(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 64 * MIB));
  for (size_t size = 1; size < 3 * MIB; size += 1 + size / 30) {
    void *chunk = palloc(&pool, size);
    size_t charge = mema_chunkSize(&pool, chunk);
    void *same = palloc(&pool, charge);
    assert_int_equal(mema_chunkSize(&pool, same), charge);
    assert_true(pfree(&pool, chunk));
    assert_true(pfree(&pool, same));
  }
  assert_true(freePool(&pool));
}

/* Exact fill: a budget of just the bytes that a chunk occupies holds it, one of a byte less does not. */
static void theBudgetIsExactInOccupiedBytes(void **state) {
  const Kind *kind = *state;
  for (size_t size = 1; size < 200000; size += 1 + size / 3) {
    Pool pool;
    void *chunk;
    assert_true(makePool(&pool, kind, MIB));
    assert_non_null(chunk = palloc(&pool, size));
    size_t charge = mema_chunkSize(&pool, chunk);
    assert_true(mema_resizePool(&pool, charge));
    assert_int_equal(pool.freeSize, 0);
    assertRefused(&pool, palloc(&pool, hideSize(1)), MEMA_OVER_BUDGET);
    assert_true(pfree(&pool, chunk));
    assertWorks((chunk = palloc(&pool, size)) != NULL);
    assertPool(&pool, charge, 1);
    assert_true(pfree(&pool, chunk));
    if (charge > 1) {
      assert_true(mema_resizePool(&pool, charge - 1));
      assertRefused(&pool, palloc(&pool, size), MEMA_OVER_BUDGET);
      assert_int_equal(mema_lastError()->wanted, charge);
      assert_int_equal(mema_lastError()->available, charge - 1);
    }
    assert_true(freePool(&pool));
  }
}

static void repallocChargesTheNewSize(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 8 * MIB));
  unsigned char *chunk = palloc(&pool, 1);
  for (size_t size = 1; size < 2 * MIB; size = size * 3 / 2 + 1) {
    chunk = mema_repalloc(&pool, chunk, size);
    assert_non_null(chunk);
    assert_true(mema_chunkSize(&pool, chunk) >= size);
    assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
  }
  assert_true(pfree(&pool, chunk));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aChargeIsTheBytesAChunkOccupies, kindUntracked),
      withKind(aChargeIsTheBytesAChunkOccupies, kindUntrackedOutside),
      withKind(aChargeIsTheBytesAChunkOccupies, kindFixedUntracked),
      withKind(occupiedSizesAreExact, kindUntracked),
      withKind(occupiedSizesAreExact, kindUntrackedOutside),
      withKind(occupiedSizesAreExact, kindFixedUntracked),
      withKind(theBudgetIsExactInOccupiedBytes, kindUntracked),
      withKind(theBudgetIsExactInOccupiedBytes, kindUntrackedOutside),
      withKind(theBudgetIsExactInOccupiedBytes, kindFixedUntracked),
      withKind(repallocChargesTheNewSize, kindUntracked),
      withKind(repallocChargesTheNewSize, kindUntrackedOutside),
      withKind(repallocChargesTheNewSize, kindFixedUntracked),
  };
  return runTests(tests);
}
