/* Shared pools and the lives of threads, pools and processes: freed while others are inside, made again, threads that come and go. */
#include "unit.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned scaled(unsigned count) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 1 + count / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

static bool makeShared(Pool *pool, bool untracked, size_t poolSize) {
  mema_Options options = {.poolSize = poolSize, .untracked = untracked, .shared = true};
  return mema_initPoolWith(pool, &options);
}

static Pool pool; /* static: zeroed, and its memory stays */
static atomic_bool stopping;
static _Atomic(const char *) complaint;
static atomic_uint inside, made, gone;

static void complain(const char *what) {
  const char *none = NULL;
  atomic_compare_exchange_strong(&complaint, &none, what);
}

/* Not an address, which differs from run to run. */
static void *seedOf(unsigned thread) {
  return (void *)(uintptr_t)(thread + 1);
}

static void begin(void) {
  atomic_store(&stopping, false);
  atomic_store(&complaint, NULL);
  atomic_store(&made, 0);
  atomic_store(&gone, 0);
}

static void assertNoComplaint(void) {
  const char *what = atomic_load(&complaint);
  if (what != NULL) fail_msg("%s", what);
}

/* ---- freed under way ---------------------------------------------------------------------------------------------------- */

static bool isGone(void) {
  if (mema_lastError()->reason == MEMA_BAD_POOL || mema_lastError()->reason == MEMA_BAD_POINTER) return true;
  complain(mema_lastError()->name);
  return false;
}

/* Calls whatever there is, on a pool that may end and begin anew at any time. No chunk is looked into: it may be gone. */
static void *callAnything(void *seed) {
  uint64_t random = addressOf(seed);
  void *chunks[16] = {NULL};
  mema_Stats stats;
  char picture[200];
  while (!atomic_load(&stopping)) {
    unsigned i = (unsigned)(nextRandom(&random) % 16);
    size_t size = nextRandom(&random) % 3000;
    switch (nextRandom(&random) % 16) {
      case 0:
        mema_chunkSize(&pool, chunks[i]);
        break;
      case 1:
        mema_ownsChunk(&pool, chunks[i]);
        break;
      case 2:
        mema_freeSize(&pool);
        break;
      case 3:
        mema_trimPool(&pool);
        break;
      case 4:
        (void)(mema_poolStats(&pool, &stats) || isGone());
        break;
      case 5:
        (void)(mema_checkPool(&pool) || isGone());
        break;
      case 6:
        mema_drawPool(&pool, picture, sizeof picture, 40, true);
        break;
      case 7:
        (void)(mema_pmemalign(&pool, 64, 1000) != NULL || isGone());
        break;
      case 8:
        mema_resizePool(&pool, (8 + i) * MIB);
        break; /* below what is in use, perhaps */
      case 9:
        (void)(mema_resetPool(&pool) || isGone());
        break;
      case 10:
      case 11: {
        void *to = mema_repalloc(&pool, chunks[i], size);
        if (to != NULL || isGone()) chunks[i] = to;
        break;
      }
      case 12:
        (void)(mema_pallocWait(&pool, 100000, 1) != NULL || mema_lastError()->reason == MEMA_TIMED_OUT || isGone());
        break;
      default:
        if (chunks[i] != NULL) {
          (void)(pfree(&pool, chunks[i]) || isGone());
          chunks[i] = NULL;
        } else if ((chunks[i] = palloc(&pool, size)) == NULL) {
          isGone();
        }
    }
    atomic_fetch_add(&inside, 1);
  }
  return NULL;
}

/* Other pools, of other kinds, which take over what the shared one leaves. */
static void useAnother(bool untracked) {
  Pool other;
  mema_Options options = {.poolSize = 8 * MIB, .untracked = untracked};
  assert_true(mema_initPoolWith(&other, &options));
  unsigned char *chunks[50];
  for (unsigned i = 0; i < 50; i++) {
    assert_non_null(chunks[i] = palloc(&other, 1 + i * 37));
    fillBytes(chunks[i], 1 + i * 37, i);
  }
  for (unsigned i = 0; i < 50; i++) {
    assert_true(bytesFilled(chunks[i], 1 + i * 37, i));
    assert_true(pfree(&other, chunks[i]));
  }
  assert_true(freePool(&other));
}

static void poolsEndWhileOthersAreInside(void **state) {
  const Kind *kind = *state;
  enum { threadCount = 3 };
  pthread_t threads[threadCount];
  begin();
  assert_true(makeShared(&pool, kind->options.untracked, 8 * MIB));
  for (unsigned i = 0; i < threadCount; i++) assert_int_equal(pthread_create(&threads[i], NULL, callAnything, seedOf(i)), 0);
  for (unsigned life = 0; life < scaled(100); life++) {
    unsigned seen = atomic_load(&inside);
    while (atomic_load(&inside) - seen < 50) usleep(10);
    assert_true(freePool(&pool));
    assertFails(freePool(&pool), MEMA_BAD_POOL);
    if (life % 2 == 0) mema_trimPool(NULL); /* unmaps what the pool had */
    useAnother(kind->options.untracked);
    assert_true(makeShared(&pool, kind->options.untracked, 8 * MIB));
  }
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < threadCount; i++) pthread_join(threads[i], NULL);
  assertNoComplaint();
  assert_true(mema_resetPool(&pool));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static pthread_barrier_t barrier;

static void *freeAtOnce(void *unused) {
  (void)unused;
  pthread_barrier_wait(&barrier);
  if (freePool(&pool)) {
    atomic_fetch_add(&gone, 1);
  } else if (mema_lastError()->reason != MEMA_BAD_POOL) {
    complain(mema_lastError()->name);
  }
  return NULL;
}

static void ofTwoThatFreeAPoolOneDoes(void **state) {
  const Kind *kind = *state;
  pthread_t threads[2];
  begin();
  pthread_barrier_init(&barrier, NULL, 2);
  unsigned lives = scaled(200);
  for (unsigned life = 0; life < lives; life++) {
    assert_true(makeShared(&pool, kind->options.untracked, MIB));
    assert_non_null(palloc(&pool, 100));
    for (unsigned i = 0; i < 2; i++) pthread_create(&threads[i], NULL, freeAtOnce, NULL);
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&gone), life + 1);
  }
  pthread_barrier_destroy(&barrier);
  assertNoComplaint();
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------ */

static atomic_uint waiting;

static void *waitForHalf(void *milliseconds) {
  atomic_fetch_add(&waiting, 1);
  char *chunk = mema_pallocWait(&pool, 512 * KIB, *(int *)milliseconds);
  if (chunk == NULL) return hidePointer(mema_lastError()->name);
  memset(chunk, 1, 512 * KIB);
  if (!pfree(&pool, chunk)) return hidePointer("not freed");
  return NULL;
}

static void letWait(unsigned count) {
  while (atomic_load(&waiting) != count) usleep(100);
  usleep(3000); /* most are asleep by now: whether they are makes no difference to what must follow */
}

static void whoWaitsIsServed(void **state) {
  const Kind *kind = *state;
  enum { most = 3 };
  static int forEver = -1, shortly = 5, veryLong = INT_MAX;
  pthread_t threads[most];
  void *answer;
  for (unsigned way = 0; way < 7; way++) {
    unsigned waiters = way == 6 ? 1 : most; /* a second one's call would call in what the first one's left */
    assert_true(makeShared(&pool, kind->options.untracked, MIB));
    void *whole = palloc(&pool, MIB), *parts[64];
    assert_non_null(whole);
    if (way == 1) { /* many small chunks in the place of one */
      assert_true(pfree(&pool, whole));
      for (unsigned i = 0; i < 64; i++) assert_non_null(parts[i] = palloc(&pool, 16 * KIB));
    }
    if (way == 6) { /* it takes few small ones more, which the thread that frees them could keep for itself */
      assert_true(pfree(&pool, whole));
      assert_non_null(whole = palloc(&pool, 480 * KIB));
      for (unsigned i = 0; i < 64; i++) assert_non_null(parts[i] = palloc(&pool, KIB));
    }
    atomic_store(&waiting, 0);
    for (unsigned i = 0; i < waiters; i++)
      pthread_create(&threads[i], NULL, waitForHalf, way == 4 ? &shortly : i == 0 ? &veryLong : &forEver);
    letWait(waiters);
    switch (way) {
      case 0:
        assert_true(pfree(&pool, whole));
        break;
      case 1:
      case 6:
        for (unsigned i = 0; i < 64; i++) assert_true(pfree(&pool, parts[i]));
        break;
      case 2:
        assert_true(mema_resizePool(&pool, 2 * MIB));
        break;
      case 3:
        assert_true(mema_resetPool(&pool));
        break;
      case 5:
        assert_true(freePool(&pool));
        break;
      default:
        break;
    }
    for (unsigned i = 0; i < waiters; i++) {
      pthread_join(threads[i], &answer);
      if (way != 4 && way != 5 && answer != NULL) fail_msg("way %u: %s", way, (char *)answer);
      if (way == 4) assert_string_equal(answer, "MEMA_TIMED_OUT");
      if (way == 5) assert_string_equal(answer, "MEMA_BAD_POOL");
    }
    if (way != 5) {
      assert_true(mema_resetPool(&pool));
      assertPool(&pool, 0, 0);
      assert_true(freePool(&pool));
    }
  }
}

static void waitingIsRefusedWhereItIsInVain(void **state) {
  const Kind *kind = *state;
  Pool plain;
  assert_true(makeShared(&pool, kind->options.untracked, MIB));
  void *whole = mema_pallocWait(&pool, MIB, -1);
  assert_non_null(whole);
  assertRefused(&pool, mema_pallocWait(&pool, MIB + 1, -1), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, kind->options.untracked ? MIB + 4096 : MIB + 1);
  assert_int_equal(mema_lastError()->available, 0);
  assertRefused(&pool, mema_pallocWait(&pool, 1, 0), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_pallocWait(&pool, 1, 2), MEMA_TIMED_OUT);
  assertRefused(&pool, mema_pallocWait(&pool, hideSize(SIZE_MAX), -1), MEMA_TOO_LARGE);
  assert_true(freePool(&pool));
  assertFails(mema_pallocWait(&pool, 1, -1), MEMA_BAD_POOL);
  assertFails(mema_pallocWait(NULL, 1, -1), MEMA_BAD_POOL);
  assert_true(initPool(&plain, 1000));
  assertRefused(&plain, mema_pallocWait(&plain, 1001, -1), MEMA_OVER_BUDGET);
  assertWorks(mema_pallocWait(&plain, 600, -1) != NULL);
  assertRefused(&plain, mema_pallocWait(&plain, 600, -1), MEMA_OVER_BUDGET); /* nobody else may free there */
  assert_true(freePool(&plain));
}

static void *endWithQuota(void *unused) {
  (void)unused;
  void *chunk = palloc(&pool, 400 * KIB);
  for (unsigned i = 0; i < 100; i++) pfree(&pool, palloc(&pool, 100));
  letWait(1);
  return pfree(&pool, chunk) ? NULL : hidePointer("not freed");
}

/* What a thread held when it ended is there for those that wait. */
static void aThreadsEndServesWhoWaits(void **state) {
  const Kind *kind = *state;
  static int forEver = -1;
  assert_true(makeShared(&pool, kind->options.untracked, MIB));
  void *rest = palloc(&pool, 512 * KIB), *answer;
  for (unsigned n = 0; n < 20; n++) {
    pthread_t ending, waiter;
    atomic_store(&waiting, 0);
    pthread_create(&ending, NULL, endWithQuota, NULL);
    while (mema_freeSize(&pool) > 200 * KIB) usleep(10);
    pthread_create(&waiter, NULL, waitForHalf, &forEver);
    pthread_join(ending, &answer);
    assert_null(answer);
    pthread_join(waiter, &answer);
    assert_null(answer);
  }
  assert_true(pfree(&pool, rest));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* ---- threads that come and go -------------------------------------------------------------------------------------------- */

enum { left = 256 };
static _Atomic(void *) leftBehind[left];
static pthread_key_t lateKey;

/* Frees and allocates in every round of destructors that the system has. */
static void lateDestructor(void *chunk) {
  if (!pfree(&pool, chunk)) complain("a late free was refused");
  void *another = palloc(&pool, 50);
  if (another == NULL) complain("a late request was refused");
  atomic_fetch_add(&made, 1);
  pthread_setspecific(lateKey, another);
}

/* Takes a little, frees most of it and some that others left, leaves some. */
static void *liveShortly(void *seed) {
  uint64_t random = addressOf(seed);
  void *chunks[6];
  for (unsigned i = 0; i < 6; i++)
    if ((chunks[i] = palloc(&pool, 1 + nextRandom(&random) % 2000)) == NULL) complain("a request was refused");
  for (unsigned i = 1; i < 6; i++)
    if (!pfree(&pool, chunks[i])) complain("a free was refused");
  void *before = atomic_exchange(&leftBehind[nextRandom(&random) % left], chunks[0]);
  if (before != NULL && !pfree(&pool, before)) complain("a free of another's chunk was refused");
  return NULL;
}

static void *liveShortlyAndLate(void *seed) {
  pthread_setspecific(lateKey, palloc(&pool, 50));
  return liveShortly(seed);
}

static void manyShortThreads(void **state) {
  const Kind *kind = *state;
  begin();
  assert_true(makeShared(&pool, kind->options.untracked, 16 * MIB));
  unsigned few = scaled(500), many = scaled(UNDER_ASAN ? 1000 : 4000);
  size_t early = 0;
  for (unsigned n = 0; n < many; n += 2) {
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, liveShortly, seedOf(n + i)), 0);
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    if (n / 2 == few / 2) early = residentBytes();
  }
  size_t late = residentBytes();
  if (!UNDER_ASAN && late > early + 4 * MIB) fail_msg("%zu bytes resident early, %zu late", early, late);
  for (unsigned i = 0; i < left; i++) {
    void *chunk = atomic_exchange(&leftBehind[i], NULL);
    assert_true(chunk == NULL || pfree(&pool, chunk));
  }
  assertNoComplaint();
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void lateFreesAreTaken(void **state) {
  const Kind *kind = *state;
  begin();
  assert_int_equal(pthread_key_create(&lateKey, lateDestructor), 0);
  assert_true(makeShared(&pool, kind->options.untracked, 16 * MIB));
  unsigned threads = scaled(300);
  for (unsigned n = 0; n < threads; n++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, liveShortlyAndLate, seedOf(n)), 0);
    pthread_join(thread, NULL);
  }
  for (unsigned i = 0; i < left; i++) {
    void *chunk = atomic_exchange(&leftBehind[i], NULL);
    assert_true(chunk == NULL || pfree(&pool, chunk));
  }
  assertNoComplaint();
  assert_true(atomic_load(&made) >= 2 * threads); /* more than one round */
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.liveChunks, threads); /* the last of each thread, which nobody was left to free */
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
  pthread_key_delete(lateKey);
}

/* ---- forks -------------------------------------------------------------------------------------------------------------- */

static void *workOn(void *seed) {
  uint64_t random = addressOf(seed);
  unsigned char *chunks[40] = {NULL};
  while (!atomic_load(&stopping)) {
    unsigned i = (unsigned)(nextRandom(&random) % 40);
    if (chunks[i] == NULL) {
      size_t size = nextRandom(&random) % 50 == 0 ? 70000 : 1 + nextRandom(&random) % 2000;
      if ((chunks[i] = palloc(&pool, size)) != NULL) chunks[i][0] = (unsigned char)i;
    } else if (nextRandom(&random) % 4 == 0) {
      unsigned char *to = mema_repalloc(&pool, chunks[i], 1 + nextRandom(&random) % 3000);
      if (to != NULL) chunks[i] = to;
    } else {
      if (chunks[i][0] != i || !pfree(&pool, chunks[i])) complain("a chunk was lost");
      chunks[i] = NULL;
    }
  }
  for (unsigned i = 0; i < 40; i++)
    if (chunks[i] != NULL && !pfree(&pool, chunks[i])) complain("a chunk was lost at the end");
  return NULL;
}

static void *makePools(void *untracked) {
  while (!atomic_load(&stopping)) {
    Pool mine;
    if (!makeShared(memset(&mine, 0, sizeof mine), untracked != NULL, MIB)) complain("no pool");
    if (palloc(&mine, 100) == NULL || !freePool(&mine)) complain("a pool of a thread's own failed");
  }
  return NULL;
}

static int childsLife(unsigned depth);

static int forked(unsigned depth) {
  pid_t child = fork();
  if (child == 0) _exit(childsLife(depth));
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static void *shortWork(void *itsPool) {
  void *chunk = palloc(itsPool, 1000);
  return chunk != NULL && pfree(itsPool, chunk) ? NULL : itsPool;
}

static int childsLife(unsigned depth) {
  alarm(hangLimit());
  mema_Stats stats;
  if (!mema_checkPool(&pool)) return 1;
  if (!mema_poolStats(&pool, &stats) || stats.freeSize != mema_freeSize(&pool)) return 2;
  void *chunk = palloc(&pool, 100);
  if (chunk == NULL || !pfree(&pool, chunk) || pfree(&pool, hidePointer(chunk))) return 3;
  if (depth < 3 && forked(depth + 1) != 0) return 9;
  /* All that is left can be had, in small pieces and to the last of them, and no more. */
  size_t most = mema_freeSize(&pool), piece = 512, pieces = 0;
  while (palloc(&pool, piece) != NULL) pieces++;
  if (pieces != most / piece) return 4;
  if (mema_lastError()->reason != MEMA_OVER_BUDGET) return 5;
  if (!mema_checkPool(&pool)) return 6;
  Pool mine = {0};
  if (!makeShared(&mine, stats.untracked, MIB) || palloc(&mine, 100) == NULL) return 7;
  pthread_t thread;
  void *answer = NULL;
  if (pthread_create(&thread, NULL, shortWork, &mine) != 0 || pthread_join(thread, &answer) != 0 || answer != NULL) return 8;
  return freePool(&mine) && mema_resetPool(&pool) && mema_freeSize(&pool) == stats.poolSize && freePool(&pool) ? 0 : 10;
}

static atomic_bool handlersCall;
static atomic_uint handlersCalls;

static void callInHandler(void) {
  if (!atomic_load(&handlersCall)) return;
  atomic_fetch_add(&handlersCalls, 1);
  void *chunk = palloc(&pool, 200), *large = palloc(&pool, 100000);
  if (chunk == NULL || large == NULL || !mema_ownsChunk(&pool, chunk)) complain("an atfork handler's request was refused");
  if (!pfree(&pool, chunk) || !pfree(&pool, large) || mema_freeSize(&pool) == 0)
    complain("an atfork handler's free was refused");
}

static void forksInTheMidst(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  enum { busy = 3 };
  pthread_t threads[busy + 1];
  begin();
  assert_true(makeShared(&pool, kind->options.untracked, 16 * MIB));
  for (unsigned i = 0; i < busy; i++) pthread_create(&threads[i], NULL, workOn, seedOf(i));
  pthread_create(&threads[busy], NULL, makePools, kind->options.untracked ? &pool : NULL);
  atomic_store(&handlersCall, true);
  unsigned forks = scaled(40);
  for (unsigned n = 0; n < forks; n++) {
    int status = forked(n % 10 == 0 ? 0 : 3);
    if (status != 0) fail_msg("child %u ended with wait status %#x: %s", n, (unsigned)status, mema_lastError()->sentence);
  }
  assert_true(atomic_load(&handlersCalls) >= 4 * forks);
  atomic_store(&handlersCall, false);
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < busy + 1; i++) pthread_join(threads[i], NULL);
  assertNoComplaint();
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  pthread_atfork(callInHandler, callInHandler,
                 callInHandler); /* before the library's own, which come with the first shared pool */
  assert_true(makeShared(&pool, true, MIB) && freePool(&pool));
  pthread_atfork(callInHandler, callInHandler, callInHandler);
  const struct CMUnitTest tests[] = {
      withKind(poolsEndWhileOthersAreInside, kindShared),
      withKind(poolsEndWhileOthersAreInside, kindSharedTracked),
      withKind(ofTwoThatFreeAPoolOneDoes, kindShared),
      withKind(ofTwoThatFreeAPoolOneDoes, kindSharedTracked),
      withKind(whoWaitsIsServed, kindShared),
      withKind(whoWaitsIsServed, kindSharedTracked),
      withKind(waitingIsRefusedWhereItIsInVain, kindShared),
      withKind(waitingIsRefusedWhereItIsInVain, kindSharedTracked),
      withKind(aThreadsEndServesWhoWaits, kindShared),
      withKind(aThreadsEndServesWhoWaits, kindSharedTracked),
      withKind(manyShortThreads, kindShared),
      withKind(manyShortThreads, kindSharedTracked),
      withKind(lateFreesAreTaken, kindShared),
      withKind(lateFreesAreTaken, kindSharedTracked),
      withKind(forksInTheMidst, kindShared),
      withKind(forksInTheMidst, kindSharedTracked),
  };
  return runTests(tests);
}
