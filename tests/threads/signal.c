/* Signal handlers that use shared pools. A handler may be refused where it interrupted a call of its own thread to the same pool, or to another one
 * while handlers of other threads do the same, and nowhere else. Nothing is lost, whichever call was interrupted. */
#include "ticks.h"

static void aHandlerMayUseTheInterruptedPool(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  Pool *pools[] = {&mainPool};
  interruptedBy(&mainPool, pools, 1, NULL);
  assert_true(atomic_load(&served) > 0);
  assertWhole(&mainPool);
}

static void aHandlerMayUseAPoolBesideAnotherThread(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  Pool *pools[] = {&mainPool};
  interruptedBy(&mainPool, pools, 1, &mainPool);
  assert_true(atomic_load(&served) > 0);
  assertWhole(&mainPool);
}

/* The interrupted flow works with two pools in turn, the handler with a third one. The handler is never refused. */
static void aHandlerOfAnotherPoolIsNeverRefused(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  for (unsigned i = 0; i < 2; i++) makeShared(&otherPools[i], kind->options.untracked);
  Pool *pools[] = {&otherPools[0], &otherPools[1]};
  interruptedBy(&mainPool, pools, 2, &otherPools[0]);
  assert_int_equal(atomic_load(&refusedTicks), 0);
  assertWhole(&mainPool);
  for (unsigned i = 0; i < 2; i++) assertWhole(&otherPools[i]);
}

/* The interrupted flow works with the handler's pool and others in turn. */
static void aHandlerMayUseOneOfSeveralPools(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  for (unsigned i = 0; i < 2; i++) makeShared(&otherPools[i], kind->options.untracked);
  Pool *pools[] = {&mainPool, &otherPools[0], &otherPools[1]};
  interruptedBy(&mainPool, pools, 3, &otherPools[0]);
  assertWhole(&mainPool);
  for (unsigned i = 0; i < 2; i++) assertWhole(&otherPools[i]);
}

/* ---- handlers that wait for each other ----------------------------------------------------------------------------------- */

enum { crossings = 20000, crossingsRefused = 3 };

static _Thread_local Pool *acrossPool;

/* Large chunks are served by the lock. */
static void onCrossing(int signal) {
  (void)signal;
  int number = errno;
  void *chunk = palloc(acrossPool, 100000);
  if (chunk == NULL) {
    isReentry();
    atomic_fetch_add(&refusedTicks, 1);
  }
  while (chunk != NULL && !pfree(acrossPool, chunk)) isReentry(); /* not for ever: the other handler has given up by then */
  errno = number;
}

static void *workAcross(void *own) {
  acrossPool = own == &otherPools[0] ? &otherPools[1] : &otherPools[0];
  atomic_fetch_add(&ticks, 1);
  while (!atomic_load(&stopping)) {
    void *chunk = palloc(own, 100000);
    if (chunk == NULL || !pfree(own, chunk)) complain("a thread's work failed");
  }
  return NULL;
}

/* A handler interrupts each of two threads in its pool, and wants the other pool: each thread has the lock that the other waits for. */
static void crossedHandlersDoNotWaitForEver(void **state) {
  const Kind *kind = *state;
  pthread_t threads[2];
  for (unsigned i = 0; i < 2; i++) makeShared(&otherPools[i], kind->options.untracked);
  atomic_store(&ticks, 0);
  atomic_store(&refusedTicks, 0);
  atomic_store(&wrong, false);
  atomic_store(&stopping, false);
  struct sigaction action = {.sa_handler = onCrossing, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGALRM, SIG_DFL);
  alarm(hangLimit());
  for (unsigned i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, workAcross, &otherPools[i]), 0);
  while (atomic_load(&ticks) < 2) usleep(1000);
  uint64_t random = 1;
  for (unsigned n = 0; n < crossings && atomic_load(&refusedTicks) < crossingsRefused; n++) {
    pthread_kill(threads[n % 2], SIGUSR1);
    for (uint64_t i = nextRandom(&random) % 5000; i > 0; i--) atomic_signal_fence(memory_order_seq_cst);
  }
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  alarm(0);
  for (unsigned i = 0; i < 2; i++) assertWhole(&otherPools[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aHandlerMayUseTheInterruptedPool, kindShared),
      withKind(aHandlerMayUseTheInterruptedPool, kindSharedTracked),
      withKind(aHandlerMayUseAPoolBesideAnotherThread, kindShared),
      withKind(aHandlerMayUseAPoolBesideAnotherThread, kindSharedTracked),
      withKind(aHandlerOfAnotherPoolIsNeverRefused, kindShared),
      withKind(aHandlerOfAnotherPoolIsNeverRefused, kindSharedTracked),
      withKind(aHandlerMayUseOneOfSeveralPools, kindShared),
      withKind(aHandlerMayUseOneOfSeveralPools, kindSharedTracked),
      withKind(crossedHandlersDoNotWaitForEver, kindShared),
      withKind(crossedHandlersDoNotWaitForEver, kindSharedTracked),
  };
  return runTests(tests);
}
