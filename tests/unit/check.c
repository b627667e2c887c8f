/* mema_checkPool: true for a whole pool, false with a sentence for a pool with altered records. */
#include "unit.h"

/* Breaks something, sees it found, and mends it again. */
#define assertFound(pool, tampering, mending)                        \
  do {                                                               \
    tampering;                                                       \
    forgetError(MEMA_BROKEN);                                        \
    if (mema_checkPool(pool)) fail_msg("not found: %s", #tampering); \
    assertWell(errorIsNot(MEMA_BROKEN));                             \
    mending;                                                         \
    assertWorks(mema_checkPool(pool));                               \
  } while (0)

static void brokenBudgetsAreFound(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  for (int round = 0; round < 2; round++) { /* empty, then in use */
    assertFound(&pool, pool.freeSize--, pool.freeSize++);
    assertFound(&pool, pool.freeSize++, pool.freeSize--);
    assertFound(&pool, pool.poolSize++, pool.poolSize--);
    assertFound(&pool, pool.freeSize += 1000000, pool.freeSize -= 1000000);
    assert_non_null(hidePointer(palloc(&pool, 500)));
    assert_non_null(hidePointer(palloc(&pool, 5000)));
  }
  assert_true(freePool(&pool));
}

static void brokenChainsAreFound(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  for (size_t i = 0; i < 6; i++) assert_non_null(hidePointer(palloc(&pool, 10 + 6000 * i)));
  Block *head = pool.head, *tail = pool.tail, *second = head->next, *third = second->next;
  assertFound(&pool, pool.head = second, pool.head = head);
  assertFound(&pool, pool.head = NULL, pool.head = head);
  assertFound(&pool, pool.tail = tail->prev, pool.tail = tail);
  assertFound(&pool, pool.tail = NULL, pool.tail = tail);
  assertFound(&pool, pool.head = pool.tail = NULL, (pool.head = head, pool.tail = tail));
  assertFound(&pool, second->next = NULL, second->next = third);
  assertFound(&pool, second->next = third->next, second->next = third);
  assertFound(&pool, second->next = head, second->next = third); /* a ring: the walk must end */
  assertFound(&pool, second->next = second, second->next = third);
  assertFound(&pool, second->prev = NULL, second->prev = head);
  assertFound(&pool, second->prev = third, second->prev = head);
  size_t size = second->size;
  assertFound(&pool, second->size++, second->size = size);
  assertFound(&pool, second->size--, second->size = size);
  assertFound(&pool, second->size = SIZE_MAX, second->size = size);
  void *ptr = second->ptr;
  assertFound(&pool, second->ptr = (char *)ptr + 1, second->ptr = ptr);
  assertFound(&pool, second->ptr = third->ptr, second->ptr = ptr);
  assertFound(&pool, second->ptr = NULL, second->ptr = ptr);
  assertFound(&pool, second->poolAllocated = !second->poolAllocated, second->poolAllocated = !second->poolAllocated);
  assert_true(freePool(&pool));
}

static void aChainInAnUntrackedPoolIsFound(void **state) {
  const Kind *kind = *state;
  Pool pool;
  Block stray = {0};
  assert_true(makePool(&pool, kind, 100000));
  assertFound(&pool, pool.head = &stray, pool.head = NULL);
  assertFound(&pool, pool.tail = &stray, pool.tail = NULL);
  assert_true(freePool(&pool));
}

static void theSentenceNamesTheBrokenPart(void **state) {
  (void)state;
  Pool pool;
  char first[200];
  assert_true(initPool(&pool, 1000));
  assert_non_null(hidePointer(palloc(&pool, 10)));
  pool.freeSize--;
  assert_false(mema_checkPool(&pool));
  snprintf(first, sizeof first, "%s", mema_lastError()->sentence);
  pool.freeSize++;
  pool.tail = NULL;
  assert_false(mema_checkPool(&pool));
  assert_string_not_equal(first, mema_lastError()->sentence);
  pool.tail = pool.head;
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(brokenBudgetsAreFound),
      exactKinds(brokenChainsAreFound),
      withKind(brokenChainsAreFound, kindFixed),
      withKind(aChainInAnUntrackedPoolIsFound, kindUntracked),
      withKind(aChainInAnUntrackedPoolIsFound, kindUntrackedOutside),
      withKind(aChainInAnUntrackedPoolIsFound, kindFixedUntracked),
      cmocka_unit_test(theSentenceNamesTheBrokenPart),
  };
  return runTests(tests);
}
