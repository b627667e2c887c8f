/* chargedSet.c - see chargedSet.h. */
#include "chargedSet.h"

#include <pthread.h>

#include "../src/threads/calls.h"
#include "lock.h"

ChargedSet chargedSet;

static Lock lock;
static void (*settleInChild)(size_t bytes);
static volatile unsigned nestedForks;
static uint32_t forksSeen; /* mema_sharedForks, at the last call */

/* In a copy of the process that no fork handler announced the lock may be that of a thread that does not exist there. The
 * set is then half changed, and begins anew: what is charged stays charged. */
static void renewSet(uint32_t forks) {
  forksSeen = forks;
  if (holdsLock(&lock)) return;
  if (atomic_load_explicit(&lock.word, memory_order_relaxed) != 0) chargedSet.ranges = (Ranges){0};
  resetLock(&lock);
}

bool lockChargedSet(void) {
  uint32_t forks = mema_sharedForks();
  if (forks != forksSeen) renewSet(forks);
  return takeLock(&lock);
}

void unlockChargedSet(void) {
  releaseLock(&lock);
}

/* If this thread holds the lock already, a signal handler forks that interrupted a fork, at any instruction.
 * Such forks are only counted. */
static void beforeFork(void) {
  if (!takeLock(&lock)) nestedForks++;
}

static bool wasNested(void) {
  if (nestedForks == 0) return false;
  nestedForks--;
  return true;
}

static void afterForkInParent(void) {
  if (!wasNested()) releaseLock(&lock);
}

static void afterForkInChild(void) {
  if (wasNested()) return;
  settleInChild(chargedSet.ranges.bytes + chargedSet.breakBytes);
  resetLock(&lock);
}

void startChargedSet(void (*settle)(size_t bytes)) {
  if (settleInChild != NULL) return;
  settleInChild = settle;
  pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
}
