/* P1: the budget is kept to the byte. */
#include "unit.h"

static void theBudgetIdentityHoldsAfterEveryCall(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 3 * MIB));
  void *chunks[500];
  size_t charges[500], bytes = 0;
  for (size_t i = 0; i < 500; i++) {
    size_t size = i * i % 9001;
    chunks[i] = palloc(&pool, size);
    assert_non_null(chunks[i]);
    charges[i] = mema_chunkSize(&pool, chunks[i]);
    if (kind->options.untracked) {
      assert_true(charges[i] >= size && charges[i] > 0);
    } else {
      assert_int_equal(charges[i], size == 0 ? 1 : size);
    }
    memset(chunks[i], 1, charges[i]);
    bytes += charges[i];
    assertPool(&pool, bytes, i + 1);
  }
  for (size_t i = 0; i < 500; i++) {
    size_t victim = i * 273 % 500; /* 273 and 500 have no common factor: each once */
    assert_true(pfree(&pool, chunks[victim]));
    bytes -= charges[victim];
    assertPool(&pool, bytes, 499 - i);
  }
  assert_true(freePool(&pool));
}

static void exactFillSucceedsAndOneMoreFails(void **state) {
  const Kind *kind = *state;
  static const size_t budgets[] = {1,    2,    15,   16,    17,    100,   1000,   4095,        4096,
                                   4097, 8192, 9999, 65535, 65536, 65537, 131072, 1000 * 1000, 16 * 1024 * 1024};
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    size_t budget = budgets[i];
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    assertRefused(&pool, palloc(&pool, budget + 1), MEMA_OVER_BUDGET);
    assert_int_equal(mema_lastError()->wanted, budget + 1);
    assert_int_equal(mema_lastError()->available, budget);
    void *whole;
    assertWorks((whole = palloc(&pool, budget)) != NULL);
    memset(whole, 1, budget);
    assert_int_equal(pool.freeSize, 0);
    assertPool(&pool, budget, 1);
    assertRefused(&pool, palloc(&pool, 1), MEMA_OVER_BUDGET);
    assertRefused(&pool, palloc(&pool, 0), MEMA_OVER_BUDGET);
    assert_int_equal(mema_lastError()->wanted, 1);
    assert_int_equal(mema_lastError()->available, 0);
    assertWorks(pfree(&pool, whole));
    assertPool(&pool, 0, 0);
    if (budget > 1) {
      assertWorks((whole = palloc(&pool, budget - 1)) != NULL);
      assertRefused(&pool, palloc(&pool, 2), MEMA_OVER_BUDGET);
      assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 2 wanted, 1 free");
      assertWorks(palloc(&pool, 0) != NULL); /* the last byte */
      assertPool(&pool, budget, 2);
    }
    assert_true(freePool(&pool));
  }
}

static void aRequestOfZeroIsOneOfOneByte(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 40));
  void *chunks[40];
  for (size_t i = 0; i < 40; i++) {
    assertWorks((chunks[i] = palloc(&pool, hideSize(0))) != NULL);
    for (size_t j = 0; j < i; j++) assert_false(samePlace(chunks[i], chunks[j]));
    assert_int_equal(mema_chunkSize(&pool, chunks[i]), 1);
    assert_int_equal(pool.tail->size, 1);
    *(char *)chunks[i] = (char)i;
    assertPool(&pool, i + 1, i + 1);
  }
  assertRefused(&pool, palloc(&pool, 0), MEMA_OVER_BUDGET);
  for (size_t i = 0; i < 40; i++) assert_int_equal(*(char *)chunks[i], i);
  assert_true(freePool(&pool));
}

static void absurdSizesAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  static const size_t tooLarge[] = {MEMA_UNLIMITED + 1, MEMA_UNLIMITED + 2, SIZE_MAX - 65536, SIZE_MAX - 4096, SIZE_MAX - 64,
                                    SIZE_MAX - 48,      SIZE_MAX - 40,      SIZE_MAX - 17,    SIZE_MAX - 16,   SIZE_MAX - 15,
                                    SIZE_MAX - 8,       SIZE_MAX - 1,       SIZE_MAX};
  const size_t half = (size_t)1 << (wordBits == 64 ? 32 : 28);
  const size_t overBudget[] = {100001,
                               half / 2,
                               half,
                               half + 16,
                               MEMA_UNLIMITED / 65536 + 100000,
                               (size_t)1 << (wordBits - 2),
                               MEMA_UNLIMITED - 65536,
                               MEMA_UNLIMITED - 15,
                               MEMA_UNLIMITED - 1,
                               MEMA_UNLIMITED};
  for (size_t i = 0; i < sizeof tooLarge / sizeof *tooLarge; i++) {
    size_t size = hideSize(tooLarge[i]);
    assertRefused(&pool, palloc(&pool, size), MEMA_TOO_LARGE);
    assertRefused(&pool, mema_pmemalign(&pool, 64, size), MEMA_TOO_LARGE);
    assertRefused(&pool, mema_pcalloc(&pool, 1, size), MEMA_TOO_LARGE);
    assertRefused(&pool, mema_repalloc(&pool, NULL, size), MEMA_TOO_LARGE);
    assert_int_equal(mema_lastError()->wanted, 0);
    assert_int_equal(mema_lastError()->available, 0);
  }
  for (size_t i = 0; i < sizeof overBudget / sizeof *overBudget; i++) {
    size_t size = hideSize(overBudget[i]);
    assertRefused(&pool, palloc(&pool, size), MEMA_OVER_BUDGET);
    assert_true(mema_lastError()->wanted >= size);
    assert_int_equal(mema_lastError()->available, 100000);
    assertRefused(&pool, mema_pmemalign(&pool, 64, size), MEMA_OVER_BUDGET);
  }
  assert_true(freePool(&pool));
}

static void anUnlimitedPoolIsLimitedByTheSystem(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MEMA_UNLIMITED));
  static const size_t sizes[] = {MEMA_UNLIMITED, MEMA_UNLIMITED - 4096,
                                 wordBits == 64 ? MEMA_UNLIMITED / 2 : MEMA_UNLIMITED - 65536,
                                 wordBits == 64 ? MEMA_UNLIMITED >> 13 : MEMA_UNLIMITED - 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = hideSize(sizes[i]);
    forgetError(MEMA_NO_MEMORY);
    assert_null(palloc(&pool, size));
    assert_int_equal(errno, ENOMEM);
    /* An untracked chunk of nearly everything may round up to more than there is. */
    if (!kind->options.untracked) assert_int_equal(mema_lastError()->reason, MEMA_NO_MEMORY);
    assertPool(&pool, 0, 0);
  }
  char *some;
  assertWorks((some = palloc(&pool, MIB)) != NULL);
  fillBytes(some, MIB, 1);
  forgetError(MEMA_NO_MEMORY);
  assert_null(mema_repalloc(&pool, some, hideSize(wordBits == 64 ? MEMA_UNLIMITED / 8 : MEMA_UNLIMITED - 8192)));
  assert_int_equal(errno, ENOMEM);
  assert_true(bytesFilled(some, MIB, 1));
  assertPool(&pool, mema_chunkSize(&pool, some), 1);
  assertWorks(pfree(&pool, some));
  assert_true(freePool(&pool));
}

/* Fill with chunks of one size to the last byte, for sizes around every boundary that a slab may have. */
static void everySizeFillsToTheByte(void **state) {
  const Kind *kind = *state;
  enum { budget = 300007 };
  for (size_t size = 1; size < 70000; size = size < 300 ? size + 1 : size + size / 7) {
    Pool pool;
    assert_true(makePool(&pool, kind, budget));
    size_t chunks = 0, want = size < 50 ? 2000 : budget / size;
    unsigned char *last = NULL;
    for (; chunks < want; chunks++) {
      unsigned char *chunk = palloc(&pool, size);
      assert_non_null(chunk);
      assert_true(isAligned(chunk, MEMA_ALIGNMENT));
      chunk[0] = 1;
      chunk[size - 1] = 2;
      last = chunk;
    }
    assert_int_equal(pool.freeSize, budget - chunks * size);
    assert_int_equal(mema_chunkSize(&pool, last), size);
    if (size >= 50 && size > pool.freeSize) assert_null(palloc(&pool, size));
    if (pool.freeSize > 0) assert_non_null(hidePointer(palloc(&pool, pool.freeSize)));
    assert_int_equal(pool.freeSize, 0);
    assert_true(mema_checkPool(&pool));
    assert_true(freePool(&pool));
  }
}

/* A refused request must not have taken anything with it. */
static void aRefusalCostsNoBudget(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 65536));
  for (int i = 0; i < 100000; i++) assert_null(palloc(&pool, hideSize(65537 + (size_t)i)));
  assertPool(&pool, 0, 0);
  void *chunk;
  assertWorks((chunk = palloc(&pool, kind->options.untracked ? 32768 : 65536)) != NULL);
  memset(chunk, 1, mema_chunkSize(&pool, chunk));
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(theBudgetIdentityHoldsAfterEveryCall),
      exactKinds(exactFillSucceedsAndOneMoreFails),
      withKind(exactFillSucceedsAndOneMoreFails, kindFixed),
      exactKinds(aRequestOfZeroIsOneOfOneByte),
      withKind(aRequestOfZeroIsOneOfOneByte, kindFixed),
      anyKind(absurdSizesAreRefused),
      withKind(anUnlimitedPoolIsLimitedByTheSystem, kindTracked),
      withKind(anUnlimitedPoolIsLimitedByTheSystem, kindUntracked),
      withKind(anUnlimitedPoolIsLimitedByTheSystem, kindOutside),
      exactKinds(everySizeFillsToTheByte),
      withKind(everySizeFillsToTheByte, kindFixed),
      anyKind(aRefusalCostsNoBudget),
  };
  return runTests(tests);
}
