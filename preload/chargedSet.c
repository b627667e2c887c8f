/* chargedSet.c - see chargedSet.h. */
#include "chargedSet.h"

#include <pthread.h>

#include "lock.h"

ChargedSet chargedSet;

static Lock lock;
static void (*settleInChild)(size_t bytes);
static volatile unsigned nestedForks;

bool lockChargedSet(void) {
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
