/* mema_lastError: one per thread, exact numbers, and errno as the header's table has it. */
#include "unit.h"

#include <pthread.h>

/* The reason of a thread that has not failed yet, then of one that has. */
static void *failElsewhere(void *before) {
  const mema_Error *error = mema_lastError();
  if (error->reason == MEMA_OK && strcmp(error->name, "MEMA_OK") == 0 && strcmp(error->sentence, "no error") == 0 &&
      error->wanted == 0 && error->available == 0) {
    *(bool *)before = true;
  }
  mema_initPool(NULL, hideSize(5));
  return mema_lastError()->reason == MEMA_BAD_ARGUMENT ? before : NULL;
}

static void theLastErrorIsTheThreadsOwn(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 100));
  for (int round = 0; round < 20; round++) {
    assert_null(palloc(&pool, 140));
    pthread_t thread;
    bool wasOk = false;
    void *answer = NULL;
    assert_int_equal(pthread_create(&thread, NULL, failElsewhere, &wasOk), 0);
    assert_int_equal(pthread_join(thread, &answer), 0);
    assert_true(wasOk);
    assert_ptr_equal(answer, &wasOk);
    assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
    assert_string_equal(mema_lastError()->sentence, "over budget by 40 bytes: 140 wanted, 100 free");
  }
  assert_true(freePool(&pool));
}

static void theHeadersExample(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 64 * 1024));
  char *text = palloc(&pool, 100);
  assert_int_equal(pool.freeSize, 65436);
  assertRefused(&pool, palloc(&pool, 1000000), MEMA_OVER_BUDGET);
  assert_string_equal(mema_lastError()->sentence, "over budget by 934564 bytes: 1000000 wanted, 65436 free");
  assertRefused(&pool, pfree(&pool, text + 1), MEMA_BAD_POINTER);
  assertWorks(pfree(&pool, text));
  assertWorks(freePool(&pool));
}

static void numbersBelongToTheFailure(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1024));
  assertRefused(&pool, palloc(&pool, 2000), MEMA_OVER_BUDGET);
  assert_true(mema_lastError()->wanted >= 2000);
  assert_int_equal(mema_lastError()->available, 1024);
  assertRefused(&pool, pfree(&pool, NULL), MEMA_BAD_POINTER);
  assert_int_equal(mema_lastError()->wanted, 0);
  assert_int_equal(mema_lastError()->available, 0);
  void *chunk = palloc(&pool, 1000);
  size_t charge = mema_chunkSize(&pool, chunk);
  assertRefused(&pool, mema_resizePool(&pool, 900), MEMA_BELOW_USE);
  assert_int_equal(mema_lastError()->wanted, 900);
  assert_int_equal(mema_lastError()->available, charge);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize(3), 5), MEMA_BAD_ALIGNMENT);
  assert_int_equal(mema_lastError()->wanted, 0);
  assert_int_equal(mema_lastError()->available, 0);
  assertRefused(&pool, mema_pmemalign(&pool, hideSize((size_t)1 << 31), 5), MEMA_NO_MEMORY);
  assert_true(mema_lastError()->wanted >= 5);
  assert_int_equal(mema_lastError()->available, 0);
  assert_true(freePool(&pool));
}

/* The sentence is made when asked for: what happened to the pool since does not change it. */
static void theSentenceIsOfTheMomentOfFailure(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, 1000));
  assert_null(palloc(&pool, 1001));
  assert_non_null(hidePointer(palloc(&pool, 600)));
  assert_true(freePool(&pool));
  memset(&pool, 0, sizeof pool);
  assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 1001 wanted, 1000 free");
  assert_string_equal(mema_lastError()->sentence, "over budget by 1 bytes: 1001 wanted, 1000 free");
}

static void successLeavesErrnoAlone(void **state) {
  const Kind *kind = *state;
  Pool pool;
  char buffer[4000];
  mema_Stats stats;
  void *chunks[400] = {NULL};
  assertWorks(makePool(&pool, kind, 16 * MIB));
  for (size_t i = 0; i < 400; i++) assertWorks((chunks[i] = palloc(&pool, i * i / 4)) != NULL);
  for (size_t i = 0; i < 400; i += 3) assertWorks(pfree(&pool, chunks[i]));
  for (size_t i = 1; i < 400; i += 3) assertWorks((chunks[i] = mema_repalloc(&pool, chunks[i], i * 100)) != NULL);
  assertWorks(mema_poolStats(&pool, &stats));
  assertWorks(mema_checkPool(&pool));
  assertWorks(mema_drawPool(&pool, buffer, sizeof buffer, 0, false) > 0);
  assertWorks(mema_resizePool(&pool, 20 * MIB));
  assertWorks(mema_trimPool(&pool) < SIZE_MAX);
  assertWorks(mema_trimPool(NULL) < SIZE_MAX);
  assertWorks(mema_ownsChunk(&pool, chunks[1]));
  assertWorks(mema_resetPool(&pool));
  assertWorks((chunks[0] = palloc(&pool, 10 * MIB)) != NULL);
  assertWorks((chunks[0] = mema_repalloc(&pool, chunks[0], 12 * MIB)) != NULL);
  assertWorks(mema_committedReservation(MIB) > 0);
  assertWorks(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theLastErrorIsTheThreadsOwn),
      cmocka_unit_test(theHeadersExample),
      anyKind(numbersBelongToTheFailure),
      cmocka_unit_test(theSentenceIsOfTheMomentOfFailure),
      anyKind(successLeavesErrnoAlone),
  };
  return runTests(tests);
}
