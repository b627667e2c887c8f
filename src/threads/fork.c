/* fork.c - a fork finds every shared pool at rest: its lock held, and no other thread inside.
 *
 * No handler runs while all shares are held one after the other, or let go: one that forked then, or used a pool that is not held yet, would leave a
 * child in which others have locks. Once all are held, handlers are provided for.
 *
 * The child has one thread. What the shards of the others held goes back to their pools, their credit to the budget, so that the child
 * has all that it would have had alone. */
#include <pthread.h>

#include "../heap/slab/slabCheck.h"
#include "../memory/cells.h"
#include "../memory/os.h"
#include "share.h"
#include "wait.h"

_Atomic uint32_t mema_forks;

enum { lateTurns = 1200 /* see mema_letOthersRun */ };

static mema_Lock listLock;
static mema_Share *shares;
static volatile bool holding; /* the list's lock is a fork's */
/* The fork comes from a handler of a fault or a trap in the midst of another fork's holding, or letting go. */
static bool skippedAll;
/* It comes from a handler that interrupted a change of the list, which must not be changed meanwhile. */
static bool listInterrupted;
static _Atomic uint32_t forkingThread; /* its number; 0: none */
static unsigned
    nested; /* forks of signal handlers that interrupted that thread between the first and the last handler of its fork */

bool mema_isForking(void) {
  return atomic_load_explicit(&forkingThread, memory_order_relaxed) == mema_threadNumber();
}

bool mema_isInList(void) {
  return mema_holdsLock(&listLock) && (!mema_isForking() || listInterrupted);
}

/* Each change is one store, before which all is as it was, and after which it is as it will be, to who goes through the list from its head. */
bool mema_listShare(mema_Share *share) {
  bool taken = mema_takeLock(&listLock);
  if (!taken && mema_isInList()) return false;
  share->prev = NULL;
  share->next = shares;
  if (shares != NULL) shares->prev = share;
  atomic_signal_fence(memory_order_release);
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
  bool takenOver = share->takenOver;
  share->takenOver = share->crowded = false;
  if (share->skipped) {
    mema_resumeAgain(share);
  } else if (takenOver) {
    mema_letGoOn(share);
  } else {
    mema_resume(share);
    mema_releaseLock(&share->lock);
  }
}

/* A share whose lock the thread holds already, since a signal handler that interrupted it forks, is left as it is, with all others out: the
 * interrupted call goes on in both processes. One whose lock's holder waits for the interrupted call is held as that waits. Who is `late` waits no
 * longer for others who may be waiting for it, as handlers do that fork, too: what those are in the middle of is lost to the child, until
 * mema_finishForked. */
static bool hold(mema_Share *share, bool late) {
  share->skipped = mema_holdsLock(&share->lock);
  share->takenOver = share->crowded = false;
  if (share->skipped) return mema_quiesceAgain(share) || (share->crowded = late);
  if (!mema_tryLock(&share->lock)) return share->takenOver = mema_keepWaiting(share, late);
  if (mema_tryQuiesce(share)) return true;
  if (late) return share->crowded = true;
  mema_releaseLock(&share->lock);
  return false;
}

/* All of them, or none. */
static bool holdAll(bool late) {
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (hold(share, late)) continue;
    for (mema_Share *held = shares; held != share; held = held->next) letGo(held);
    return false;
  }
  return true;
}

static void releaseList(bool taken) {
  holding = false;
  if (taken) mema_releaseLock(&listLock);
}

/* Holds the list and all that is in it; false, with nothing held, where that is not to be had now. */
static bool tryToHold(bool late) {
  bool taken = mema_takeLock(&listLock);
  if (!taken && holding) return skippedAll = true;
  holding = true;
  if (holdAll(late)) {
    atomic_store_explicit(&forkingThread, mema_threadNumber(), memory_order_relaxed);
    listInterrupted = !taken;
    skippedAll = false;
    return true;
  }
  releaseList(taken);
  return false;
}

/* No lock is kept while another is waited for: the thread that has that may be in a signal handler, and wait for the first. */
static void beforeFork(void) {
  if (mema_isForking()) {
    nested++;
    return;
  }
  bool within = mema_isWithin(), held = false;
  for (unsigned turns = 0; !held; turns++) {
    mema_OsSignals before;
    mema_osBlockSignals(&before);
    held = tryToHold(within && turns >= lateTurns);
    mema_osUnblockSignals(&before);
    if (!held) mema_letOthersRun(turns);
  }
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
  mema_OsSignals before;
  if (wasNested() || skippedAll) return;
  mema_osBlockSignals(&before);
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next)
    if (share->skipped || isHeld(share)) letGo(share);
  releaseList(!listInterrupted);
  mema_osUnblockSignals(&before);
}

static void destroyOthers(mema_Share *share) {
  uint32_t self = mema_threadNumber();
  for (mema_ThreadCache *cache = share->caches, *next; cache != NULL; cache = next) {
    next = cache->next;
    if (cache->owner == self) continue;
    mema_destroyCache(share, cache);
    mema_giveCell(mema_cellCaches, cache->cellIndex, true);
  }
  share->orphans = 0;
  share->waiting = mema_waitsHere(share); /* a handler of it forked */
}

/* The lock of a holder that was kept waiting is the calling thread's; nobody else is inside. */
static void inherit(mema_Share *share) {
  if (share->takenOver) mema_takeOver(share);
  if (share->skipped || isHeld(share)) mema_forgetUnfinished(share);
  share->takenOver = share->crowded = false;
}

/* The figures that are told there are the parent's. Its pools are its own, and go on as they are. */
static void leaveGauges(void) {
  for (mema_Share *share = shares; share != NULL; share = share->next) share->gauge = NULL;
}

static void afterForkInChild(void) {
  leaveGauges();
  atomic_fetch_add_explicit(&mema_forks, 1, memory_order_relaxed);
  mema_prepareBarrier();
  mema_keepOwn(); /* those of shares that are skipped too */
  bool within = wasNested();
  if (!within && skippedAll) return;
  for (mema_Share *share = shares; share != NULL; share = share->next) inherit(share);
  for (mema_Share *share = shares; share != NULL; share = share->next)
    if (isHeld(share)) destroyOthers(share);
  if (within) return;
  mema_OsSignals before;
  mema_osBlockSignals(&before);
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next) {
    if (!isHeld(share)) continue;
    share->keepsOut = false;
    mema_releaseLock(&share->lock);
  }
  releaseList(!listInterrupted);
  mema_osUnblockSignals(&before);
}

/* ---- what a crowded fork left unfinished -------------------------------------------------------------------------------- */

/* Slots that are neither live nor free; true: their span is none any more. */
static bool freeLost(mema_Slab *slab, const mema_SlabView *view) {
  if (view->span->kind != mema_unitSlots) return false;
  for (uint32_t slot = 0; slot < view->span->slots; slot++) {
    if (mema_slotIsLive(slab, view->span, slot) || mema_slotIsFree(view->span, slot)) continue;
    mema_CachedSlot lost = {.ptr = mema_unitAddress(slab, view->unit) + (size_t)slot * view->span->slotSize,
                            .state = mema_stateOf(slab, view->span, slot)};
    mema_slabGiveCached(slab, &lost, 1);
    if (atomic_load_explicit(&slab->pageMap[view->unit], memory_order_relaxed) == 0) return true;
  }
  return false;
}

/* With nothing left in shards, what is live tells the rest. */
void mema_finishForked(mema_Share *share) {
  mema_Pool *pool = share->pool;
  mema_SlabView view;
  size_t chunks = 0, bytes = 0;
  mema_revokeSlots(share);
  for (uint32_t unit = 0; mema_slabNext(share->slab, unit, &view);)
    unit = freeLost(share->slab, &view) ? 0 : view.unit + view.units;
  for (const mema_Heap *heap = &share->slab->heap; heap != NULL; heap = heap->next)
    (void)heap->ops->check(heap, &chunks, &bytes);
  pool->frees = pool->allocations - chunks;
  pool->freeSize = pool->poolSize - bytes - pool->charged - pool->held;
  if (pool->freeSize < pool->lowWater) pool->lowWater = pool->freeSize;
  share->unfinished = false;
}

/* ---- the handlers -------------------------------------------------------------------------------------------------------- */

bool mema_watchForks(void) {
  mema_prepareBarrier();
  return pthread_atfork(beforeFork, afterForkInParent, afterForkInChild) == 0;
}
