/* The lock of the library for LD_PRELOAD, from within: as lockWithin.c. */
#include "unit.h"

#include <sys/syscall.h>
#include <unistd.h>

static long futexAsTold(long number, _Atomic uint32_t *word, int what, uint32_t value, const void *most, void *unused,
                        int last);

#undef _GNU_SOURCE /* it defines that itself */
#define syscall futexAsTold
#include "../../preload/lock.c"

enum { anothers = 1 << 20, yetAnothers = 1 << 21 };

static unsigned waits, wakes;

/* With the last of the waits the holder releases the lock and wakes the waiter, and yet another takes it. */
static long futexAsTold(long number, _Atomic uint32_t *word, int what, uint32_t value, const void *most, void *unused,
                        int last) {
  (void)most;
  (void)unused;
  (void)last;
  assert_int_equal(number, SYS_futex);
  if (what == FUTEX_WAKE_PRIVATE) {
    wakes++;
    return 0;
  }
  assert_int_equal(value, atomic_load(word));
  if (++waits == TRIES) atomic_store(word, yetAnothers);
  return 0;
}

static void whoGivesUpWakesAnother(void **state) {
  (void)state;
  Lock lock = {anothers};
  assert_false(takeLockSoon(&lock));
  assert_int_equal(waits, TRIES);
  assert_int_equal(wakes, 1);
}

static void whoTakesItWakesWhoSleeps(void **state) {
  (void)state;
  Lock lock = {0};
  wakes = 0;
  assert_true(takeLockSoon(&lock));
  assert_true(holdsLock(&lock) && !takeLock(&lock));
  atomic_fetch_or(&lock.word, 1);
  releaseLock(&lock);
  assert_int_equal(wakes, 1);
  resetLock(&lock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whoGivesUpWakesAnother),
      cmocka_unit_test(whoTakesItWakesWhoSleeps),
  };
  return runTests(tests);
}
