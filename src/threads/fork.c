/* fork.c - a fork finds every shared pool at rest: its lock held, and no other thread inside.
 *
 * The child has one thread. What the shards of the others held goes back to their pools, their credit to the budget, so that the child
 * has all that it would have had alone. */
#include <pthread.h>

#include "../memory/cells.h"
#include "share.h"

_Atomic uint32_t mema_forks;

static mema_Lock listLock;
static mema_Share *shares;
static bool skippedAll;                /* the fork comes from a signal handler that interrupted the list itself */
static _Atomic uint32_t forkingThread; /* its number; 0: none */

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

/* A share that the thread is inside of already, since a signal handler that interrupted it forks, is left as it is: the interrupted call
 * goes on in both processes. */
static void beforeFork(void) {
  skippedAll = !mema_takeLock(&listLock);
  if (skippedAll) return;
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    share->skipped = !mema_takeLock(&share->lock);
    if (!share->skipped) mema_keepOut(share);
  }
  atomic_store_explicit(&forkingThread, mema_threadNumber(), memory_order_relaxed);
}

/* One made meanwhile, by another handler, is held by nobody. */
static bool isHeld(const mema_Share *share) {
  return !share->skipped && mema_holdsLock(&share->lock);
}

static void afterForkInParent(void) {
  if (skippedAll) return;
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (!isHeld(share)) continue;
    mema_letIn(share);
    mema_releaseLock(&share->lock);
  }
  mema_releaseLock(&listLock);
}

static void dissolveOthers(mema_Share *share) {
  uint32_t self = mema_threadNumber();
  for (mema_Shard *shard = share->shards, *next; shard != NULL; shard = next) {
    next = shard->next;
    if (shard->owner == self) {
      shard->epoch = mema_forks;
    } else {
      mema_dissolveShard(share, shard);
      mema_giveCell(mema_cellShards, shard->cellIndex, true);
    }
  }
  share->waiting = 0;
}

static void afterForkInChild(void) {
  atomic_fetch_add_explicit(&mema_forks, 1, memory_order_relaxed);
  mema_prepareBarrier();
  if (skippedAll) return;
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (!isHeld(share)) continue;
    dissolveOthers(share);
    share->keepsOut = false;
    mema_releaseLock(&share->lock);
  }
  mema_releaseLock(&listLock);
}

bool mema_watchForks(void) {
  mema_prepareBarrier();
  return pthread_atfork(beforeFork, afterForkInParent, afterForkInChild) == 0;
}
