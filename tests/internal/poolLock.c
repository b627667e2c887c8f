/* The lock of shared pools, from within: who gives up waiting for it leaves nobody asleep. What the system does is told here; the lock is the
 * library's, instead of the one in the archive. */
#include "../../src/base/poolState.h"

#include "unit.h"

#include "../../src/memory/os.h"

static void waitAsTold(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds);
static void countWake(_Atomic uint32_t *word, bool all);

#define mema_osWait waitAsTold
#define mema_osWake countWake
#include "../../src/threads/lock.c" /* NOLINT(bugprone-suspicious-include): it is what is tested */

enum { anothers = 1 << 20, yetAnothers = 1 << 21 };

static unsigned waits, wakes;
static bool sleepsForEver;
static uint32_t
    next; /* whose the lock is, unmarked, from the last of the waits on: the holder has released it, and has woken the waiter */

static void waitAsTold(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds) {
  sleepsForEver |= milliseconds < 0;
  assert_int_equal(seen, atomic_load(word));
  assert_int_equal(seen & 1, 1);
  if (++waits == longTries) atomic_store(word, next);
}

static void countWake(_Atomic uint32_t *word, bool all) {
  (void)word;
  (void)all;
  wakes++;
}

static void aTimedOutWaiterWakesAnother(void **state) {
  (void)state;
  mema_Lock lock = {anothers};
  waits = wakes = 0;
  next = yetAnothers;
  assert_false(mema_tryLockLong(&lock));
  assert_int_equal(waits, longTries);
  assert_int_equal(wakes, 1);
  assert_false(mema_holdsSome());
}

static void aWaiterWokenAtItsLimitTriesOnceMore(void **state) {
  (void)state;
  mema_Lock lock = {anothers};
  waits = wakes = 0;
  next = 0;
  bool taken = mema_tryLockLong(&lock);
  assert_true(taken || wakes == 1);
  if (!taken) return;
  mema_releaseLock(&lock);
  assert_int_equal(wakes, 1); /* others may sleep still */
}

/* The holder woke a sleeper, which runs a signal handler now. No one else is woken before that is over, whoever has the lock meanwhile. */
static void noWaiterSleepsForEver(void **state) {
  (void)state;
  mema_Lock lock = {anothers};
  waits = wakes = 0;
  next = 0;
  sleepsForEver = false;
  assert_true(mema_takeLock(&lock));
  assert_false(sleepsForEver);
  mema_releaseLock(&lock);
  assert_int_equal(wakes, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aTimedOutWaiterWakesAnother),
      cmocka_unit_test(aWaiterWokenAtItsLimitTriesOnceMore),
      cmocka_unit_test(noWaiterSleepsForEver),
  };
  return runTests(tests);
}
