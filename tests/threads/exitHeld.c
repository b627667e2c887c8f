/* The end of a thread: its slots and its budget pass to the next thread, or back to the pool, to the last byte. */
#include "held.h"

#include <sched.h>

/* This thread, and those that it makes, run on one processor from now on. */
static void stayHere(void) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET((size_t)sched_getcpu(), &here);
  assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
}

static void *takeAndGive(void *held) {
  take(held, few);
  giveAll(held);
  return NULL;
}

static void theNextThreadTakesOverTheCache(void **state) {
  (void)state;
  static Held first, second;
  cpu_set_t before;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  begin(MIB);
  stayHere();
  for (unsigned times = 0; times < 20; times++) {
    runThread(takeAndGive, &first);
    runThread(takeAndGive, &second);
    assert_int_equal(common(&first, &second), few);
    assert_ptr_equal(second.chunks[0], first.chunks[few - 1]); /* the warmest first */
  }
  assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
  end();
}

static void *holdMuch(void *unused) {
  (void)unused;
  static const size_t sizes[] = {16, 100, 500, 1000, 3000, 9000, 30000};
  void *chunks[200];
  for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    unsigned count = sizes[s] > 3000 ? 4 : 200;
    for (unsigned i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, sizes[s]));
    for (unsigned i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i]));
  }
  return NULL;
}

static pthread_barrier_t together;

static void *holdMuchTogether(void *unused) {
  holdMuch(unused);
  pthread_barrier_wait(&together);
  return NULL;
}

static void *holdLittleTogether(void *unused) {
  (void)unused;
  bool done = pfree(&pool, palloc(&pool, size));
  pthread_barrier_wait(&together);
  return done ? NULL : hidePointer("not freed");
}

/* More threads than caches that a pool keeps. */
static void runTogether(void *(*work)(void *)) {
  enum { threads = 40 };
  pthread_t all[threads];
  pthread_barrier_init(&together, NULL, threads);
  for (unsigned i = 0; i < threads; i++) assert_int_equal(pthread_create(&all[i], NULL, work, NULL), 0);
  for (unsigned i = 0; i < threads; i++) pthread_join(all[i], NULL);
  pthread_barrier_destroy(&together);
}

static size_t footprint(void) {
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  return stats.footprint;
}

static void onlySomeCachesAreKept(void **state) {
  (void)state;
  begin(64 * MIB);
  runTogether(holdLittleTogether);
  assert_true(footprint() < 3 * MIB); /* of 40 it would be 5 */
  mema_trimPool(&pool);
  assert_true(footprint() < 256 * KIB);
  end();
}

/* The budget that they had is there to the last byte; so is the memory. */
static void theBudgetOfEndedThreadsComesBack(void **state) {
  (void)state;
  begin(64 * MIB);
  runTogether(holdMuchTogether);
  void *whole = palloc(&pool, pool.poolSize);
  assert_non_null(whole);
  assert_true(pfree(&pool, whole));
  mema_trimPool(&pool);
  assert_true(footprint() < MIB); /* one thread's magazines of 3,000 bytes hold 192 KiB */
  end();
}

static void *holdForAMoment(void *unused) {
  (void)unused;
  void *chunk = palloc(&pool, large);
  return chunk != NULL && pfree(&pool, chunk) ? NULL : hidePointer("not held");
}

/* The peaks of two threads that ran one after the other are not added. */
static void peaksOfThreadsThatEndedDoNotAddUp(void **state) {
  (void)state;
  mema_Stats stats;
  begin(16 * MIB);
  assert_true(pfree(&pool, palloc(&pool, size))); /* so this thread takes over no shard */
  runThread(holdForAMoment, NULL);
  assert_null(holdForAMoment(NULL));
  assert_true(mema_poolStats(&pool, &stats));
  assert_true(stats.peakBytes < 2 * large);
  end();
}

static size_t residentPages(void) {
  char text[100] = "";
  size_t total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fgets(text, sizeof text, file) == NULL || sscanf(text, "%zu %zu", &total, &resident) != 2) skip();
  fclose(file);
  return resident;
}

static void cachesOfEndedPoolsLeaveNoMemoryBehind(void **state) {
  (void)state;
  if (UNDER_ASAN) skip(); /* it keeps memory of its own for each thread that was */
  static Held held;
  size_t before = 0;
  for (unsigned life = 0; life < 600; life++) {
    if (life == 100) before = residentPages();
    begin(MIB);
    runThread(takeAndGive, &held);
    assert_true(freePool(&pool));
  }
  assert_true(residentPages() < before + 512);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theNextThreadTakesOverTheCache),        cmocka_unit_test(onlySomeCachesAreKept),
      cmocka_unit_test(theBudgetOfEndedThreadsComesBack),      cmocka_unit_test(peaksOfThreadsThatEndedDoNotAddUp),
      cmocka_unit_test(cachesOfEndedPoolsLeaveNoMemoryBehind),
  };
  return runTests(tests);
}
