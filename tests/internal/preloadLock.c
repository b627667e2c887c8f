/* The lock of the library for LD_PRELOAD, from within: as poolLock.c. */
#include "unit.h"

#include <sys/syscall.h>
#include <unistd.h>

static long futexAsTold(long number, _Atomic uint32_t *word, int what, uint32_t value, const void *most, void *unused,
                        int last);

#undef _GNU_SOURCE /* it defines that itself */
#define syscall futexAsTold
#include "../../preload/lock.c" /* NOLINT(bugprone-suspicious-include): it is what is tested */

enum { anothers = 1 << 20, yetAnothers = 1 << 21 };

static unsigned waits, wakes, sleepers;
static bool sleepsForEver;
static uint32_t next = yetAnothers; /* whose the lock is from the last of the waits on */

/* With the last of the waits the holder releases the lock and wakes the waiter, and yet another takes it. */
static long futexAsTold(long number, _Atomic uint32_t *word, int what, uint32_t value, const void *most, void *unused,
                        int last) {
  (void)unused;
  (void)last;
  assert_int_equal(number, SYS_futex);
  if (what == FUTEX_WAKE_PRIVATE) {
    wakes++;
    if (sleepers == 0) return 0;
    sleepers--;
    return 1;
  }
  assert_int_equal(value, atomic_load(word));
  sleepsForEver |= most == NULL;
  if (++waits == TRIES) atomic_store(word, next);
  return 0;
}

static void aTimedOutWaiterWakesAnother(void **state) {
  (void)state;
  Lock lock = {anothers};
  assert_false(takeLockSoon(&lock));
  assert_int_equal(waits, TRIES);
  assert_int_equal(wakes, 1);
}

static void anUnlockWakesASleeper(void **state) {
  (void)state;
  Lock lock = {0};
  wakes = 0;
  assert_true(takeLockSoon(&lock));
  assert_true(holdsLock(&lock) && !takeLock(&lock));
  atomic_fetch_or(&lock.word, 1);
  sleepers = 2;
  releaseLock(&lock);
  assert_int_equal(sleepers, 1);
  assert_int_equal(atomic_load(&lock.word), 1); /* the mark stays while the lock is free */
  assert_true(takeLock(&lock));
  releaseLock(&lock);
  assert_int_equal(sleepers, 0);
  assert_true(takeLock(&lock));
  releaseLock(&lock);
  assert_int_equal(atomic_load(&lock.word), 0);
  wakes = 0;
  assert_true(takeLock(&lock));
  releaseLock(&lock);
  assert_int_equal(wakes, 0);
  resetLock(&lock);
}

static void noWaiterSleepsForEver(void **state) {
  (void)state;
  Lock lock = {anothers};
  waits = wakes = 0;
  next = 0;
  sleepsForEver = false;
  assert_true(takeLock(&lock));
  assert_false(sleepsForEver);
  releaseLock(&lock);
  assert_int_not_equal(wakes, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aTimedOutWaiterWakesAnother),
      cmocka_unit_test(anUnlockWakesASleeper),
      cmocka_unit_test(noWaiterSleepsForEver),
  };
  return runTests(tests);
}
