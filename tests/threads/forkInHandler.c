/* Signal handlers that fork, where they interrupted a call to a shared pool or another fork; the timer brings that about by chance. The children find
 * the pool whole. forkInside.c and forkSteps.c bring it about for certain. */
#include "ticks.h"

static atomic_bool raisesAtForks;

static int childsWork(Pool *pool) {
  atomic_store(&raisesAtForks, false);
  handlerForks = 0;
  uint64_t random = 7;
  startTicking(pool); /* timers are not inherited; the handler's chunks are its parent's, and live here too */
  for (unsigned n = 0; n < 50; n++)
    if (!work(pool, &random)) return 3;
  stopTicking();
  return mema_checkPool(pool) ? 0 : 4;
}

static void forkAndWait(Pool *pool) {
  pid_t child = fork();
  if (child == 0) _exit(childsWork(pool));
  int status = -1;
  pid_t ended;
  do ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  if (child < 0 || ended != child || status != 0) complain("a forked child ended badly");
}

/* The handler forks where it interrupted a call. */
static void aHandlerMayForkWhereItInterruptedACall(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  Pool *pools[] = {&mainPool};
  handlerForks = 16;
  interruptedBy(&mainPool, pools, 1, &mainPool);
  handlerForks = 0;
  assertWhole(&mainPool);
}

/* Registered before the library's own: it runs when that has taken all locks. The handler that this calls forks; so forks nest. */
static void raiseAtFork(void) {
  if (!atomic_load(&raisesAtForks)) return;
  atomic_store(&raisesAtForks, false);
  raise(SIGALRM);
  atomic_store(&raisesAtForks, true);
}

/* Forks are interrupted by forks: between the handlers of a fork, a signal handler forks. (In a process that never had threads: with some,
 * the C library's own locks do not bear that.) */
static void aHandlerMayForkAmidAFork(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  interval = 0;
  startTicking(&mainPool);
  handlerForks = 1;
  uint64_t random = 1;
  for (unsigned n = 0; n < 50 && !atomic_load(&wrong); n++) {
    atomic_store(&raisesAtForks, true);
    forkAndWait(&mainPool);
    atomic_store(&raisesAtForks, false);
    if (!work(&mainPool, &random)) complain(mema_lastError()->name);
  }
  assert_true(atomic_load(&ticks) >= 50 || atomic_load(&wrong));
  handlerForks = 0;
  interval = 100;
  stopTicking();
  assertWhole(&mainPool);
}

/* ---- handlers of two threads that fork --------------------------------------------------------------------------------------- */

enum { forksOfTwo = 60 };

static void onFork(int signal) {
  (void)signal;
  int number = errno, status = -1;
  pid_t child = fork();
  if (child == 0) _exit(childOfHandler());
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) complain("a child forked by a handler ended badly");
  errno = number;
}

/* Both interrupt calls to one pool: each would have the other out first. */
static void handlersOfTwoThreadsMayFork(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  pthread_t threads[2];
  makeShared(&mainPool, kind->options.untracked);
  atomic_store(&wrong, false);
  atomic_store(&stopping, false);
  struct sigaction action = {.sa_handler = onFork, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  for (unsigned i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, workUntilStopped, &mainPool), 0);
  uint64_t random = 1;
  for (unsigned n = 0; n < forksOfTwo && !atomic_load(&wrong); n++) {
    for (unsigned i = 0; i < 2; i++) pthread_kill(threads[i], SIGUSR1);
    for (uint64_t i = nextRandom(&random) % 100000; i > 0; i--) atomic_signal_fence(memory_order_seq_cst);
  }
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  assertWhole(&mainPool);
}

static void *forkUntilStopped(void *pool) {
  while (!atomic_load(&stopping)) forkAndWait(pool);
  return NULL;
}

/* A thread forks, which takes the locks of all pools, while a handler that interrupted one of them wants another. */
static void aHandlerMayUseAPoolWhileAnotherThreadForks(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  for (unsigned i = 0; i < 2; i++) makeShared(&otherPools[i], kind->options.untracked);
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  startTicking(&otherPools[0]);
  assert_int_equal(pthread_create(&thread, NULL, forkUntilStopped, &mainPool), 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  uint64_t random = 1;
  while (atomic_load(&ticks) < ticksWanted() && !atomic_load(&wrong))
    if (!work(&mainPool, &random) || !work(&otherPools[1], &random)) complain("the interrupted flow's work failed");
  atomic_store(&stopping, true);
  pthread_join(thread, NULL);
  stopTicking();
  assertWhole(&mainPool);
  for (unsigned i = 0; i < 2; i++) assertWhole(&otherPools[i]);
}

int main(void) {
  pthread_atfork(raiseAtFork, NULL, NULL);
  const struct CMUnitTest tests[] = {
      withKind(aHandlerMayForkAmidAFork, kindShared), /* first: there are no threads yet */
      withKind(aHandlerMayForkAmidAFork, kindSharedTracked),
      withKind(aHandlerMayForkWhereItInterruptedACall, kindShared),
      withKind(aHandlerMayForkWhereItInterruptedACall, kindSharedTracked),
      withKind(handlersOfTwoThreadsMayFork, kindShared),
      withKind(handlersOfTwoThreadsMayFork, kindSharedTracked),
      withKind(aHandlerMayUseAPoolWhileAnotherThreadForks, kindShared),
      withKind(aHandlerMayUseAPoolWhileAnotherThreadForks, kindSharedTracked),
  };
  return runTests(tests);
}
