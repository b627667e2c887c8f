/* Shared pools, and signal handlers that call them. A handler comes as often as the system's timer allows; it may be refused where it
 * interrupted a call of its own thread to the same pool, or to another while the handlers of other threads do the same, and nowhere else;
 * nothing is lost, whatever was interrupted. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { held = 64, budget = 1 << 20 };

static Pool mainPool, otherPools[2];
static unsigned char *kept[held]; /* the handler's own: no one else looks at them */
static Pool *keptPool;
static atomic_uint ticks, served, refusedTicks;
static atomic_bool wrong, stopping, ticking, raisesAtForks;
static const char *volatile complaint;
static unsigned handlerForks; /* at each so many ticks; 0: never */
static int interval = 100;    /* microseconds from the end of a tick to the next; 0: ticks are raised, not timed */
static uint64_t handlerRandom;

static void complain(const char *what) {
  if (!atomic_exchange(&wrong, true)) complaint = what;
}

/* A refusal is one for the right reason: the handlers together never need half of the budget. */
static bool isReentry(void) {
  if (mema_lastError()->reason == MEMA_REENTERED && errno == EDEADLK) return true;
  complain(mema_lastError()->name);
  return false;
}

static void takeOrGive(unsigned i) {
  if (kept[i] == NULL) {
    size_t size = 1 + nextRandom(&handlerRandom) % 1000;
    kept[i] = palloc(keptPool, size);
    if (kept[i] == NULL) {
      isReentry();
      atomic_fetch_add(&refusedTicks, 1);
      return;
    }
    memset(kept[i], (int)i + 1, 8);
  } else {
    for (unsigned j = 0; j < 8; j++)
      if (kept[i][j] != i + 1) complain("a handler's chunk was overwritten");
    if (!pfree(keptPool, kept[i])) {
      isReentry();
      atomic_fetch_add(&refusedTicks, 1);
      return;
    }
    kept[i] = NULL;
  }
  atomic_fetch_add(&served, 1);
}

/* The signal that ends a child that hangs is that of the handler, which blocks it. */
static int childOfHandler(void) {
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  signal(SIGALRM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
  alarm(hangLimit() / 3);
  void *chunk = palloc(&mainPool, 100);
  if (chunk == NULL) return isReentry() ? 0 : 1;
  return pfree(&mainPool, chunk) || isReentry() ? 0 : 2;
}

/* The timer starts anew at the end of each tick: so the interrupted flow proceeds, however slow the handler is. */
static void tickLater(void) {
  struct itimerval once = {{0, 0}, {0, interval}};
  if (atomic_load(&ticking)) setitimer(ITIMER_REAL, &once, NULL);
}

static void onTick(int signal) {
  (void)signal;
  int number = errno;
  unsigned tick = atomic_fetch_add(&ticks, 1);
  for (unsigned n = 0; n < 4; n++) takeOrGive((unsigned)(nextRandom(&handlerRandom) % held));
  if (handlerForks != 0 && tick % handlerForks == 0) {
    pid_t child = fork();
    if (child == 0) _exit(childOfHandler());
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) complain("a child forked by a handler ended badly");
  }
  tickLater();
  errno = number;
}

static void startTicking(Pool *pool) {
  keptPool = pool;
  atomic_store(&ticks, 0);
  atomic_store(&served, 0);
  atomic_store(&refusedTicks, 0);
  atomic_store(&wrong, false);
  atomic_store(&stopping, false);
  memset(kept, 0, sizeof kept);
  struct sigaction action = {.sa_handler = onTick, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  atomic_store(&ticking, true);
  tickLater();
}

static void stopTicking(void) {
  struct itimerval never = {{0, 0}, {0, 0}};
  atomic_store(&ticking, false);
  setitimer(ITIMER_REAL, &never, NULL);
  signal(SIGALRM, SIG_IGN);
  for (unsigned i = 0; i < held; i++)
    if (kept[i] != NULL && !pfree(keptPool, kept[i])) complain("a handler's chunk was lost");
}

static void makeShared(Pool *pool, bool untracked) {
  mema_Options options = {.poolSize = budget, .untracked = untracked, .shared = true};
  memset(pool, 0, sizeof *pool);
  assert_true(mema_initPoolWith(pool, &options));
}

/* All is free again, and every byte of it can be had. */
static void assertWhole(Pool *pool) {
  if (wrong) fail_msg("%s", complaint);
  assertPool(pool, 0, 0);
  void *all = palloc(pool, pool->poolSize);
  assert_non_null(all);
  assert_null(palloc(pool, 1));
  assert_true(pfree(pool, all));
  assert_true(freePool(pool));
}

/* One step of work on a pool, by a flow that handlers interrupt. */
static bool work(Pool *pool, uint64_t *random) {
  unsigned char *chunks[12];
  for (unsigned i = 0; i < 12; i++) {
    size_t size = nextRandom(random) % 64 == 0 ? 40000 : 1 + nextRandom(random) % 1200;
    if ((chunks[i] = palloc(pool, size)) == NULL) return false;
    chunks[i][0] = chunks[i][size - 1] = (unsigned char)i;
  }
  unsigned char *grown = mema_repalloc(pool, chunks[3], 3000);
  if (grown == NULL) return false;
  chunks[3] = grown;
  for (unsigned i = 0; i < 12; i++)
    if (chunks[i][0] != i || !pfree(pool, chunks[i])) return false;
  return true;
}

static void *workUntilStopped(void *pool) {
  uint64_t random = 3;
  while (!atomic_load(&stopping))
    if (!work(pool, &random)) complain("a thread's work failed");
  return NULL;
}

/* Ticks are counted, not seconds: the test ends when enough of them have come. */
static unsigned ticksWanted(void) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 600 / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

static void interruptedBy(Pool *handlersPool, Pool *const *pools, unsigned count, Pool *threadsPool) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all); /* the thread is never interrupted: the handler is in one flow only */
  pthread_sigmask(SIG_BLOCK, &all, &before);
  startTicking(handlersPool);
  if (threadsPool != NULL) assert_int_equal(pthread_create(&thread, NULL, workUntilStopped, threadsPool), 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  uint64_t random = 1;
  for (unsigned n = 0; atomic_load(&ticks) < ticksWanted() && !atomic_load(&wrong); n++) {
    if (!work(pools[n % count], &random)) complain("the interrupted flow's work failed");
    if (n % 7 == 0) (void)mema_freeSize(pools[0]);
  }
  atomic_store(&stopping, true);
  if (threadsPool != NULL) pthread_join(thread, NULL);
  stopTicking();
}

static void theSamePool(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  Pool *pools[] = {&mainPool};
  interruptedBy(&mainPool, pools, 1, NULL);
  assert_true(atomic_load(&served) > 0);
  assertWhole(&mainPool);
}

static void theSamePoolAndAnotherThread(void **state) {
  const Kind *kind = *state;
  makeShared(&mainPool, kind->options.untracked);
  Pool *pools[] = {&mainPool};
  interruptedBy(&mainPool, pools, 1, &mainPool);
  assert_true(atomic_load(&served) > 0);
  assertWhole(&mainPool);
}

/* The interrupted flow works with two pools in turn, the handler with a third: it is never refused, and takes from no other. */
static void anotherPool(void **state) {
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
static void oneOfSeveralPools(void **state) {
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

/* Each of two threads is interrupted in its pool by a handler that wants the other's: each has what the other waits for. */
static void handlersCrosswise(void **state) {
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

/* ---- handlers and forks -------------------------------------------------------------------------------------------------- */

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
static void theHandlerForks(void **state) {
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
static void theHandlerForksAmidForks(void **state) {
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
static void handlersOfTwoThreadsFork(void **state) {
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
static void anotherThreadForks(void **state) {
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
      withKind(theHandlerForksAmidForks, kindShared), /* first: there are no threads yet */
      withKind(theHandlerForksAmidForks, kindSharedTracked),
      withKind(theSamePool, kindShared),
      withKind(theSamePool, kindSharedTracked),
      withKind(theSamePoolAndAnotherThread, kindShared),
      withKind(theSamePoolAndAnotherThread, kindSharedTracked),
      withKind(anotherPool, kindShared),
      withKind(anotherPool, kindSharedTracked),
      withKind(oneOfSeveralPools, kindShared),
      withKind(oneOfSeveralPools, kindSharedTracked),
      withKind(handlersCrosswise, kindShared),
      withKind(handlersCrosswise, kindSharedTracked),
      withKind(theHandlerForks, kindShared),
      withKind(theHandlerForks, kindSharedTracked),
      withKind(handlersOfTwoThreadsFork, kindShared),
      withKind(handlersOfTwoThreadsFork, kindSharedTracked),
      withKind(anotherThreadForks, kindShared),
      withKind(anotherThreadForks, kindSharedTracked),
  };
  return runTests(tests);
}
