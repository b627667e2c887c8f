/* Shared pools, and signal handlers at every instruction of a call: a handler calls pools, ends them, or has another thread call them. */
#include "steps.h"

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
  ours = palloc(&pool, 100); /* not a slot that the other thread's cache has */
}

static void *endInSteps(void *unused) {
  (void)unused;
  pthread_setspecific(lateKey, &pool);
  return pfree(&pool, palloc(&pool, 100)) ? NULL : &pool;
}

/* A thread that has ended no longer owns its cache, whichever step of its end a handler interrupted. */
static void aHandlerMayInterruptTheEndOfAThread(void **state) {
  (void)state;
  needSteps();
  pthread_t thread;
  void *answer;
  cpu_set_t before, here;
  CPU_ZERO(&here);
  CPU_SET((size_t)sched_getcpu(), &here);
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0); /* the next thread there takes over the cache */
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

/* False when the call ends before that step. */
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

/* A handler may interrupt a call that is about to look at a cache. No other thread may get that cache meanwhile. */
static void anInterruptedCallFindsItsOwnCache(void **state) {
  (void)state;
  needSteps();
  sem_init(&asked, 0, 0);
  sem_init(&answered, 0, 0);
  for (unsigned step = 0; step < 400 && interruptAt(step); step++)
    if (atomic_load(&refused)) fail_msg("refused at step %u", step);
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

/* False if the call ends before that step. */
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
static void aCallGoesOnWhenItsPoolEnds(void **state) {
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

/* A loop without a lock would never end if a handler changed the list in each of its turns. So the handler changes it now and then, at steps that
 * lie further apart than a turn is long. */
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
  } else if (!mema_initPoolWith(&other, &options)) {
    turnedAway++;
    if (mema_lastError()->reason != MEMA_REENTERED) atomic_store(&refused, true); /* for another reason */
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

/* Both pools are on the list that a fork goes through. A handler that interrupted a change of the list cannot change it. */
static void aHandlerMayInterruptAPoolsInitAndEnd(void **state) {
  (void)state;
  needSteps();
  unsigned making = 0, ending = 0;
  atomic_store(&refused, false);
  makeShared(&other);
  memset(&pool, 0, sizeof pool);
  for (unsigned i = 0; i < callsToDisturb; i++) {
    making += turnedAwayWhile(makeOne);
    ending += turnedAwayWhile(endOne);
  }
  assert_true(making > 0 && ending > 0 && ended > 0);
  assert_false(atomic_load(&refused));
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

/* ---- the first shared pool of the process -------------------------------------------------------------------------------- */

static unsigned interruptedAt;
static mema_Reason answer;

/* Further steps would show nothing. */
static void makeAnother(unsigned step) {
  if (step != interruptedAt) return;
  if (!mema_initPoolWith(&other, &(mema_Options){.poolSize = MIB, .untracked = true, .shared = true}))
    answer = mema_lastError()->reason;
  endSteps();
}

enum { passed, madeNone, otherReason, reentered, beyondTheEnd };

/* In a child, which has no shared pool yet. */
static int interruptTheFirst(unsigned step) {
  memset(&other, 0, sizeof other);
  memset(&pool, 0, sizeof pool);
  interruptedAt = step;
  answer = MEMA_OK;
  beginSteps(makeAnother);
  bool made = makeOne();
  endSteps();
  if (!made || !freeOne() || !freePool(&pool)) return madeNone;
  if (answer != MEMA_OK) return answer == MEMA_REENTERED ? reentered : otherReason;
  return steps > step ? passed : beyondTheEnd;
}

/* The handler makes a shared pool, too: that works, or is refused since it interrupted the set-up. */
static void aHandlerMayInterruptTheFirstSharedPool(void **state) {
  (void)state;
  needSteps();
  enum { stride = UNDER_ASAN ? 400 : 50 };
  unsigned refusals = 0;
  for (unsigned step = 0, status = passed; status != beyondTheEnd; step += stride) {
    int waited = -1;
    pid_t child = fork();
    if (child == 0) {
      alarm(hangLimit());
      _exit(interruptTheFirst(step));
    }
    assert_true(child > 0 && waitpid(child, &waited, 0) == child && WIFEXITED(waited));
    status = (unsigned)WEXITSTATUS(waited);
    if (status == madeNone || status == otherReason) fail_msg("status %u at step %u", status, step);
    refusals += status == reentered;
  }
  assert_true(refusals > 0);
}

/* ---- the first call of a thread ----------------------------------------------------------------------------------------- */

static unsigned askedAt;

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

/* False when the call ends before that step. If the thread did not recognise its own cache, it would wait for itself. */
static bool beginAt(unsigned step) {
  static bool reached;
  askedAt = step;
  if (!comesToItsEnd(beginInSteps, &reached)) fail_msg("the thread hangs after step %u", step);
  if (atomic_load(&refused)) fail_msg("refused at step %u", step);
  return reached;
}

static void aHandlerMayInterruptAThreadsFirstCall(void **state) {
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
  pthread_key_create(&lateKey, lateDestructor);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aHandlerMayInterruptTheFirstSharedPool), /* first: there was no shared pool yet */
      cmocka_unit_test(aHandlerMayInterruptTheEndOfAThread),
      cmocka_unit_test(anInterruptedCallFindsItsOwnCache),
      cmocka_unit_test(aCallGoesOnWhenItsPoolEnds),
      cmocka_unit_test(aHandlerMayInterruptAPoolsInitAndEnd),
      cmocka_unit_test(aHandlerMayInterruptAThreadsFirstCall),
  };
  return runTests(tests);
}
