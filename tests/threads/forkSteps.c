/* Shared pools, and forks of signal handlers at every instruction. In the child the interrupted call goes on. */
#include "../internal/inside.h"

#include "steps.h"

static Pool fresh;
static sem_t asked, answered;
static atomic_bool refused, stopping;

/* ---- a handler forks within a call, which goes on in the child ---------------------------------------------------------- */

static volatile pid_t child;

static void forkOnce(int signal) {
  (void)signal;
  if (child < 0) child = fork();
}

/* Parent and child come here alike. */
static void endChild(int (*childsWork)(void)) {
  int status = -1;
  if (child == 0) _exit(childsWork());
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void *whole;

static void *waitForHalf(void *unused) {
  (void)unused;
  void *half = mema_pallocWait(&pool, MIB / 2, -1);
  return half != NULL && pfree(&pool, half) ? NULL : &pool;
}

static int letAnotherWait(void) {
  pthread_t waiter;
  void *answer;
  alarm(hangLimit() / 3);
  if (pthread_create(&waiter, NULL, waitForHalf, NULL) != 0) return 1;
  usleep(50000); /* asleep by now; if it is not, nothing is shown */
  if (!pfree(&pool, whole)) return 2;
  return pthread_join(waiter, &answer) == 0 && answer == NULL ? 0 : 3;
}

/* A thread that waits for budget goes on waiting in the child, where no other thread waits. */
static void anInterruptedWaitGoesOnInTheChild(void **state) {
  (void)state;
  makeShared(&pool);
  assert_non_null(whole = palloc(&pool, MIB));
  child = -1;
  struct sigaction before, action = {.sa_handler = forkOnce};
  sigaction(SIGALRM, &action, &before);
  ualarm(20000, 0);
  assertRefused(&pool, mema_pallocWait(&pool, MIB / 2, 200), MEMA_TIMED_OUT);
  sigaction(SIGALRM, &before, NULL);
  endChild(letAnotherWait);
  assert_true(pfree(&pool, whole));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static bool interrupts;

/* With the lock of the pool held. */
static void *reserveMemory(void *user, size_t size, size_t alignment) {
  (void)user;
  if (interrupts) raise(SIGUSR1);
  char *memory = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory + (-(uintptr_t)memory & (alignment - 1));
}

static unsigned askedAt, keptWaiting;

static void *trimWhenAsked(void *unused) {
  (void)unused;
  for (;;) {
    while (sem_wait(&asked) != 0) continue;
    if (atomic_load(&stopping)) return NULL;
    mema_trimPool(&pool);
    sem_post(&answered);
  }
}

/* False when the other thread waits for this one to leave its cache. (Without a barrier it waits for the lock, which does not show.) */
static bool isAnswered(void) {
  const Share *share = mema_cacheHere->share;
  for (unsigned tries = 0; tries < 1000000; tries++) {
    if (sem_trywait(&answered) == 0) return true;
    if (holderWaits(share)) return false;
    sched_yield();
  }
  return false;
}

/* Has the other thread trim the pool. It has to wait while this one is in its cache. */
static void haveItTrimmed(unsigned step) {
  if (step != askedAt) return;
  sem_post(&asked);
  if (isAnswered()) {
    sem_post(&answered);
  } else {
    keptWaiting++;
  }
}

/* Without the trim neither call needs the lock. False when the calls end before that step. */
static bool trimAt(unsigned step) {
  askedAt = step;
  for (unsigned i = 0; i < 2; i++)
    if (!freeOne()) return false;
  beginSteps(haveItTrimmed);
  bool done = mema_pfree(&pool, mema_palloc(&pool, 100));
  endSteps();
  if (steps <= step) return false;
  while (sem_wait(&answered) != 0) continue;
  return done;
}

static int workBesideAnother(void) {
  pthread_t thread;
  alarm(hangLimit());
  sem_init(&asked, 0, 0);
  sem_init(&answered, 0, 0);
  atomic_store(&stopping, false);
  if (pthread_create(&thread, NULL, trimWhenAsked, NULL) != 0) return 1;
  keptWaiting = 0;
  unsigned step = 0;
  while (trimAt(step) && keptWaiting < 3) step += UNDER_ASAN ? 8 : 1;
  atomic_store(&stopping, true);
  sem_post(&asked);
  pthread_join(thread, NULL);
  return keptWaiting == 0 ? 2 : mema_freeSize(&pool) == MIB - 128 * KIB && mema_checkPool(&pool) ? 0 : 3;
}

/* A call that has the lock goes on in the child. After it, other threads of the child can still keep this one out of its cache. */
static void anInterruptedCallGoesOnInTheChild(void **state) {
  (void)state;
  needSteps();
  static const mema_Memory memory = {.reserve = reserveMemory};
  mema_Options options = {.poolSize = MIB, .reservation = 64 * KIB, .untracked = true, .shared = true, .memory = &memory};
  memset(&pool, 0, sizeof pool);
  assert_true(mema_initPoolWith(&pool, &options));
  assert_true(pfree(&pool, palloc(&pool, 100)));
  child = -1;
  struct sigaction before, action = {.sa_handler = forkOnce};
  sigaction(SIGUSR1, &action, &before);
  interrupts = true;
  assert_non_null(palloc(&pool, 128 * KIB)); /* outside the reservation */
  interrupts = false;
  sigaction(SIGUSR1, &before, NULL);
  endChild(workBesideAnother);
  assert_true(freePool(&pool));
}

/* ---- a handler forks where the list of shared pools is changed ---------------------------------------------------------- */

static atomic_bool usesOn;
static unsigned forksInList;

static void *useOn(void *unused) {
  while (atomic_load(&usesOn)) mema_trimPool(&pool);
  return unused;
}

/* Forks where the list is being changed. Another thread has the pool's lock about half of the time. */
static void forkInList(unsigned step) {
  (void)step;
  int status = -1;
  if (!mema_isInList()) return;
  pid_t forked = fork();
  if (forked == 0) {
    alarm(hangLimit() / 3);
    _exit(pfree(&pool, palloc(&pool, 100000)) && mema_checkPool(&pool) ? 0 : 1);
  }
  if (forked < 0 || waitpid(forked, &status, 0) != forked || status != 0) atomic_store(&refused, true);
  forksInList++;
  stepping = true; /* see endStepsAtFork */
}

/* The fork finds all pools on the list at rest. */
static void aHandlerMayForkWhileTheListChanges(void **state) {
  (void)state;
  needSteps();
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  pthread_t thread;
  makeShared(&pool);
  makeShared(&fresh);
  assert_true(freePool(&fresh));
  atomic_store(&usesOn, true);
  atomic_store(&refused, false);
  assert_int_equal(pthread_create(&thread, NULL, useOn, NULL), 0);
  forksInList = 0;
  beginSteps(forkInList);
  makeShared(&fresh);
  bool over = freePool(&fresh);
  endSteps();
  atomic_store(&usesOn, false);
  pthread_join(thread, NULL);
  assert_true(over);
  if (forksInList <= 10) fail_msg("%u forks", forksInList);
  assert_false(atomic_load(&refused));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* ---- a fork within a fork ----------------------------------------------------------------------------------------------- */

static bool stepsThroughFork;

/* Runs in another thread: the thread that forked may use the pools until its fork has ended. */
static void *findAllFree(void *unused) {
  (void)unused;
  if (!freeOne() || mema_freeSize(&pool) != MIB) atomic_store(&refused, true);
  sem_post(&begun);
  return NULL;
}

static bool isAtRest(void) {
  return comesToItsEnd(findAllFree, NULL) && !atomic_load(&refused);
}

/* The handlers of a fork run youngest first: this one is younger than the library's, */
static void beginStepsAtFork(void) {
  if (stepsThroughFork) beginSteps(atStep);
}

/* and this one is older. */
static void endStepsAtFork(void) {
  endSteps();
}

/* In this program, of which the library is a part; the C library's own locks allow of no fork within a fork. */
static bool isWithin(uintptr_t address) {
  extern char __executable_start, etext;
  return address >= (uintptr_t)&__executable_start && address < (uintptr_t)&etext;
}

static void forkAtStep(unsigned step) {
  if (step < askedAt || !stepsThroughFork || !isWithin(steppedTo)) return;
  askedAt = step;
  stepsThroughFork = false;
  stepping = false;
  pid_t forked = fork();
  if (forked == 0) _exit(0);
  int status = 1;
  if (forked < 0 || waitpid(forked, &status, 0) != forked || status != 0) atomic_store(&refused, true);
  stepping = true;
}

/* Forks at that step, or one behind it. False when the library is through before. */
static bool forkWithin(unsigned step) {
  askedAt = step;
  atStep = forkAtStep;
  stepsThroughFork = true;
  pid_t forked = fork();
  bool reached = !stepsThroughFork;
  stepsThroughFork = false;
  if (forked == 0) _exit(isAtRest() ? 0 : 1);
  int status = 1;
  if (forked < 0 || waitpid(forked, &status, 0) != forked || status != 0) fail_msg("in the child at step %u", step);
  if (!isAtRest()) fail_msg("in the parent at step %u", step);
  return reached;
}

/* A handler interrupts a fork at any instruction, and forks as well. All locks are released. */
static void aHandlerMayForkAtAnyStepOfAFork(void **state) {
  (void)state;
  needSteps();
  sem_init(&begun, 0, 0);
  makeShared(&pool);
  assert_int_equal(pthread_atfork(beginStepsAtFork, NULL, NULL), 0);
  unsigned step = 0, forks = 0;
  atomic_store(&refused, false);
  for (; forkWithin(step); step = askedAt + 1) forks++;
  assert_true(forks > 50);
  assert_false(atomic_load(&refused));
  assert_true(freePool(&pool));
}

int main(void) {
  pthread_atfork(endStepsAtFork, NULL, NULL);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(anInterruptedWaitGoesOnInTheChild),
      cmocka_unit_test(anInterruptedCallGoesOnInTheChild),
      cmocka_unit_test(aHandlerMayForkWhileTheListChanges),
      cmocka_unit_test(aHandlerMayForkAtAnyStepOfAFork),
  };
  return runTests(tests);
}
