/* The end of a thread, early and late: chunks that it left can be freed, its destructors are served, and no memory stays behind. */
#include "threads.h"

static Pool pool; /* static: it is zero, and its memory stays */
static atomic_uint made;

enum { left = 256 };
static _Atomic(void *) leftBehind[left];
static pthread_key_t lateKey;

/* Frees and allocates in each round of destructors. */
static void lateDestructor(void *chunk) {
  if (!pfree(&pool, chunk)) complain("a late free was refused");
  void *another = palloc(&pool, 50);
  if (another == NULL) complain("a late request was refused");
  atomic_fetch_add(&made, 1);
  pthread_setspecific(lateKey, another);
}

/* Takes a few chunks, frees most of them and some that other threads left, and leaves one. */
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

static void manyShortThreadsLeaveNoMemoryBehind(void **state) {
  const Kind *kind = *state;
  forgetComplaints();
  atomic_store(&made, 0);
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

static void callsOfDestructorsAreServed(void **state) {
  const Kind *kind = *state;
  forgetComplaints();
  atomic_store(&made, 0);
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
  assert_int_equal(stats.liveChunks, threads); /* the last one of each thread: its destructors run no more */
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
  pthread_key_delete(lateKey);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(manyShortThreadsLeaveNoMemoryBehind, kindShared),
      withKind(manyShortThreadsLeaveNoMemoryBehind, kindSharedTracked),
      withKind(callsOfDestructorsAreServed, kindShared),
      withKind(callsOfDestructorsAreServed, kindSharedTracked),
  };
  return runTests(tests);
}
