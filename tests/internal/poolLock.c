/* The lock of shared pools, from within: a waiter that gives up leaves no other waiter asleep. The test plays the system; the lock is compiled
 * here, in place of the one in the archive. */
#include "../../src/base/poolState.h"

#include "unit.h"

#include <pthread.h>

#include "../../src/memory/os.h"

static void waitAsTold(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds);
static bool countWake(_Atomic uint32_t *word, bool all);

#define mema_osWait waitAsTold
#define mema_osWake countWake
#include "../../src/threads/lock.c" /* NOLINT(bugprone-suspicious-include): it is what is tested */

enum { anothers = 1 << 20, yetAnothers = 1 << 21 };

static unsigned waits, wakes, sleepers;
static bool sleepsForEver;
static uint32_t next; /* the lock word after the last wait: the holder has released the lock, and has woken the waiter */

static void waitAsTold(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds) {
  sleepsForEver |= milliseconds < 0;
  assert_int_equal(seen, atomic_load(word));
  assert_int_equal(seen & 1, 1);
  if (++waits == longTries) atomic_store(word, next);
}

static bool countWake(_Atomic uint32_t *word, bool all) {
  (void)word;
  (void)all;
  wakes++;
  if (sleepers == 0) return false;
  sleepers--;
  return true;
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
  assert_int_not_equal(wakes, 0); /* others may sleep still */
}

/* A handler may leave a sleeper's call for good. */
static void noWaiterSleepsForEver(void **state) {
  (void)state;
  mema_Lock lock = {anothers};
  waits = wakes = 0;
  next = 0;
  sleepsForEver = false;
  assert_true(mema_takeLock(&lock));
  assert_false(sleepsForEver);
  mema_releaseLock(&lock);
  assert_int_not_equal(wakes, 0);
}

/* A woken thread may run a signal handler, and the others sleep on. The next holder does not know of them but by the mark. */
static void theMarkStaysWhileThreadsSleep(void **state) {
  (void)state;
  mema_Lock lock = {0};
  assert_true(mema_takeLock(&lock));
  atomic_fetch_or(&lock.word, 1);
  sleepers = 2;
  wakes = 0;
  mema_releaseLock(&lock);
  assert_int_equal(sleepers, 1);
  assert_int_equal(atomic_load(&lock.word), 1);
  assert_true(mema_takeLock(&lock));
  mema_releaseLock(&lock);
  assert_int_equal(sleepers, 0);
  assert_true(mema_tryLock(&lock));
  mema_releaseLock(&lock);
  assert_int_equal(atomic_load(&lock.word), 0);
  wakes = 0;
  assert_true(mema_takeLock(&lock));
  mema_releaseLock(&lock);
  assert_int_equal(wakes, 0);
}

static mema_Lock heldByMain;
static bool mistaken;

static void *meetTheHeldLock(void *unused) {
  (void)unused;
  mistaken = mema_holdsLock(&heldByMain) || mema_tryLock(&heldByMain);
  return NULL;
}

/* As many threads as 31 bits count have ended since a living one began: the next thread does not get its number. */
static void noLivingThreadsNumberIsDrawnAgain(void **state) {
  pthread_t thread;
  (void)state;
  if (sizeof(uintptr_t) < 8) skip();
  assert_true(mema_takeLock(&heldByMain));
  atomic_store(&mema_threadNumbers, ((uintptr_t)1 << 31) + mema_threadNumber() / 2 - 1);
  assert_int_equal(pthread_create(&thread, NULL, meetTheHeldLock, NULL), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_false(mistaken);
  mema_releaseLock(&heldByMain);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aTimedOutWaiterWakesAnother),   cmocka_unit_test(aWaiterWokenAtItsLimitTriesOnceMore),
      cmocka_unit_test(noWaiterSleepsForEver),         cmocka_unit_test(noLivingThreadsNumberIsDrawnAgain),
      cmocka_unit_test(theMarkStaysWhileThreadsSleep),
  };
  return runTests(tests);
}
