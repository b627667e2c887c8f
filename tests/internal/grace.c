/* Rows of states pass from one span to another after two periods. In each of these every thread was outside of all look-ups (src/threads/exchange.c). */
#include "inside.h"

#include "unit.h"

#include <pthread.h>
#include <semaphore.h>

enum { size = 1024, many = 600, fills = 400 };

static Pool pool;
static void *chunks[many];
static sem_t isInside, mayLeave, hasLocked, mayEnd;

static void takeTheLock(void) {
  if (mema_lockPool(&pool, mema_openPool(&pool))) mema_unlockPool(mema_openPool(&pool));
}

/* Takes the lock, and then is in a look-up until it may leave. Takes the lock once more. */
static void *lookUp(void *unused) {
  void *own = palloc(&pool, size);
  Cache *cache = cacheHere();
  takeTheLock();
  if (cache == NULL || !goInside(cache, &pool)) return hidePointer("not inside");
  sem_post(&isInside);
  sem_wait(&mayLeave);
  goOutside(cache);
  takeTheLock();
  sem_post(&hasLocked);
  sem_wait(&mayEnd);
  return pfree(&pool, own) ? unused : hidePointer("not freed");
}

static uint32_t periodNow(void) {
  return cacheHere()->share->slab->shared.period;
}

/* Ends spans, and makes others: for the first one whose rows are too young a period begins, if it may. */
static void endAndMakeSpans(void) {
  mema_SharedTables *shared = &cacheHere()->share->slab->shared;
  for (unsigned round = 0; round == 0 || (round < fills && shared->youngRows < mema_graceAfter / 2); round++) {
    for (unsigned i = 0; i < many; i++) assert_non_null(chunks[i] = palloc(&pool, size));
    for (unsigned i = 0; i < many; i++) assert_true(pfree(&pool, chunks[i]));
  }
}

static void aLookUpHoldsUpTheSecondPeriod(void **state) {
  pthread_t thread;
  void *answer;
  mema_Options options = {.poolSize = 64 * MIB, .untracked = true, .shared = true};
  (void)state;
  assert_true(mema_initPoolWith(&pool, &options));
  void *own = palloc(&pool, size);
  if (cacheHere() == NULL) skip(); /* no barrier: each call takes the lock */
  sem_init(&isInside, 0, 0);
  sem_init(&mayLeave, 0, 0);
  sem_init(&hasLocked, 0, 0);
  sem_init(&mayEnd, 0, 0);
  assert_int_equal(pthread_create(&thread, NULL, lookUp, NULL), 0);
  sem_wait(&isInside);
  uint32_t before = periodNow();
  endAndMakeSpans();
  assert_true(cacheHere()->share->slab->shared.youngRows >= mema_graceAfter / 2);
  assert_true(periodNow() - before < mema_gracePeriods);
  sem_post(&mayLeave);
  sem_wait(&hasLocked);
  before = periodNow();
  endAndMakeSpans(); /* the thread took the lock in this period */
  assert_int_equal(periodNow() - before, 1);
  sem_post(&mayEnd);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_true(pfree(&pool, own));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(aLookUpHoldsUpTheSecondPeriod)};
  return runTests(tests);
}
