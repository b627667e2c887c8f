/* Shared pools, and threads of a real-time priority: one that waits for a thread of a lower priority on the same processor lets that thread run. */
#include "../internal/inside.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

/* Where it does not, each turn takes a second, after which Linux by default lets others run for a moment; or for ever. */
enum { turns = 100 };

static Pool pool;
static sem_t mayCall, hasCalled;

static void *callEachTurn(void *unused) {
  mema_Stats stats;
  bool good = true;
  for (unsigned turn = 0; turn < turns; turn++) {
    sem_wait(&mayCall);
    good = mema_poolStats(&pool, &stats) && good;
    sem_post(&hasCalled);
  }
  return good ? unused : &pool;
}

/* Threads that this one starts run on its processor. */
static void stayHere(void) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET((size_t)sched_getcpu(), &here);
  assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
}

static bool startFirst(pthread_t *thread) {
  pthread_attr_t attributes;
  struct sched_param priority = {.sched_priority = 1};
  pthread_attr_init(&attributes);
  pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
  pthread_attr_setschedparam(&attributes, &priority);
  bool started = pthread_create(thread, &attributes, callEachTurn, NULL) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

static void aThreadOfLowerPriorityComesToRun(void **state) {
  (void)state;
  mema_Options options = {.poolSize = MIB, .untracked = true, .shared = true};
  pthread_t thread;
  void *answer;
  assert_true(mema_initPoolWith(&pool, &options));
  assert_true(pfree(&pool, palloc(&pool, 100)));
  Cache *cache = cacheHere();
  stayHere();
  sem_init(&mayCall, 0, 0);
  sem_init(&hasCalled, 0, 0);
  if (cache == NULL || !startFirst(&thread)) {
    skip();  /* no barrier; or no right to such threads */
    abort(); /* as analysers do not know */
  }
  alarm(hangLimit());
  for (unsigned turn = 0; turn < turns; turn++) {
    assert_true(goInside(cache, &pool));
    sem_post(&mayCall);
    while (!holderWaits(cache->share)) sched_yield();
    goOutside(cache);
    sem_wait(&hasCalled);
  }
  pthread_join(thread, &answer);
  assert_null(answer);
  alarm(0);
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(aThreadOfLowerPriorityComesToRun)};
  return runTests(tests);
}
