/* lock.c - see lock.h. */
#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Work under the lock takes less time than falling asleep and waking up, so a waiter spins first. A sleep ends when the
 * thread is woken, or by itself. Each sleep is twice as long as the one before. */
#define SPINS 100
#define TRIES 20 /* a millisecond each */
#define SLEEP_FIRST 50
#define SLEEP_MOST 800 /* milliseconds */
#define MARK ((uintptr_t)1)

/* Commands of the futex call: the header of the kernel that names them is not on every system. */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

/* The calling thread's number. The kernel's is not used: it changes in a forked child, and takes a system
 * call. Where a pointer has 32 bits, numbers repeat after 2^31 threads. */
static uintptr_t threadNumber(void) {
  static _Atomic uintptr_t threads;
  static _Thread_local uintptr_t number;
  while (number == 0) number = (atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1) << 1;
  return number;
}

/* The half of the word with the low bits: the kernel compares 32 bits. */
static _Atomic uint32_t *futexWord(Lock *lock) {
  bool last = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  return (_Atomic uint32_t *)(void *)&lock->word + (last ? sizeof lock->word / sizeof(uint32_t) - 1 : 0);
}

static bool takeIfFree(Lock *lock, uintptr_t value) {
  uintptr_t expected = 0;
  return atomic_compare_exchange_strong_explicit(&lock->word, &expected, value, memory_order_acquire, memory_order_relaxed);
}

/* As takeIfFree, for a lock that is marked or not. The mark stays. */
static bool tryMarked(Lock *lock, uintptr_t value) {
  uintptr_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
  return (seen & ~MARK) == 0 && atomic_compare_exchange_strong_explicit(&lock->word, &seen, value | seen,
                                                                        memory_order_acquire, memory_order_relaxed);
}

static inline void pauseSpinning(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static bool spinForLock(Lock *lock, uintptr_t value) {
  for (int i = 0; i < SPINS; i++) {
    if (tryMarked(lock, value)) return true;
    pauseSpinning();
  }
  return false;
}

/* Sleeps while the word is unchanged, at most for the given milliseconds. First it marks the word, so that
 * the holder knows of sleepers. */
static void sleepOnLock(Lock *lock, int milliseconds) {
  const long most[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000L}; /* a struct timespec, as this call has it */
  uintptr_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
  if ((seen & ~MARK) == 0) return;
  if ((seen & MARK) == 0 && !atomic_compare_exchange_strong_explicit(&lock->word, &seen, seen | MARK, memory_order_relaxed,
                                                                     memory_order_relaxed)) {
    return;
  }
  syscall(SYS_futex, futexWord(lock), FUTEX_WAIT_PRIVATE, (uint32_t)(seen | MARK), most, NULL, 0);
}

__attribute__((noinline)) static bool waitForLock(Lock *lock, uintptr_t value) {
  if (holdsLock(lock)) return false;
  if (spinForLock(lock, value)) return true;
  int savedErrno = errno;
  /* A thread that has slept cannot know if others still sleep, so it takes the lock with the mark set. */
  for (int most = SLEEP_FIRST; !tryMarked(lock, value | MARK); most = most < SLEEP_MOST ? 2 * most : most) {
    sleepOnLock(lock, most);
  }
  errno = savedErrno;
  return true;
}

bool tryLock(Lock *lock) {
  return spinForLock(lock, threadNumber());
}

bool holdsLock(const Lock *lock) {
  return (atomic_load_explicit(&lock->word, memory_order_relaxed) & ~MARK) == threadNumber();
}

/* False iff no thread slept. */
static bool wakeAny(Lock *lock) {
  return syscall(SYS_futex, futexWord(lock), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) > 0;
}

/* Wakes one sleeper of a lock that was just released, and keeps the mark. If none sleeps, the mark goes. A thread may fall
 * asleep meanwhile, so that is looked at once more. */
static void wakeOne(Lock *lock) {
  uintptr_t marked;
  do {
    atomic_fetch_or_explicit(&lock->word, MARK, memory_order_relaxed);
    if (wakeAny(lock)) return;
    marked = MARK;
  } while (atomic_compare_exchange_strong_explicit(&lock->word, &marked, 0, memory_order_relaxed, memory_order_relaxed) &&
           wakeAny(lock));
}

/* A timed-out waiter may have consumed a wake-up meant for a waiter that stays; pass it on. */
bool takeLockSoon(Lock *lock) {
  uintptr_t number = threadNumber();
  if (holdsLock(lock)) return false;
  bool taken = takeIfFree(lock, number) || spinForLock(lock, number);
  int savedErrno = errno;
  for (int i = 0; !taken && i < TRIES; i++) {
    sleepOnLock(lock, 1);
    taken = tryMarked(lock, number | MARK);
  }
  if (!taken) wakeAny(lock);
  errno = savedErrno;
  return taken;
}

bool takeLock(Lock *lock) {
  uintptr_t number = threadNumber();
  return takeIfFree(lock, number) || waitForLock(lock, number);
}

void releaseLock(Lock *lock) {
  uintptr_t word = atomic_exchange_explicit(&lock->word, 0, memory_order_release);
  if ((word & MARK) == 0) return;
  int savedErrno = errno;
  wakeOne(lock);
  errno = savedErrno;
}

void resetLock(Lock *lock) {
  atomic_store_explicit(&lock->word, 0, memory_order_release);
}
