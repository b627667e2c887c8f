/* lock.c - the lock of lock.h: it spins first, then sleeps on a futex. */
#include "lock.h"

#include "../memory/os.h"

/* Work under the lock takes less time than falling asleep and waking up, so a waiter spins first. A sleep lasts until the
 * thread is woken. It ends by itself only in case a signal handler left the interrupted call for good, by longjmp. Each
 * sleep is twice as long as the one before, or thousands of waiters would keep the processors busy. */
enum { spins = 100, yields = 1000, longTries = 200 /* a millisecond each */ };
enum { sleepFirst = 50, sleepMost = 800 /* milliseconds */ };
enum { mark = 1 };

/* the locks that the thread holds, or is about to take */
static _Thread_local _Atomic uint32_t holds;

static void countHold(int change) {
  uint32_t known = atomic_load_explicit(&holds, memory_order_relaxed);
  /* a signal handler between the two restores the count before it returns */
  atomic_store_explicit(&holds, known + (uint32_t)change, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
}

_Atomic uintptr_t mema_threadNumbers;

/* Draws a number for the calling thread. A signal handler may have drawn one meanwhile, and have made a cache
 * with it: then that number is the thread's. */
static MEMA_NOINLINE uintptr_t drawNumber(_Atomic uintptr_t *number) {
  uintptr_t known = 0;
  while (known == 0) {
    uintptr_t next = (atomic_fetch_add_explicit(&mema_threadNumbers, 1, memory_order_relaxed) + 1) << 1;
    if (atomic_compare_exchange_strong_explicit(number, &known, next, memory_order_relaxed, memory_order_relaxed))
      known = next;
  }
  return known;
}

uintptr_t mema_threadNumber(void) {
  static _Thread_local _Atomic uintptr_t number;
  uintptr_t known = atomic_load_explicit(&number, memory_order_relaxed);
  return mema_likely(known != 0) ? known : drawNumber(&number);
}

/* The half of the word with the low bits: the kernel compares 32 bits. */
static _Atomic uint32_t *futexWord(mema_Lock *lock) {
  bool last = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  return (_Atomic uint32_t *)(void *)&lock->word + (last ? sizeof lock->word / sizeof(uint32_t) - 1 : 0);
}

static bool tryLock(mema_Lock *lock, uintptr_t value) {
  uintptr_t expected = 0;
  return atomic_compare_exchange_strong_explicit(&lock->word, &expected, value, memory_order_acquire, memory_order_relaxed);
}

/* As tryLock, for a lock that is marked or not. The mark stays. */
static bool tryMarked(mema_Lock *lock, uintptr_t value) {
  uintptr_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
  return (seen & ~(uintptr_t)mark) == 0 && atomic_compare_exchange_strong_explicit(
                                               &lock->word, &seen, value | seen, memory_order_acquire, memory_order_relaxed);
}

static bool spinForLock(mema_Lock *lock, uintptr_t value) {
  for (int i = 0; i < spins; i++) {
    if (tryMarked(lock, value)) return true;
    mema_pause();
  }
  return false;
}

/* Sleeps while the word is unchanged, at most for the given milliseconds. First it marks the word, so that
 * the holder knows of sleepers. */
static void sleepOnLock(mema_Lock *lock, int milliseconds) {
  uintptr_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
  if ((seen & ~(uintptr_t)mark) == 0) return;
  if ((seen & mark) == 0 &&
      !atomic_compare_exchange_strong_explicit(&lock->word, &seen, seen | mark, memory_order_relaxed, memory_order_relaxed))
    return;
  mema_osWait(futexWord(lock), (uint32_t)(seen | mark), milliseconds);
}

static MEMA_NOINLINE bool waitForLock(mema_Lock *lock, uintptr_t value) {
  if (mema_holdsLock(lock)) return false;
  if (spinForLock(lock, value)) return true;
  /* A thread that has slept cannot know if others still sleep, so it takes the lock with the mark set. */
  for (int most = sleepFirst; !tryMarked(lock, value | mark); most = most < sleepMost ? 2 * most : most)
    sleepOnLock(lock, most);
  return true;
}

/* A timed-out waiter may have consumed a wake-up meant for a waiter that stays; pass it on. */
static MEMA_NOINLINE bool waitLong(mema_Lock *lock, uintptr_t value) {
  if (mema_holdsLock(lock)) return false;
  if (spinForLock(lock, value)) return true;
  for (int i = 0; i < longTries; i++) {
    sleepOnLock(lock, 1);
    if (tryMarked(lock, value | mark)) return true;
  }
  mema_osWake(futexWord(lock), false);
  return false;
}

static bool noteTaken(const mema_Lock *lock, bool taken) {
  if (taken) {
    mema_noteAcquired(lock);
  } else {
    countHold(-1);
  }
  return taken;
}

bool mema_takeLock(mema_Lock *lock) {
  uintptr_t number = mema_threadNumber();
  countHold(1);
  return noteTaken(lock, tryLock(lock, number) || waitForLock(lock, number));
}

bool mema_tryLock(mema_Lock *lock) {
  countHold(1);
  return noteTaken(lock, !mema_holdsLock(lock) && spinForLock(lock, mema_threadNumber()));
}

bool mema_tryLockLong(mema_Lock *lock) {
  uintptr_t number = mema_threadNumber();
  countHold(1);
  return noteTaken(lock, tryLock(lock, number) || waitLong(lock, number));
}

/* Wakes one sleeper of a lock that was just released, and keeps the mark. If none sleeps, the mark goes. A thread may fall
 * asleep meanwhile, so that is looked at once more. */
static MEMA_NOINLINE void wakeOne(mema_Lock *lock) {
  uintptr_t marked;
  do {
    atomic_fetch_or_explicit(&lock->word, mark, memory_order_relaxed);
    if (mema_osWake(futexWord(lock), false)) return;
    marked = mark;
  } while (atomic_compare_exchange_strong_explicit(&lock->word, &marked, 0, memory_order_relaxed, memory_order_relaxed) &&
           mema_osWake(futexWord(lock), false));
}

void mema_releaseLock(mema_Lock *lock) {
  mema_noteReleasing(lock);
  if ((atomic_exchange_explicit(&lock->word, 0, memory_order_release) & mark) != 0) wakeOne(lock);
  countHold(-1);
}

void mema_seizeLock(mema_Lock *lock) {
  countHold(1);
  atomic_store_explicit(&lock->word, mema_threadNumber(), memory_order_relaxed);
}

void mema_sleepMillisecond(void) {
  static _Atomic uint32_t nobodyWrites;
  mema_osWait(&nobodyWrites, 0, 1);
}

void mema_letOthersRun(unsigned turns) {
  if (turns < yields) {
    mema_osYield();
  } else {
    mema_sleepMillisecond();
  }
}

void mema_forgetHolds(void) {
  atomic_store_explicit(&holds, 0, memory_order_relaxed);
}

bool mema_holdsSome(void) {
  return atomic_load_explicit(&holds, memory_order_relaxed) != 0;
}

bool mema_holdsLock(const mema_Lock *lock) {
  return (atomic_load_explicit(&lock->word, memory_order_relaxed) & ~(uintptr_t)mark) == mema_threadNumber();
}
