/* Forks of signal handlers that interrupted a call to a shared pool. The holder of the lock may wait for just that call, which ends after the fork.
 * Chance brings this about in forkInHandler.c. Here a thread goes inside, as the common calls do, and stays there. */
#include "../internal/inside.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { size = 64, larger = 200, large = 100000, poolsMore = 32 };

static Pool pool, more[poolsMore];
static Share *share;
static void *chunk;

static void begin(void) {
  mema_Options options = {.poolSize = 16 * MIB, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  assert_true(mema_initPoolWith(&pool, &options));
  assert_non_null(chunk = palloc(&pool, size));
  const Cache *cache = cacheHere();
  if (cache == NULL) {
    skip();  /* no barrier: no thread is inside without the lock */
    abort(); /* as analysers do not know */
  }
  share = cache->share;
  signal(SIGALRM, SIG_DFL);
  alarm(hangLimit());
}

static void end(void) {
  alarm(0);
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
}

static void *useShortly(void *unused) {
  void *mine = palloc(&pool, size);
  return mine != NULL && pfree(&pool, mine) ? unused : &pool;
}

/* Uses the pool in all ways; the chunk is the only live one. Returns 0, or the number of the first failure. */
static int childsLife(size_t chargedBytes) {
  pthread_t thread;
  void *answer;
  mema_Stats stats;
  if (!mema_poolStats(&pool, &stats) || stats.liveBytes != chargedBytes) return 1;
  if (!mema_checkPool(&pool)) return 2;
  for (unsigned i = 0; i < 1000; i++)
    if (useShortly(NULL) != NULL) return 3;
  if (!canEnter(mema_cacheHere, &pool)) return 8; /* it takes the lock each time */
  if (CHILD_MAY_START_THREADS &&
      (pthread_create(&thread, NULL, useShortly, NULL) != 0 || pthread_join(thread, &answer) != 0 || answer != NULL))
    return 4;
  if (!pfree(&pool, chunk) || pfree(&pool, hidePointer(chunk))) return 5;
  void *whole = palloc(&pool, pool.poolSize);
  if (whole == NULL || !pfree(&pool, whole) || !mema_checkPool(&pool)) return 6;
  return freePool(&pool) ? 0 : 7;
}

static void assertEndsWell(pid_t child) {
  int status = -1;
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* ---- the lock's holder waits for the thread that forks --------------------------------------------------------------------- */

static sem_t warm, mayGo;

/* Gives the thread a cache of its own, with quota and slots. */
static void warmUp(void) {
  bool good = useShortly(NULL) == NULL && pfree(&pool, palloc(&pool, larger));
  if (!good) abort();
  sem_post(&warm);
  sem_wait(&mayGo);
}

static void *takeStats(void *unused) {
  mema_Stats stats;
  warmUp();
  return mema_poolStats(&pool, &stats) ? unused : &pool;
}

static void *freeChunk(void *unused) {
  return pfree(&pool, chunk) ? unused : &pool;
}

static void *takeStatsFirst(void *unused) {
  mema_Stats stats;
  return mema_poolStats(&pool, &stats) ? unused : &pool;
}

static void *freeAnothers(void *unused) {
  warmUp();
  return freeChunk(unused);
}

static void *enlargeAnothers(void *unused) {
  warmUp();
  void *to = mema_repalloc(&pool, chunk, larger);
  return to != NULL && pfree(&pool, to) ? unused : &pool;
}

static void *trim(void *unused) {
  warmUp();
  mema_trimPool(&pool);
  return unused;
}

/* The thread has no cache, and must wait to get one. */
static void *freeFirst(void *unused) {
  sem_post(&warm);
  sem_wait(&mayGo);
  return freeChunk(unused);
}

static void *enlargeFirst(void *unused) {
  sem_post(&warm);
  sem_wait(&mayGo);
  void *to = mema_repalloc(&pool, chunk, large);
  return to != NULL && pfree(&pool, to) ? unused : &pool;
}

typedef struct {
  void *(*run)(void *);
  bool frees;   /* the chunk */
  bool revoked; /* threads compare and exchange there already */
} Work;

static Work takingStats = {.run = takeStats}, trimming = {.run = trim}, freeing = {.run = freeAnothers, .frees = true},
            enlarging = {.run = enlargeAnothers, .frees = true}, freeingFirst = {freeFirst, true, true},
            enlargingFirst = {.run = enlargeFirst, .frees = true};

/* Forks inside, as a handler that interrupted a call does. The child comes out again, as at the end of that call. */
static pid_t forkInside(Cache *cache) {
  pid_t child = fork();
  if (child != 0) return child;
  alarm(hangLimit() / 3);
  bool whole = !share->unfinished;
  goOutside(cache);
  _exit(whole ? childsLife(size) : 10);
}

static pthread_barrier_t together;

static void *useTogether(void *unused) {
  void *wrong = useShortly(unused);
  pthread_barrier_wait(&together);
  return wrong;
}

/* All threads are alive at once, so each has a cache with an owner id of its own. The next new cache gets one a second time, and all
 * threads must be out for that. */
static void useUpOwnerIds(void) {
  enum { ids = 256 };
  pthread_t threads[ids];
  pthread_barrier_init(&together, NULL, ids);
  for (unsigned i = 0; i < ids; i++) assert_int_equal(pthread_create(&threads[i], NULL, useTogether, NULL), 0);
  for (unsigned i = 0; i < ids; i++) {
    void *answer;
    pthread_join(threads[i], &answer);
    assert_null(answer);
  }
  pthread_barrier_destroy(&together);
}

/* Another thread frees the chunk, so that the owner loses its privilege. */
static void letAnotherFree(void) {
  useUpOwnerIds();
  pthread_t thread;
  void *answer;
  assert_int_equal(pthread_create(&thread, NULL, freeChunk, NULL), 0);
  pthread_join(thread, &answer);
  assert_null(answer);
  mema_trimPool(&pool);
  assert_non_null(chunk = palloc(&pool, size));
}

static void start(pthread_t *thread, void *(*run)(void *)) {
  sem_init(&warm, 0, 0);
  sem_init(&mayGo, 0, 0);
  assert_int_equal(pthread_create(thread, NULL, run, NULL), 0);
  sem_wait(&warm);
}

static void aForkGoesOnWhileTheHolderWaitsForIt(void **state) {
  const Work *work = *state;
  pthread_t thread;
  void *answer;
  begin();
  if (work->revoked) letAnotherFree();
  start(&thread, work->run);
  Cache *cache = mema_cacheHere;
  assert_true(goInside(cache, &pool));
  sem_post(&mayGo);
  while (!holderWaits(share)) sched_yield();
  pid_t first = forkInside(cache), second = forkInside(cache);
  assert_true(holderWaits(share));
  goOutside(cache);
  assertEndsWell(first);
  assertEndsWell(second);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_true(work->frees || pfree(&pool, chunk));
  end();
}

static sem_t mayCharge, charged;

/* In the middle of a call, which goes on for a while. */
static void *chargeSlowly(void *unused) {
  void *wrong = useShortly(unused);
  sem_post(&warm);
  while (sem_wait(&mayCharge) != 0) sched_yield();
  if (wrong != NULL || !goInside(mema_cacheHere, &pool)) return &pool;
  chargeQuota(mema_cacheHere, size);
  sem_post(&charged);
  while (!holderWaits(share)) sched_yield();
  usleep(20000);
  creditQuota(mema_cacheHere, size);
  goOutside(mema_cacheHere);
  return unused;
}

static void aForkWaitsForAllOtherThreads(void **state) {
  (void)state;
  pthread_t slow, thread;
  void *answer;
  begin();
  sem_init(&mayCharge, 0, 0);
  sem_init(&charged, 0, 0);
  start(&slow, chargeSlowly);
  start(&thread, takeStats);
  Cache *cache = mema_cacheHere;
  assert_true(goInside(cache, &pool));
  sem_post(&mayCharge);
  sem_wait(&charged);
  sem_post(&mayGo);
  while (!holderWaits(share)) sched_yield();
  pid_t child = forkInside(cache);
  goOutside(cache);
  assertEndsWell(child);
  pthread_join(slow, &answer);
  assert_null(answer);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_true(pfree(&pool, chunk));
  end();
}

/* ---- several that fork inside ------------------------------------------------------------------------------------------------ */

/* Half of a request: charged, and popped. And half of a free, as other threads may see it: an entry is counted in which an older pointer stands. */
static void beginChanges(Cache *cache) {
  chargeQuota(cache, size);
  popMagazine(cache, size);
  pushStale(cache, larger, chunk);
}

static void undoChanges(Cache *cache) {
  popMagazine(cache, larger);
  unpopMagazine(cache, size);
  creditQuota(cache, size);
}

static pid_t forkAmidChanges(void) {
  Cache *cache = mema_cacheHere;
  beginChanges(cache);
  sem_post(&charged);
  sem_wait(&mayCharge); /* so are all others */
  pid_t child = fork();
  undoChanges(cache);
  if (child == 0) alarm(hangLimit() / 3);
  goOutside(cache);
  if (child == 0) _exit(childsLife(size));
  return child;
}

static void *forkToo(void *ended) {
  int status = -1;
  warmUp();
  if (!goInside(mema_cacheHere, &pool)) return &pool;
  pid_t child = forkAmidChanges();
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? ended : &pool;
}

/* Each thread waits until the other is out. In one case the holder of the lock waits for both. */
static void twoThreadsMayForkInside(void **state) {
  bool holderToo = *(const bool *)*state;
  pthread_t other, thread;
  void *answer;
  begin();
  sem_init(&charged, 0, 0);
  sem_init(&mayCharge, 0, 0);
  start(&other, forkToo);
  sem_post(&mayGo);
  while (sem_wait(&charged) != 0) sched_yield();
  if (holderToo) {
    sem_init(&warm, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, takeStatsFirst, NULL), 0);
    while (!holderWaits(share)) sched_yield();
  }
  Cache *cache = mema_cacheHere;
  atomic_store(&cache->busy, 1); /* it may be called by now */
  sem_post(&mayCharge);
  sem_post(&mayCharge);
  pid_t child = forkAmidChanges();
  assertEndsWell(child);
  pthread_join(other, &answer);
  assert_null(answer);
  if (holderToo) {
    pthread_join(thread, &answer);
    assert_null(answer);
  }
  assert_true(pfree(&pool, chunk));
  end();
}

/* ---- the lock's holder is interrupted where it waits, and forks ------------------------------------------------------------- */

static sem_t isInside, mayLeave;
static pthread_t holder;
static pid_t forked;

static void forkNow(int number) {
  (void)number;
  forked = fork();
  if (forked != 0) sem_post(&mayLeave);
}

static void *stayInside(void *unused) {
  if (useShortly(NULL) != NULL || !goInside(mema_cacheHere, &pool)) return &pool;
  sem_post(&isInside);
  while (!holderWaits(share)) sched_yield();
  pthread_kill(holder, SIGUSR1);
  while (sem_wait(&mayLeave) != 0) sched_yield();
  goOutside(mema_cacheHere);
  return unused;
}

/* In the child there is no other thread to wait for. */
static void theHolderMayForkWhereItWaits(void **state) {
  (void)state;
  pthread_t thread;
  void *answer;
  begin();
  sem_init(&isInside, 0, 0);
  sem_init(&mayLeave, 0, 0);
  holder = pthread_self();
  handle(forkNow);
  assert_int_equal(pthread_create(&thread, NULL, stayInside, NULL), 0);
  sem_wait(&isInside);
  mema_Stats stats;
  bool good = mema_poolStats(&pool, &stats);
  if (forked == 0) {
    alarm(hangLimit() / 3);
    _exit(good ? childsLife(size) : 9);
  }
  assert_true(good);
  assertEndsWell(forked);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_true(pfree(&pool, chunk));
  end();
}

/* ---- the lock's holder is interrupted anywhere, and forks --------------------------------------------------------------------- */

static Cache *chargers;

/* Half of a call. */
static void *chargeAWhile(void *unused) {
  void *wrong = useShortly(unused);
  chargers = mema_cacheHere;
  sem_post(&warm);
  sem_wait(&mayGo);
  if (wrong != NULL || !goInside(chargers, &pool)) return &pool;
  chargeQuota(chargers, size);
  sem_post(&charged);
  usleep(20000);
  creditQuota(chargers, size);
  goOutside(chargers);
  while (sem_wait(&mayCharge) != 0) sched_yield();
  return unused;
}

static pid_t forkInTurn(mema_Heap *slab) {
  pid_t child = fork();
  if (child != 0) return child;
  alarm(hangLimit() / 3);
  bool whole = !share->unfinished;
  mema_unlockPool(slab);
  _exit(whole ? childsLife(size) : 10);
}

/* In the child no other thread is in the middle of a call. In the parent the others may enter again, unless the interrupted call keeps them out. */
static void theHolderMayForkAnywhere(void **state) {
  (void)state;
  pthread_t thread;
  void *answer;
  begin();
  sem_init(&mayCharge, 0, 0);
  sem_init(&charged, 0, 0);
  start(&thread, chargeAWhile);
  mema_Heap *slab = mema_lockForCall(&pool);
  assert_non_null(slab);
  sem_post(&mayGo);
  sem_wait(&charged);
  pid_t first = forkInTurn(slab);
  assert_true(canEnter(chargers, &pool));
  mema_unlockPool(slab);
  assertEndsWell(first);
  assert_non_null(slab = mema_holdPool(&pool, false));
  pid_t second = forkInTurn(slab);
  assert_true(keepsOut(chargers));
  mema_unlockPool(slab);
  assertEndsWell(second);
  assert_true(canEnter(chargers, &pool));
  sem_post(&mayCharge);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_true(pfree(&pool, chunk));
  end();
}

/* ---- a handler that interrupted a wait for budget waits, too, and forks ------------------------------------------------------- */

static Pool *handlersPool;

/* After that there is the budget that both processes wait for. */
static void waitAndFork(int number) {
  (void)number;
  assert_null(mema_pallocWait(handlersPool, MIB, 20));
  forked = fork();
  if (forked == 0) alarm(hangLimit() / 3);
  if (!pfree(&pool, chunk)) abort();
}

static void *interruptWait(void *unused) {
  usleep(20000); /* the test passes wherever the wait is by then */
  pthread_kill(holder, SIGUSR1);
  return unused;
}

static void aHandlerMayWaitForBudgetAndFork(void **state) {
  bool another = *(bool *)*state;
  pthread_t thread;
  begin();
  assert_true(pfree(&pool, chunk));
  assert_true(mema_initPoolWith(&more[0], &(mema_Options){.poolSize = MIB, .untracked = true, .shared = true}));
  assert_non_null(chunk = palloc(&pool, 15 * MIB + MIB / 2));
  handlersPool = another ? &more[0] : &pool;
  if (another) assert_non_null(palloc(&more[0], KIB));
  holder = pthread_self();
  handle(waitAndFork);
  forked = -1;
  assert_int_equal(pthread_create(&thread, NULL, interruptWait, NULL), 0);
  void *waitedFor = mema_pallocWait(&pool, MIB, -1);
  bool good = waitedFor != NULL && share->waiting == 0;
  chunk = waitedFor;
  if (forked == 0) _exit(good ? childsLife(mema_chunkSize(&pool, chunk)) : 9);
  assert_true(good);
  assertEndsWell(forked);
  pthread_join(thread, NULL);
  assert_true(pfree(&pool, chunk));
  assert_true(freePool(&more[0]));
  end();
}

/* ---- a handler of a fork waits for budget ------------------------------------------------------------------------------------- */

static bool waitsAtFork;
static mema_Reason refusal;

/* Older than the library's own handlers, so it runs while those have the locks. */
static void waitInFork(void) {
  if (!waitsAtFork) return;
  refusal = mema_pallocWait(&pool, pool.poolSize, 1) == NULL ? mema_lastError()->reason : MEMA_OK;
}

static void aForkHandlersWaitEndsInTime(void **state) {
  (void)state;
  begin();
  waitsAtFork = true;
  pid_t child = fork();
  waitsAtFork = false;
  if (child == 0) _exit(share->waiting == 0 ? childsLife(size) : 9);
  assertEndsWell(child);
  assert_int_equal(refusal, MEMA_TIMED_OUT);
  assert_int_equal(share->waiting, 0);
  assert_true(pfree(&pool, chunk));
  end();
}

/* ---- a handler interrupts a fork, which waits for a lock, and forks --------------------------------------------------------- */

static atomic_bool forkBegins, handlerRuns;
static bool isChild;

static void noteFork(void) {
  atomic_store(&forkBegins, true);
}

static void forkMeanwhile(int number) {
  (void)number;
  atomic_store(&handlerRuns, true);
  forked = fork();
  if (forked != 0) return;
  isChild = true;
  alarm(hangLimit() / 3);
}

/* The other pools have caches. To hold them takes most of the time that a fork waits. */
static void *keepLock(void *unused) {
  void *wrong = NULL;
  for (unsigned i = 0; i < poolsMore; i++)
    if (!pfree(&more[i], palloc(&more[i], size))) wrong = &more[i];
  mema_Heap *slab = mema_lockForCall(&pool);
  sem_post(&warm);
  sem_wait(&mayGo);
  while (!atomic_load(&forkBegins)) sched_yield();
  usleep(1000);
  pthread_kill(holder, SIGUSR1);
  while (!atomic_load(&handlerRuns)) sched_yield();
  usleep(1000);
  mema_unlockAfterCall(slab);
  return wrong == NULL ? unused : wrong;
}

static void useAll(void) {
  for (unsigned i = 0; i < poolsMore; i++) assert_true(pfree(&more[i], palloc(&more[i], large)));
}

/* In its child the interrupted fork goes on, and everything else. */
static void aHandlerMayForkWhereAForkWaits(void **state) {
  (void)state;
  pthread_t thread;
  void *answer;
  int status = 0;
#if !defined(__GLIBC__) || (__GLIBC__ == 2 && __GLIBC_MINOR__ < 36)
  skip(); /* there is one fork at a time in the process */
#endif
  begin();
  holder = pthread_self();
  handle(forkMeanwhile);
  for (unsigned i = 0; i < poolsMore; i++)
    assert_true(mema_initPoolWith(&more[i], &(mema_Options){.poolSize = MIB, .untracked = true, .shared = true}));
  assert_int_equal(pthread_atfork(noteFork, NULL, NULL), 0);
  start(&thread, keepLock);
  sem_post(&mayGo);
  pid_t child = fork();
  if (child == 0 || isChild) {
    alarm(hangLimit() / 3);
    useAll();
    if (child != 0 && waitpid(child, &status, 0) != child) _exit(9);
    _exit(status == 0 ? childsLife(size) : 10);
  }
  assertEndsWell(child);
  assertEndsWell(forked);
  pthread_join(thread, &answer);
  assert_null(answer);
  useAll();
  for (unsigned i = 0; i < poolsMore; i++) assert_true(freePool(&more[i]));
  assert_true(pfree(&pool, chunk));
  end();
}

#define withWork(test, work) \
  { #test "(" #work ")", test, NULL, NULL, &(work) }

int main(void) {
  static bool nobody = false, somebody = true;
  static bool same = false, another = true;
  pthread_atfork(waitInFork, NULL, NULL); /* before the first shared pool */
  const struct CMUnitTest tests[] = {
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, takingStats),
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, trimming),
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, freeing),
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, enlarging),
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, freeingFirst),
      withWork(aForkGoesOnWhileTheHolderWaitsForIt, enlargingFirst),
      cmocka_unit_test(aForkWaitsForAllOtherThreads),
      cmocka_unit_test_prestate(twoThreadsMayForkInside, &nobody),
      cmocka_unit_test_prestate(twoThreadsMayForkInside, &somebody),
      cmocka_unit_test(theHolderMayForkWhereItWaits),
      cmocka_unit_test(theHolderMayForkAnywhere),
      cmocka_unit_test_prestate(aHandlerMayWaitForBudgetAndFork, &same),
      cmocka_unit_test_prestate(aHandlerMayWaitForBudgetAndFork, &another),
      cmocka_unit_test(aForkHandlersWaitEndsInTime),
      cmocka_unit_test(aHandlerMayForkWhereAForkWaits),
  };
  return runTests(tests);
}
