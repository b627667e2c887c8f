/* Shared pools, and signal handlers at every instruction: the processor stops behind each (the trap flag), and a handler calls pools, or has
 * another thread call them. So what no timer would ever hit is there each time. And forks of such handlers, in whose children the interrupted
 * call goes on. */
#include "../../src/base/poolState.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../src/threads/share.h"

#if defined(__SANITIZE_THREAD__)
#define DEFERS_SIGNALS true
#else
#define DEFERS_SIGNALS false
#endif

static Pool pool;

static void makeShared(Pool *made) {
  mema_Options options = {.poolSize = MIB, .untracked = true, .shared = true};
  memset(made, 0, sizeof *made);
  assert_true(mema_initPoolWith(made, &options));
}

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

static void (*atStep)(unsigned step);
static _Thread_local volatile unsigned steps;
static _Thread_local volatile bool stepping;
static _Thread_local volatile uintptr_t steppedTo;

static void onTrap(int signal, siginfo_t *information, void *context) {
  (void)signal;
  (void)information;
#if defined(__x86_64__)
  enum { trapFlag = 0x100 };
  ucontext_t *interrupted = context;
  if (stepping) {
    interrupted->uc_mcontext.gregs[REG_EFL] |= trapFlag;
    steppedTo = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
    atStep(steps++);
  } else {
    interrupted->uc_mcontext.gregs[REG_EFL] &= ~trapFlag;
  }
#else
  (void)context;
#endif
}

static void beginSteps(void (*handler)(unsigned step)) {
  struct sigaction action = {.sa_sigaction = onTrap, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  atStep = handler;
  steps = 0;
  stepping = true;
  raise(SIGTRAP);
}

static void endSteps(void) {
  stepping = false;
}

static void needSteps(void) {
#if !defined(__x86_64__)
  skip();
#endif
  if (DEFERS_SIGNALS) skip();
}

/* ---- the end of a thread ------------------------------------------------------------------------------------------------ */

static pthread_key_t lateKey; /* older than the library's: its destructor runs before that one, in each round */
static void *theirs, *ours;
static volatile unsigned rounds;

static void useThePool(unsigned step) {
  (void)step;
  (void)mema_pfree(&pool, mema_palloc(&pool, 100));
}

static void *takeOver(void *unused) {
  (void)unused;
  theirs = palloc(&pool, 100);
  return pfree(&pool, theirs) ? NULL : &pool;
}

static void lateDestructor(void *value) {
  pthread_t thread;
  void *answer = &pool;
  if (rounds++ == 0) {
    pthread_setspecific(lateKey, value);
    beginSteps(useThePool);
    return;
  }
  endSteps();
  if (pthread_create(&thread, NULL, takeOver, NULL) != 0 || pthread_join(thread, &answer) != 0 || answer != NULL) return;
  ours = palloc(&pool, 100); /* not out of what the other has in its hands */
}

static void *endInSteps(void *unused) {
  (void)unused;
  pthread_setspecific(lateKey, &pool);
  return pfree(&pool, palloc(&pool, 100)) ? NULL : &pool;
}

/* What a thread had is no longer its own when it has ended, whatever a handler did meanwhile. */
static void aThreadsEndIsInterrupted(void **state) {
  (void)state;
  needSteps();
  pthread_t thread;
  void *answer;
  cpu_set_t before, here;
  CPU_ZERO(&here);
  CPU_SET((size_t)sched_getcpu(), &here);
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0); /* whose shards the next thread there takes */
  makeShared(&pool);
  rounds = 0;
  theirs = ours = NULL;
  assert_int_equal(pthread_create(&thread, NULL, endInSteps, NULL), 0);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_int_equal(rounds, 2);
  assert_non_null(theirs);
  assert_non_null(ours);
  assert_ptr_not_equal(ours, theirs);
  assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
  assert_true(pfree(&pool, ours));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* ---- what belonged to pools that are gone -------------------------------------------------------------------------------- */

static Pool gone[2], known, fresh, another;
static sem_t asked, answered;
static unsigned freshAt;
static atomic_bool refused, stopping;

static void *serve(void *unused) {
  (void)unused;
  for (;;) {
    while (sem_wait(&asked) != 0) continue;
    if (atomic_load(&stopping)) return NULL;
    void *chunk = mema_palloc(&another, 100);
    if (chunk == NULL || !mema_pfree(&another, chunk)) atomic_store(&refused, true);
    sem_post(&answered);
  }
}

/* The handler comes to a pool for the first time, and so does another thread, to another one; which from then on uses that at each step. */
static void comeToAFreshPool(unsigned step) {
  if (step < freshAt) return;
  if (step == freshAt && mema_palloc(&fresh, 100) == NULL) atomic_store(&refused, true);
  sem_post(&asked);
  while (sem_wait(&answered) != 0) continue;
}

static void usePool(Pool *used) {
  assert_true(pfree(used, palloc(used, 100)));
}

/* False when the call is over before that step. */
static bool interruptAt(unsigned step) {
  pthread_t thread;
  Pool *all[] = {&gone[0], &gone[1], &known, &fresh, &another};
  for (unsigned i = 0; i < 5; i++) makeShared(all[i]);
  usePool(&known);
  usePool(&gone[0]);
  usePool(&gone[1]); /* the last one */
  for (unsigned i = 0; i < 2; i++) assert_true(freePool(&gone[i]));
  atomic_store(&stopping, false);
  assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
  freshAt = step;
  beginSteps(comeToAFreshPool);
  void *chunk = mema_palloc(&known, 100);
  endSteps();
  bool reached = steps > step;
  atomic_store(&stopping, true);
  sem_post(&asked);
  pthread_join(thread, NULL);
  assert_non_null(chunk);
  for (unsigned i = 2; i < 5; i++) assert_true(freePool(all[i]));
  return reached;
}

/* A call that is about to look at it may be interrupted: nobody else may have it meanwhile. */
static void aCallFindsItsOwn(void **state) {
  (void)state;
  needSteps();
  sem_init(&asked, 0, 0);
  sem_init(&answered, 0, 0);
  for (unsigned step = 0; step < 400 && interruptAt(step); step++)
    if (atomic_load(&refused)) fail_msg("refused at step %u", step);
}

/* ---- the child of a handler, in which the interrupted call goes on -------------------------------------------------------- */

static volatile pid_t child;

static void forkOnce(int signal) {
  (void)signal;
  if (child < 0) child = fork();
}

/* Until this the flow was the same in both. */
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

/* A thread that waits for budget still does so in the child, where nobody else does. */
static void aWaitGoesOn(void **state) {
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

/* False when the other thread waits for this one to leave its shard. (Where there is no barrier, it waits for the lock, which does not show.) */
static bool isAnswered(void) {
  const mema_Share *share = mema_cacheHere->share;
  for (unsigned tries = 0; tries < 1000000; tries++) {
    if (sem_trywait(&answered) == 0) return true;
    if (atomic_load(&share->pause) == mema_waitsForOthers) return false;
    sched_yield();
  }
  return false;
}

/* Has the other thread trim the pool, which it cannot while this one is in its shard. */
static void haveItTrimmed(unsigned step) {
  if (step != askedAt) return;
  sem_post(&asked);
  if (isAnswered()) {
    sem_post(&answered);
  } else {
    keptWaiting++;
  }
}

static bool freeOne(void) {
  return pfree(&pool, palloc(&pool, 100));
}

/* Neither call needs the lock but for the trim. False when they are over before that step. */
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

/* A call goes on that has the lock; and then other threads of the child must keep this one out of its shard, as it does them. */
static void aTurnGoesOn(void **state) {
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

/* ---- the end of the pool ------------------------------------------------------------------------------------------------- */

static unsigned endsAt, endedBySteps;
static bool becomesPlain;

/* Ends the pool, as another thread may, and may make an unshared one in its place. The call may have the lock by now: then it refuses. */
static void endThePool(unsigned step) {
  if (step != endsAt || !mema_freePool(&pool)) return;
  endedBySteps++;
  if (becomesPlain) (void)initPool(&pool, MIB);
}

static void takeAligned(void) {
  (void)hidePointer(mema_pmemalign(&pool, 4096, 100));
}
static void takeMisaligned(void) {
  (void)hidePointer(mema_pmemalign(&pool, hideSize(3), 100));
}
static void askFreeSize(void) {
  (void)mema_freeSize(&pool);
}
static void askLargest(void) {
  (void)mema_largestChunk(&pool);
}
static void askForStatistics(void) {
  mema_Stats stats;
  (void)mema_poolStats(&pool, &stats);
}
static void chargeSome(void) {
  (void)mema_chargePool(&pool, 1);
}

/* False if the call is over before that step. */
static bool endsDuring(void (*call)(void), unsigned step) {
  makeShared(&pool);
  endsAt = step;
  beginSteps(endThePool);
  call();
  endSteps();
  bool reached = steps > step;
  (void)freePool(&pool);
  return reached;
}

/* A call goes on with the heap that it found, although its Pool names none, or another one, by now. */
static void thePoolEndsDuringACall(void **state) {
  static void (*const calls[])(void) = {takeAligned, takeMisaligned, askFreeSize, askLargest, askForStatistics, chargeSome};
  (void)state;
  needSteps();
  for (int plain = 0; plain < 2; plain++) {
    becomesPlain = plain == 1;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
      endedBySteps = 0;
      for (unsigned step = 0; step < 200 && endsDuring(calls[i], step); step++) continue;
      assert_true(endedBySteps > 10);
    }
  }
}

/* ---- the list of shared pools ------------------------------------------------------------------------------------------------ */

/* A loop without a lock would never end, in each of whose turns a handler changes what it looks at: so a handler does it now and then, at steps
 * that lie further apart than a turn is long. */
enum { apart = UNDER_ASAN ? 512 : 64, callsToDisturb = UNDER_ASAN ? 40 : 100 };
static Pool other;
static volatile unsigned ended, turnedAway;
static uint64_t dice = 1;

/* Ends another shared pool, or makes it again. */
static void endAnother(unsigned step) {
  const mema_Options options = {.poolSize = MIB, .untracked = true, .shared = true};
  (void)step;
  dice = dice * 6364136223846793005u + 1442695040888963407u;
  if ((dice >> 33) % apart != 0) return;
  if (freePool(&other)) {
    ended++;
  } else if (mema_lastError()->reason == MEMA_REENTERED) {
    turnedAway++;
  } else {
    (void)mema_initPoolWith(&other, &options);
  }
}

static unsigned turnedAwayWhile(bool (*call)(void)) {
  unsigned before = turnedAway;
  beginSteps(endAnother);
  bool done = call();
  endSteps();
  assert_true(done);
  return turnedAway - before;
}

static bool makeOne(void) {
  return mema_initPoolWith(&pool, &(mema_Options){.poolSize = MIB, .untracked = true, .shared = true});
}

static bool endOne(void) {
  return freePool(&pool);
}

/* Both are on the list that a fork goes through: who is in the midst of changing it cannot be made to change it otherwise. */
static void aPoolIsMadeAndEnded(void **state) {
  (void)state;
  needSteps();
  unsigned making = 0, ending = 0;
  makeShared(&other);
  memset(&pool, 0, sizeof pool);
  for (unsigned i = 0; i < callsToDisturb; i++) {
    making += turnedAwayWhile(makeOne);
    ending += turnedAwayWhile(endOne);
  }
  assert_true(making > 0 && ending > 0 && ended > 0);
  pid_t forked = fork();
  if (forked == 0) {
    makeShared(&pool);
    _exit(palloc(&pool, 100) != NULL && freePool(&pool) ? 0 : 1);
  }
  int status = 1;
  assert_true(forked > 0 && waitpid(forked, &status, 0) == forked);
  assert_int_equal(status, 0);
  (void)freePool(&other);
}

static atomic_bool usesOn;
static unsigned forksInList;

static void *useOn(void *unused) {
  while (atomic_load(&usesOn)) mema_trimPool(&pool);
  return unused;
}

/* While another thread has the pool's lock, as like as not. */
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

/* The fork finds all that is on the list at rest even so. */
static void aHandlerForksInTheList(void **state) {
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

/* ---- a fork within a fork ------------------------------------------------------------------------------------------------ */

static bool stepsThroughFork;
static sem_t begun;

/* Whether the thread comes to its end, in a time that is long enough for everything but for ever. */
static bool comesToItsEnd(void *(*work)(void *), void *argument) {
  pthread_t thread;
  struct timespec end;
  if (pthread_create(&thread, NULL, work, argument) != 0) return false;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += hangLimit();
  if (sem_timedwait(&begun, &end) != 0) return false;
  return pthread_join(thread, NULL) == 0;
}

/* In another thread: the one that forked may go on using the pools until its fork is over. */
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

/* Whichever instruction of it a handler interrupts to fork as well: the locks are let go of. */
static void aForkIsInterruptedByAFork(void **state) {
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

/* ---- the first call of a thread ------------------------------------------------------------------------------------------- */

static void useThePoolAt(unsigned step) {
  if (step == askedAt && !freeOne() && mema_lastError()->reason != MEMA_REENTERED) atomic_store(&refused, true);
}

static void *beginInSteps(void *reached) {
  beginSteps(useThePoolAt);
  bool done = freeOne();
  endSteps();
  *(bool *)reached = steps > askedAt;
  if (!done || mema_freeSize(&pool) != MIB) atomic_store(&refused, true);
  sem_post(&begun);
  return NULL;
}

/* False when the call is over before that step. Where the thread did not know its own shard again, it would wait for itself. */
static bool beginAt(unsigned step) {
  static bool reached;
  askedAt = step;
  if (!comesToItsEnd(beginInSteps, &reached)) fail_msg("the thread hangs after step %u", step);
  if (atomic_load(&refused)) fail_msg("refused at step %u", step);
  return reached;
}

static void aThreadsBeginIsInterrupted(void **state) {
  (void)state;
  needSteps();
  sem_init(&begun, 0, 0);
  makeShared(&pool);
  unsigned step = 0;
  while (step < 1000 && beginAt(step)) step++;
  assert_true(step > 100);
  assert_true(freePool(&pool));
}

int main(void) {
  pthread_atfork(endStepsAtFork, NULL, NULL);
  pthread_key_create(&lateKey, lateDestructor);
  const struct CMUnitTest tests[] = {cmocka_unit_test(aThreadsEndIsInterrupted),
                                     cmocka_unit_test(aCallFindsItsOwn),
                                     cmocka_unit_test(aWaitGoesOn),
                                     cmocka_unit_test(aTurnGoesOn),
                                     cmocka_unit_test(thePoolEndsDuringACall),
                                     cmocka_unit_test(aPoolIsMadeAndEnded),
                                     cmocka_unit_test(aHandlerForksInTheList),
                                     cmocka_unit_test(aForkIsInterruptedByAFork),
                                     cmocka_unit_test(aThreadsBeginIsInterrupted)};
  return runTests(tests);
}
