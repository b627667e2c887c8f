/* The figures that a shared pool leaves for other processes (src/threads/gauge.c). */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../src/threads/share.h"

enum { small = 64, large = 100000, room = 300 };

static Pool pool;
static mema_Gauge *gauge; /* in memory that a forked child shares */
static void *chunks[2][room];
static size_t allocations, frees, live, peak;

/* ---- what is to be told ------------------------------------------------------------------------------------------------- */

static void take(void **place, size_t size) {
  assert_non_null(*place = palloc(&pool, size));
  live += mema_chunkSize(&pool, *place);
  if (live > peak) peak = live;
  allocations++;
}

static void give(void **place) {
  live -= mema_chunkSize(&pool, *place);
  assert_true(pfree(&pool, *place));
  *place = NULL;
  frees++;
}

static void takeAndGive(void **places, size_t size) {
  for (int i = 0; i < room; i++) take(&places[i], size);
  for (int i = 0; i < room; i += 2) give(&places[i]);
}

static bool isTold(void) {
  return gauge->allocations == allocations && gauge->frees == frees && gauge->liveBytes == live;
}

static void assertTold(void) {
  assert_int_equal(gauge->allocations, allocations);
  assert_int_equal(gauge->frees, frees);
  assert_int_equal(gauge->liveBytes, live);
}

/* Of one thread the peak is exact. */
static void assertToldWithPeak(void) {
  assertTold();
  assert_int_equal(gauge->peakBytes, peak);
}

static void begin(void) {
  mema_Options options = {.poolSize = 64 * MIB, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  memset(chunks, 0, sizeof chunks);
  allocations = frees = live = peak = 0;
  assert_true(mema_initPoolWith(&pool, &options));
  gauge = mmap(NULL, sizeof *gauge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(gauge != MAP_FAILED);
  assert_true(mema_sharedWatch(&pool, gauge));
}

static void end(void) {
  assert_true(freePool(&pool));
  munmap(gauge, sizeof *gauge);
}

/* ---- another thread, at rest at each call of `answer` -------------------------------------------------------------------- */

static pthread_barrier_t turns;
static size_t sizeOfOther;

static void *runOther(void *unused) {
  takeAndGive(chunks[1], sizeOfOther);
  pthread_barrier_wait(&turns);
  pthread_barrier_wait(&turns);
  for (int i = 1; i < room; i += 2) give(&chunks[1][i]);
  pthread_barrier_wait(&turns);
  pthread_barrier_wait(&turns);
  return unused;
}

static pthread_t startOther(size_t size) {
  pthread_t thread;
  sizeOfOther = size;
  assert_int_equal(pthread_barrier_init(&turns, NULL, 2), 0);
  assert_int_equal(pthread_create(&thread, NULL, runOther, NULL), 0);
  pthread_barrier_wait(&turns);
  return thread;
}

/* It frees what it has left. */
static void letOtherFree(void) {
  pthread_barrier_wait(&turns);
  pthread_barrier_wait(&turns);
}

static void endOther(pthread_t thread) {
  pthread_barrier_wait(&turns);
  assert_int_equal(pthread_join(thread, NULL), 0);
  pthread_barrier_destroy(&turns);
}

/* ---- the tests ---------------------------------------------------------------------------------------------------------- */

static void theGaugeShowsALargeChunkAtOnce(void **state) {
  (void)state;
  begin();
  for (int i = 0; i < room; i++) {
    take(&chunks[0][i], large);
    assertToldWithPeak();
  }
  for (int i = 0; i < room; i++) {
    give(&chunks[0][i]);
    assertToldWithPeak();
  }
  end();
}

static void theGaugeShowsSmallChunksOnRequest(void **state) {
  bool lacked = false;
  (void)state;
  begin();
  for (int i = 0; i < room; i++) {
    take(&chunks[0][i], small);
    lacked = lacked || !isTold();
    assert_int_equal(mema_sharedTell(&pool), 1);
    assertToldWithPeak();
  }
  if (mema_cacheHere != NULL && mema_cacheHere->key != 0) assert_true(lacked); /* else this tests nothing */
  end();
}

static void theNextLargeChunkUpdatesTheGauge(void **state) {
  (void)state;
  begin();
  takeAndGive(chunks[0], small);
  take(&chunks[1][0], large);
  assertToldWithPeak();
  end();
}

static void theGaugeFollowsTheFootprint(void **state) {
  (void)state;
  begin();
  mema_Stats stats;
  for (int i = 0; i < room; i++) {
    take(&chunks[0][i], large);
    assert_true(gauge->footprint >= live);
  }
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(gauge->footprint, stats.footprint);
  end();
}

/* A look at the pool as a whole takes all credit back. */
static void theGaugeShowsRevokedQuota(void **state) {
  (void)state;
  begin();
  mema_Stats stats;
  for (int i = 0; i < room; i++) {
    take(&chunks[0][i], small);
    if (i % 7 == 0) assert_true(mema_poolStats(&pool, &stats));
    if (i % 3 == 0) assert_int_equal(mema_sharedTell(&pool), 1);
    if (i % 3 == 0) assertToldWithPeak();
  }
  end();
}

/* The gauge lacks the calls of another thread without the lock. It gets them at that thread's next call with the lock, or when all threads are asked. */
static void theGaugeShowsAllThreads(void **state) {
  (void)state;
  begin();
  take(&chunks[0][0], small);
  pthread_t other = startOther(small);
  assert_int_equal(mema_sharedTell(&pool), 2);
  assert_true(mema_sharedTellAll(&pool, gauge, false));
  assertTold();
  letOtherFree();
  assert_true(mema_sharedTellAll(&pool, gauge, false));
  assertTold();
  endOther(other);
  assertTold();
  end();
}

static void aThreadThatEndsUpdatesTheGauge(void **state) {
  (void)state;
  begin();
  pthread_t other = startOther(small);
  letOtherFree();
  endOther(other);
  assertTold();
  end();
}

static void aCloseGaugeShowsEachCall(void **state) {
  (void)state;
  begin();
  take(&chunks[0][0], small);
  pthread_t other = startOther(small);
  assert_true(mema_sharedTellAll(&pool, gauge, true));
  for (int i = 1; i < room; i++) {
    take(&chunks[0][i], small);
    assertTold();
  }
  letOtherFree();
  assertTold();
  endOther(other);
  end();
}

static void aCloseGaugeCanBecomeLooseAgain(void **state) {
  (void)state;
  begin();
  take(&chunks[0][0], small);
  if (mema_cacheHere == NULL || mema_cacheHere->key == 0) skip(); /* no barrier: each call takes the lock */
  assert_true(mema_sharedTellAll(&pool, gauge, true));
  take(&chunks[0][1], small);
  assert_int_equal(mema_cacheHere->key, 0);
  assert_true(mema_sharedWatch(&pool, gauge));
  assert_true(mema_cacheHere->key == mema_keyOf(&pool));
  assertTold();
  end();
}

static void aForkedChildHasNoGauge(void **state) {
  int status;
  (void)state;
  begin();
  takeAndGive(chunks[0], large);
  pid_t child = fork();
  if (child == 0) {
    takeAndGive(chunks[1], large);
    _exit(isTold() ? 1 : mema_sharedWatch(&pool, gauge) && isTold() ? 0 : 2);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_false(isTold()); /* the child's last word */
  take(&chunks[1][0], large);
  assertTold();
  end();
}

/* So that the end of a process never waits for ever. */
static void theGaugeWaitsShortlyForAThreadInside(void **state) {
  (void)state;
  begin();
  pthread_t other = startOther(small);
  mema_ThreadCache *cache = mema_sharedHeapOf(&pool)->share->caches;
  while (cache != NULL && cache == mema_cacheHere) cache = cache->next;
  if (cache == NULL || cache->key == 0) skip();
  atomic_store(&cache->busy, 1);
  assert_false(mema_sharedTellAll(&pool, gauge, true));
  atomic_store(&cache->busy, 0);
  assert_true(mema_sharedTellAll(&pool, gauge, true));
  assertTold();
  letOtherFree();
  endOther(other);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theGaugeShowsALargeChunkAtOnce),
      cmocka_unit_test(theGaugeShowsSmallChunksOnRequest),
      cmocka_unit_test(theNextLargeChunkUpdatesTheGauge),
      cmocka_unit_test(theGaugeFollowsTheFootprint),
      cmocka_unit_test(theGaugeShowsRevokedQuota),
      cmocka_unit_test(theGaugeShowsAllThreads),
      cmocka_unit_test(aThreadThatEndsUpdatesTheGauge),
      cmocka_unit_test(aCloseGaugeShowsEachCall),
      cmocka_unit_test(aCloseGaugeCanBecomeLooseAgain),
      cmocka_unit_test(aForkedChildHasNoGauge),
      cmocka_unit_test(theGaugeWaitsShortlyForAThreadInside),
  };
  return runTests(tests);
}
