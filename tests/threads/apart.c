/* Different pools in different threads, and fork in the midst of them. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { threadCount = 8, lives = 3000, chunksPerLife = 20 };

/* One pool's life, with everything checked; NULL or a complaint. */
static const char *liveOnce(uint64_t *random, unsigned life) {
  Pool pool;
  unsigned char *chunks[chunksPerLife];
  size_t sizes[chunksPerLife], bytes = 0;
  mema_Options options = {.poolSize = (size_t)1 << (14 + life % 5), .untracked = life % 3 == 0};
  if (!mema_initPoolWith(&pool, &options)) return "init failed";
  for (unsigned i = 0; i < chunksPerLife; i++) {
    sizes[i] = nextRandom(random) % 600;
    chunks[i] = palloc(&pool, sizes[i]);
    if (chunks[i] == NULL) return "palloc failed";
    fillBytes(chunks[i], sizes[i], i + life);
    bytes += mema_chunkSize(&pool, chunks[i]);
  }
  const char *wrong = poolIsWrong(&pool, bytes, chunksPerLife);
  if (wrong != NULL) return wrong;
  for (unsigned i = 0; i < chunksPerLife; i++) {
    if (!bytesFilled(chunks[i], sizes[i], i + life)) return "a chunk was overwritten";
    if (i % 2 == 0 && !pfree(&pool, chunks[i])) return "pfree failed";
    if (i % 2 == 0 && pfree(&pool, hidePointer(chunks[i]))) return "a double free was taken";
  }
  if (palloc(&pool, hideSize(options.poolSize + 1)) != NULL) return "over budget";
  if (mema_lastError()->reason != MEMA_OVER_BUDGET) return "another thread's error";
  return freePool(&pool) ? NULL : "freePool failed";
}

static void *liveOften(void *seed) {
  uint64_t random = *(const unsigned *)seed;
  for (unsigned life = 0; life < lives; life++) {
    const char *wrong = liveOnce(&random, life);
    if (wrong != NULL) return hidePointer(wrong);
    if (life % 500 == 0) mema_trimPool(NULL);
  }
  return NULL;
}

static void poolsOfDifferentThreadsDoNotInterfere(void **state) {
  (void)state;
  pthread_t threads[threadCount];
  unsigned seeds[threadCount];
  for (unsigned i = 0; i < threadCount; i++) {
    seeds[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, liveOften, &seeds[i]), 0);
  }
  for (unsigned i = 0; i < threadCount; i++) {
    void *complaint = NULL;
    assert_int_equal(pthread_join(threads[i], &complaint), 0);
    if (complaint != NULL) fail_msg("thread %u: %s", i, (char *)complaint);
  }
}

/* A pool may pass from thread to thread, one at a time. */
static void *useHandedOver(void *pool) {
  for (int i = 0; i < 1000; i++) {
    void *chunk = palloc(pool, 100);
    if (chunk == NULL || !pfree(pool, chunk)) return pool;
  }
  return palloc(pool, 50) == NULL ? pool : NULL;
}

static void aPoolCanBeHandedToAnotherThread(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 10000));
  size_t before = pool.freeSize;
  for (size_t i = 1; i <= 20; i++) {
    pthread_t thread;
    void *complaint = NULL;
    assert_int_equal(pthread_create(&thread, NULL, useHandedOver, &pool), 0);
    assert_int_equal(pthread_join(thread, &complaint), 0);
    assert_null(complaint);
    assertPool(&pool, before - pool.freeSize, i);
  }
  assert_true(freePool(&pool));
}

static void *writeOften(void *chunk) {
  volatile char *bytes = hidePointer(chunk);
  for (int i = 0; i < 100000; i++) bytes[i % 16] = (char)i;
  return NULL;
}

/* A pool is one thread's, its chunks anyone's: the calls on other chunks read none of them (which the thread sanitizer sees). */
static void callsReadNoChunkOfAnotherThread(void **state) {
  const Kind *kind = *state;
  enum { count = 6 };
  static char buffer[1000];
  Pool pool;
  char *chunks[count];
  pthread_t thread;
  mema_Options options = kind->options;
  options.buffer = buffer;
  options.bufferSize = sizeof buffer;
  memset(&pool, 0, sizeof pool);
  assert_true(mema_initPoolWith(&pool, &options));
  char *first = palloc(&pool, 16);
  assert_int_equal(pthread_create(&thread, NULL, writeOften, first), 0);
  for (int round = 0; round < 300; round++) {
    for (size_t i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, 16 + i % 3 * 16));
    for (size_t i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i * 5 % count]));
  }
  assert_true(mema_checkPool(&pool));
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_true(pfree(&pool, first) && freePool(&pool));
}

static atomic_bool stopping;

static void *liveUntilStopped(void *seed) {
  uint64_t random = *(const unsigned *)seed;
  for (unsigned life = 0; !atomic_load(&stopping); life++) {
    if (liveOnce(&random, life) != NULL) return seed;
  }
  return NULL;
}

/* The child uses the parent's pool, then its own pools, then the parent's once more. */
static int childsLife(Pool *pool, unsigned char *chunk, uint64_t *random) {
  alarm(hangLimit()); /* a child that hangs dies, and is seen to */
  if (!bytesFilled(chunk, 1000, 42) || !mema_checkPool(pool)) return 1;
  if (!pfree(pool, chunk) || pfree(pool, hidePointer(chunk))) return 2;
  for (unsigned life = 0; life < 200; life++) {
    if (liveOnce(random, life) != NULL) return 3;
  }
  chunk = palloc(pool, 5000);
  if (chunk == NULL || !mema_checkPool(pool)) return 4;
  mema_trimPool(NULL);
  return freePool(pool) ? 0 : 5;
}

static void aForkAmongBusyThreadsLeavesPoolsWhole(void **state) {
  const Kind *kind = *state;
  enum { busy = 4, forks = 40 };
  pthread_t threads[busy];
  unsigned seeds[busy];
  Pool pool;
  atomic_store(&stopping, false);
  assert_true(makePool(&pool, kind, 100000));
  unsigned char *chunk = palloc(&pool, 1000);
  fillBytes(chunk, 1000, 42);
  size_t charge = mema_chunkSize(&pool, chunk);
  for (unsigned i = 0; i < busy; i++) {
    seeds[i] = 100 + i;
    assert_int_equal(pthread_create(&threads[i], NULL, liveUntilStopped, &seeds[i]), 0);
  }
  int bad = 0;
  for (unsigned i = 0; i < forks; i++) {
    uint64_t random = i;
    pid_t child = fork();
    if (child == 0) _exit(childsLife(&pool, chunk, &random));
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) bad = status;
  }
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < busy; i++) {
    void *complaint = NULL;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  if (bad != 0) fail_msg("a child ended with wait status %#x", (unsigned)bad);
  /* The children changed their copies alone. */
  assert_true(bytesFilled(chunk, 1000, 42));
  assertPool(&pool, charge, 1);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(poolsOfDifferentThreadsDoNotInterfere),
      anyKind(aPoolCanBeHandedToAnotherThread),
      fixedKinds(callsReadNoChunkOfAnotherThread),
      withKind(aForkAmongBusyThreadsLeavesPoolsWhole, kindTracked),
      withKind(aForkAmongBusyThreadsLeavesPoolsWhole, kindUntracked),
  };
  return runTests(tests);
}
