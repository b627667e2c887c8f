/* fork.c - a fork finds every shared pool at rest: its lock held, and no other thread inside.
 *
 * The child has one thread. What the shards of the others held goes back to their pools, their credit to the budget, so that the child
 * has all that it would have had alone. */
#include <pthread.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "share.h"

_Atomic uint32_t mema_forks;

static mema_Lock listLock;
static mema_Share *shares;
static bool skippedAll;                /* the fork comes from a signal handler that interrupted the list itself */
static _Atomic uint32_t forkingThread; /* its number; 0: none */
static unsigned
    nested; /* forks of signal handlers that interrupted that thread between the first and the last handler of its fork */

bool mema_isForking(void) {
  return atomic_load_explicit(&forkingThread, memory_order_relaxed) == mema_threadNumber();
}

bool mema_isInList(void) {
  return mema_holdsLock(&listLock) && !mema_isForking();
}

bool mema_listShare(mema_Share *share) {
  bool taken = mema_takeLock(&listLock);
  if (!taken && !mema_isForking()) return false;
  share->prev = NULL;
  share->next = shares;
  if (shares != NULL) shares->prev = share;
  shares = share;
  if (taken) mema_releaseLock(&listLock);
  return true;
}

void mema_unlistShare(mema_Share *share) {
  bool taken = mema_takeLock(&listLock);
  *(share->prev != NULL ? &share->prev->next : &shares) = share->next;
  if (share->next != NULL) share->next->prev = share->prev;
  if (taken) mema_releaseLock(&listLock);
}

static void letGo(mema_Share *share) {
  if (share->takenOver) {
    share->takenOver = false;
    mema_letGoOn(share);
    return;
  }
  mema_letIn(share);
  mema_releaseLock(&share->lock);
}

/* A share whose lock the thread holds already, since a signal handler that interrupted it forks, is left as it is: the interrupted call
 * goes on in both processes. One whose lock's holder waits for the interrupted call is held as that waits. */
static bool hold(mema_Share *share) {
  share->skipped = mema_holdsLock(&share->lock);
  share->takenOver = false;
  if (share->skipped) return true;
  if (!mema_tryLock(&share->lock)) return share->takenOver = mema_keepWaiting(share);
  if (mema_tryKeepOut(share)) return true;
  mema_releaseLock(&share->lock);
  return false;
}

/* All of them, or none. */
static bool holdAll(void) {
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (hold(share)) continue;
    for (mema_Share *held = shares; held != share; held = held->next)
      if (!held->skipped) letGo(held);
    return false;
  }
  return true;
}

/* No lock is kept while another is waited for: the thread that has that may be in a signal handler, and wait for the first. */
static void beforeFork(void) {
  if (mema_isForking()) {
    nested++;
    return;
  }
  for (unsigned turns = 0;; turns++) {
    if (!mema_takeLock(&listLock)) {
      skippedAll = true;
      return;
    }
    if (holdAll()) break;
    mema_releaseLock(&listLock);
    mema_letOthersRun(turns);
  }
  atomic_store_explicit(&forkingThread, mema_threadNumber(), memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  skippedAll = false; /* last: until now a handler may have forked, and have skipped all */
}

/* One made meanwhile, by another handler, is held by nobody. */
static bool isHeld(const mema_Share *share) {
  return !share->skipped && (share->takenOver || mema_holdsLock(&share->lock));
}

/* A fork within a fork leaves all as it is held, for the outer one. */
static bool wasNested(void) {
  if (!mema_isForking() || nested == 0) return false;
  nested--;
  return true;
}

static void afterForkInParent(void) {
  if (wasNested() || skippedAll) return;
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next)
    if (isHeld(share)) letGo(share);
  mema_releaseLock(&listLock);
}

static void dissolveOthers(mema_Share *share) {
  uint32_t self = mema_threadNumber();
  if (share->takenOver) mema_takeOver(share);
  share->takenOver = false;
  for (mema_Shard *shard = share->shards, *next; shard != NULL; shard = next) {
    next = shard->next;
    if (shard->owner == self) continue;
    mema_dissolveShard(share, shard);
    mema_giveCell(mema_cellShards, shard->cellIndex, true);
  }
  share->orphans = 0;
  share->waiting = mema_isWaiting(share); /* a handler of it forked */
}

static void afterForkInChild(void) {
  atomic_fetch_add_explicit(&mema_forks, 1, memory_order_relaxed);
  mema_prepareBarrier();
  mema_keepOwn(); /* those of shares that are skipped too */
  bool within = wasNested();
  if (!within && skippedAll) return;
  for (mema_Share *share = shares; share != NULL; share = share->next)
    if (isHeld(share)) dissolveOthers(share);
  if (within) return;
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (!isHeld(share)) continue;
    share->keepsOut = false;
    mema_releaseLock(&share->lock);
  }
  mema_releaseLock(&listLock);
}

bool mema_watchForks(void) {
  mema_prepareBarrier();
  return pthread_atfork(beforeFork, afterForkInParent, afterForkInChild) == 0;
}
