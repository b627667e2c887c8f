/* fork.c - the fork handlers: they bring every shared pool to rest before a fork, with its lock held and no other thread
 * inside.
 *
 * Signals are blocked while the handlers hold the shares one after the other, and while they release them. A signal
 * handler that then forked, or used a pool not held yet, would leave a child in which other threads have locks. Once
 * all shares are held, the code allows for signal handlers.
 *
 * The child has one thread. The caches of the other threads are destroyed: their slots go back to their pools, and their
 * quotas to the budgets. The child then has all that it would have had alone. */
#include <pthread.h>

#include "../heap/slab/slabCheck.h"
#include "../memory/cells.h"
#include "../memory/os.h"
#include "own.h"
#include "share.h"
#include "wait.h"

_Atomic uint32_t mema_forks;

enum { lateTurns = 1200 /* see mema_letOthersRun */, mema_stackMost = 64 << 20 /* bytes between two frames of a stack */ };

static mema_Lock listLock;
static mema_Share *shares;
static volatile bool holding; /* a fork holds the list's lock */
/* The fork skips all shares: it comes from the handler of a fault or a trap, which interrupted another fork
 * while that held or released the shares. */
static bool skippedAll;
/* The fork comes from a signal handler that interrupted a change of the list. The list must stay as it is
 * until the fork is done. */
static bool listInterrupted;
static _Atomic uintptr_t forkingThread; /* the number of the thread that forks; 0: none */
/* Forks from signal handlers that interrupted that thread between the first and the last handler of its fork. */
static unsigned nested;

bool mema_isForking(void) {
  return atomic_load_explicit(&forkingThread, memory_order_relaxed) == mema_threadNumber();
}

bool mema_isInList(void) {
  return mema_holdsLock(&listLock) && (!mema_isForking() || listInterrupted);
}

/* ---- the other locks of a fork ------------------------------------------------------------------------------------
 * The C library's fork takes the lock of all streams after the handlers. The thread that has it may wait for a stream, and
 * the thread that has the stream for a pool. So the fork takes it before any pool's lock. While it waits for a pool it
 * holds no lock at all. */

/* A bit for each fork that the calling thread has begun, the last one lowest: set if the streams' lock was taken. */
static _Thread_local uint32_t lockedStreams;
static const mema_ForkLock *forkLock; /* the preload library's */

void mema_sharedForkWith(const mema_ForkLock *lock) {
  forkLock = lock;
}

static void endFork(bool inChild) {
  uint32_t locked = lockedStreams & 1;
  lockedStreams >>= 1;
  if (locked != 0) mema_osUnlockStreams(inChild);
}

/* False, with nothing taken, if the preload library's lock is not free now. */
static bool beginFork(bool late) {
  uint32_t locked = mema_osLockStreams();
  lockedStreams = lockedStreams << 1 | locked;
  if (forkLock == NULL || forkLock->tryToTake(late)) return true;
  endFork(false);
  return false;
}

static void abandonFork(void) {
  if (forkLock != NULL) forkLock->giveBack();
  endFork(false);
}

/* ---- copies without handlers ---------------------------------------------------------------------------------------- */

/* 1 in a process that knows of itself; wiped in its copies. */
static _Atomic uint32_t *_Atomic processWord;
static _Thread_local uint32_t forksBegun; /* of the calling thread, and not ended */

static void markProcess(void) {
  _Atomic uint32_t *word = atomic_load_explicit(&processWord, memory_order_relaxed);
  if (word != NULL) atomic_store_explicit(word, 1, memory_order_relaxed);
}

/* Between the handlers of a fork the child's handlers tell the rest. */
bool mema_isCopy(void) {
  _Atomic uint32_t *word = atomic_load_explicit(&processWord, memory_order_relaxed);
  return word != NULL && atomic_load_explicit(word, memory_order_relaxed) == 0 && forksBegun == 0;
}

/* ---- the list of shares ------------------------------------------------------------------------------------------- */

/* Adds a share at the head of the list. Each change of the list is one store, so a reader that starts at the
 * head sees the old list or the new one. */
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

/* Holds one share for the fork. False, with the share as it was, if that is not possible now. There are three cases:
 *   The thread holds the lock already: the fork comes from a signal handler that interrupted a call. The share is
 *   `skipped`: all other threads are quiesced, and the interrupted call goes on in both processes.
 *   The lock's holder waits for the interrupted call: the fork keeps it waiting (`takenOver`).
 *   Else the fork takes the lock and quiesces all threads.
 * With `late` set, the fork stops waiting for threads that may be waiting for it, such as handlers that fork too. The
 * child loses their unfinished changes until mema_finishForked. */
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

/* Holds all shares, or none. */
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

/* Holds the list and all its shares, or sets `skippedAll`. False, with nothing held, if that is not possible
 * now. */
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

/* Holds all shares before the fork. It keeps no lock while it waits for another: the holder of the second may
 * be in a signal handler, and wait for the first. */
static void beforeFork(void) {
  forksBegun++;
  bool forks = mema_isForking(), within = mema_isWithin(), held = false;
  for (unsigned turns = 0; !held; turns++) {
    bool late = within && turns >= lateTurns;
    mema_OsSignals before;
    if (beginFork(late)) {
      mema_osBlockSignals(&before);
      held = forks || tryToHold(late);
      if (!held) abandonFork();
      mema_osUnblockSignals(&before);
    }
    if (!held) mema_letOthersRun(turns);
  }
  if (forks) nested++;
}

/* True if the fork holds the share. It does not hold a share that another handler made meanwhile. */
static bool isHeld(const mema_Share *share) {
  return !share->skipped && (share->takenOver || mema_holdsLock(&share->lock));
}

/* Ends a fork within a fork: true, with all shares still held for the outer fork. */
static bool wasNested(void) {
  if (!mema_isForking() || nested == 0) return false;
  nested--;
  return true;
}

static void releaseInParent(void) {
  mema_OsSignals before;
  if (wasNested() || skippedAll) return;
  mema_osBlockSignals(&before);
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  for (mema_Share *share = shares; share != NULL; share = share->next)
    if (share->skipped || isHeld(share)) letGo(share);
  releaseList(!listInterrupted);
  mema_osUnblockSignals(&before);
}

static void afterForkInParent(void) {
  forksBegun--;
  releaseInParent();
  endFork(false);
}

static void destroyOthers(mema_Share *share) {
  uintptr_t self = mema_threadNumber();
  for (mema_ThreadCache *cache = share->caches, *next; cache != NULL; cache = next) {
    next = cache->next;
    if (cache->owner == self) continue;
    mema_destroyCache(share, cache);
    mema_giveCell(mema_cellCaches, cache->cellIndex);
  }
  share->orphans = 0;
  share->waiting = mema_waitsHere(share); /* a handler may have interrupted a wait, and forked */
}

/* Makes the calling thread the holder of a lock whose holder was kept waiting, and drops the unfinished
 * changes of threads that do not exist in the child. */
static void inherit(mema_Share *share) {
  if (share->takenOver) mema_takeOver(share);
  if (share->skipped || isHeld(share)) mema_forgetUnfinished(share);
  share->takenOver = share->crowded = false;
}

/* Takes the gauges off all shares: they show the parent's figures. The child's pools are its own, and go on
 * without one. */
static void leaveGauges(void) {
  for (mema_Share *share = shares; share != NULL; share = share->next) share->gauge = NULL;
}

static void releaseInChild(void) {
  leaveGauges();
  atomic_fetch_add_explicit(&mema_forks, 1, memory_order_relaxed);
  mema_prepareBarrier();
  mema_keepOwn(); /* also the caches of skipped shares */
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
    share->quiesced = false;
    mema_releaseLock(&share->lock);
  }
  releaseList(!listInterrupted);
  mema_osUnblockSignals(&before);
}

static void afterForkInChild(void) {
  markProcess();
  forksBegun--;
  releaseInChild();
  endFork(true);
}

/* True if all invariants of the slabs hold. */
static bool isSound(const mema_Share *share) {
  size_t chunks, bytes;
  for (const mema_Heap *heap = &share->slab->heap; heap != NULL; heap = heap->next) {
    chunks = bytes = 0;
    if (mema_slabCheckCached(heap, &chunks, &bytes) != NULL) return false;
  }
  return true;
}

/* Takes the lock of a share whose holder does not exist in this copy. False if the holder was in the middle of a change
 * of the slab. */
static bool takeFromOther(mema_Share *share) {
  bool waits = atomic_load_explicit(&share->pause, memory_order_relaxed) == mema_waitsForOthers;
  if (!waits && !isSound(share)) return false;
  for (unsigned i = 0; i < mema_classCount && !waits; i++) share->depot[i].count = 0;
  share->unfinished = true;
  mema_forgetUnfinished(share);
  mema_takeOver(share);
  return true;
}

/* If this thread holds the lock, a signal handler made the copy, and the interrupted call goes on. */
static void adoptShare(mema_Share *share) {
  bool ours = mema_holdsLock(&share->lock);
  share->skipped = share->takenOver = share->crowded = share->borrowed = false;
  if (!ours && !mema_tryLock(&share->lock) && !takeFromOther(share)) {
    share->lost = true;
    return;
  }
  mema_forgetUnfinished(share);
  destroyOthers(share);
  if (ours) return;
  share->quiesced = false;
  mema_renewKeys(share);
  mema_releaseLock(&share->lock);
}

void mema_adoptCopy(void) {
  markProcess();
  atomic_fetch_add_explicit(&mema_forks, 1, memory_order_relaxed);
  mema_prepareBarrier();
  mema_keepOwn();
  if (!mema_holdsLock(&listLock)) atomic_store_explicit(&listLock.word, 0, memory_order_relaxed);
  atomic_store_explicit(&forkingThread, 0, memory_order_relaxed);
  holding = false;
  leaveGauges();
  for (mema_Share *share = shares; share != NULL; share = share->next) adoptShare(share);
}

/* ---- calls that are left for good ------------------------------------------------------------------------------------ */

/* True if the frame that marked a cache as busy lies between here and the target of a jump. The mark of some processors is
 * no frame. */
static bool isLeft(uintptr_t frame, uintptr_t target) {
  return frame > 1 && target > frame && target - frame < mema_stackMost;
}

/* The calling thread holds the lock, and leaves the call that took it. */
static void leaveLocked(mema_Share *share) {
  share->lost = !isSound(share);
  for (unsigned i = 0; i < mema_classCount; i++) share->depot[i].count = 0;
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  share->inside = NULL;
  share->unfinished = true;
  if (share->quiesced) mema_resume(share);
  mema_releaseLock(&share->lock);
}

bool mema_sharedLeave(const mema_Pool *pool, uintptr_t target) {
  mema_Heap *heap = mema_sharedHeapOf(pool);
  mema_Share *share = heap != NULL ? heap->share : NULL;
  if (share == NULL || mema_isForking()) return true;
  mema_ThreadCache *cache = mema_cacheOf(pool);
  bool holds = mema_holdsLock(&share->lock);
  uintptr_t frame = cache != NULL ? atomic_load_explicit(&cache->busy, memory_order_relaxed) : 0;
  if (frame == 0 && holds) frame = atomic_load_explicit(&share->frame, memory_order_relaxed);
  if (!isLeft(frame, target)) return true;
  mema_endListing();
  if (cache != NULL) mema_forgetChange(share, cache);
  if (holds) leaveLocked(share);
  mema_forgetHolds();
  /* Another thread may have held the lock, and have set this to false. */
  if (!share->lost && mema_lockSoon(pool, heap)) {
    share->unfinished = true;
    mema_unlockPool(heap);
  }
  return !share->lost;
}

uint32_t mema_sharedForks(void) {
  if (mema_unlikely(mema_isCopy())) mema_adoptCopy();
  return atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

/* ---- repairs after a crowded fork -------------------------------------------------------------------------------- */

/* Frees the slots of a span that are neither live nor free. True if that ended the span. */
static bool freeLost(mema_Slab *slab, const mema_SlabView *view) {
  if (view->span->kind != mema_unitSlots) return false;
  for (uint32_t slot = 0; slot < view->span->slots; slot++) {
    if (mema_slotIsLive(slab, view->span, slot) || mema_slotIsFree(view->span, slot)) continue;
    mema_CachedSlot lost = {.ptr = mema_unitAddress(slab, view->unit) + (size_t)slot * view->span->slotSize,
                            .state = mema_stateOf(slab, view->span, slot)};
    mema_slabGiveCached(slab, &lost, 1);
    if (atomic_load_explicit(&slab->shared.pageMap[view->unit], memory_order_relaxed) == 0) return true;
  }
  return false;
}

/* Recovers what a crowded fork lost. Once the caches are empty, counts and budget follow from the live
 * chunks. */
void mema_finishForked(mema_Share *share) {
  mema_Pool *pool = share->pool;
  mema_SlabView view;
  size_t chunks = 0, bytes = 0;
  bool kept = share->quiesced;
  mema_quiesce(share);
  mema_revokeSlots(share);
  mema_resetReturns(share);
  if (!kept) mema_resume(share);
  for (uint32_t unit = 0; mema_slabNext(share->slab, unit, &view);)
    unit = freeLost(share->slab, &view) ? 0 : view.unit + view.units;
  for (const mema_Heap *heap = &share->slab->heap; heap != NULL; heap = heap->next)
    (void)heap->ops->check(heap, &chunks, &bytes);
  pool->frees = pool->allocations - chunks;
  pool->freeSize = pool->poolSize - bytes - pool->charged - pool->held;
  if (pool->freeSize < pool->lowWater) pool->lowWater = pool->freeSize;
  share->unfinished = false;
}

/* ---- the handlers ------------------------------------------------------------------------------------------------ */

bool mema_watchForks(void) {
  mema_prepareBarrier();
  atomic_store_explicit(&processWord, mema_osProcessWord(), memory_order_relaxed);
  markProcess();
  return pthread_atfork(beforeFork, afterForkInParent, afterForkInChild) == 0;
}
