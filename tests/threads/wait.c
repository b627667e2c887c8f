/* mema_pallocWait: a waiting thread gets the budget that others free, raise or leave behind, and is refused where waiting is in vain. */
#include "threads.h"

#include <limits.h>
#include <unistd.h>

static Pool pool; /* static: it is zero, and its memory stays */
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
  usleep(3000); /* most are asleep by now; the test holds for those that are not, too */
}

static void aWaitingThreadIsServed(void **state) {
  const Kind *kind = *state;
  enum { most = 3 };
  static int forEver = -1, shortly = 5, veryLong = INT_MAX;
  pthread_t threads[most];
  void *answer;
  for (unsigned way = 0; way < 7; way++) {
    unsigned waiters = way == 6 ? 1 : most; /* a second waiter's call would collect the quotas that the first one's left */
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

static void aWaitInVainIsRefused(void **state) {
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
  assertRefused(&plain, mema_pallocWait(&plain, 600, -1), MEMA_OVER_BUDGET); /* no other thread may free there */
  assert_true(freePool(&plain));
}

static void *endWithQuota(void *unused) {
  (void)unused;
  void *chunk = palloc(&pool, 400 * KIB);
  for (unsigned i = 0; i < 100; i++) pfree(&pool, palloc(&pool, 100));
  letWait(1);
  return pfree(&pool, chunk) ? NULL : hidePointer("not freed");
}

/* A waiting thread gets the budget that an ended thread held. */
static void aThreadsEndServesAWaitingThread(void **state) {
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

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aWaitingThreadIsServed, kindShared),
      withKind(aWaitingThreadIsServed, kindSharedTracked),
      withKind(aWaitInVainIsRefused, kindShared),
      withKind(aWaitInVainIsRefused, kindSharedTracked),
      withKind(aThreadsEndServesAWaitingThread, kindShared),
      withKind(aThreadsEndServesAWaitingThread, kindSharedTracked),
  };
  return runTests(tests);
}
