/* share.c - the lives of shares and thread caches, the lock, and the end of a thread. The protocol is in
 * share.h. */
#include <pthread.h>
#include <string.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "own.h"

static atomic_bool threadsStay;         /* thread-local data keeps what is written: see own.c */
static _Thread_local bool endIsWatched; /* endThread will run at the thread's end */
static _Thread_local bool ending;       /* the thread ends, and gets no more caches */

static pthread_key_t endKey;
static mema_Lock setUpLock;
static bool isSetUp; /* both of the following are true */
static bool hasEndKey, watchesForks;

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static mema_CellShape cacheShape(void) {
  return (mema_CellShape){.front = mema_cacheBytes()};
}

static mema_CellShape shareShape(void) {
  return (mema_CellShape){.front = mema_roundUp(sizeof(mema_Share), mema_osPageSize())};
}

/* Lays out the depot within its memory, which has room for all of it. */
static void layDepot(mema_Depot *depot, mema_CachedSlot *cachedSlots) {
  uint32_t left = mema_depotSlots;
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t room = mema_batchRoom(i);
    if (room * mema_batches > left) room = left / mema_batches;
    depot[i] = (mema_Depot){.cachedSlots = cachedSlots, .room = room};
    cachedSlots += (size_t)room * mema_batches;
    left -= room * mema_batches;
  }
}

/* ---- thread caches ----------------------------------------------------------------------------------------------- */

static void giveCacheCell(mema_ThreadCache *cache) {
  mema_giveCell(mema_cellCaches, cache->cellIndex);
}

/* Makes the calling thread the owner, inside the cache. A signal handler may fork at any time, so the epoch
 * is checked again. */
static void own(mema_ThreadCache *cache) {
  uint32_t forks;
  MEMA_SET_FRAME(cache->busy);
  cache->patience = cache->patienceMost = mema_patience;
  cache->owner = mema_threadNumber();
  do {
    forks = atomic_load_explicit(&mema_forks, memory_order_relaxed);
    cache->epoch = forks;
    atomic_signal_fence(memory_order_seq_cst);
  } while (forks != atomic_load_explicit(&mema_forks, memory_order_relaxed));
}

static mema_ThreadCache *takeCacheCell(void) {
  mema_CellShape shape = cacheShape();
  mema_Cell cell;
  if (!mema_takeCell(mema_cellCaches, &shape, &cell)) return NULL;
  mema_ThreadCache *cache = (mema_ThreadCache *)(void *)cell.front;
  cache->cellIndex = cell.index;
  return cache;
}

static void linkCache(mema_Share *share, mema_ThreadCache *cache) {
  cache->prev = NULL;
  cache->next = share->caches;
  if (cache->next != NULL) cache->next->prev = cache;
  atomic_signal_fence(memory_order_release); /* a signal handler that forks goes through the whole list */
  share->caches = cache;
  share->cacheCount++;
}

static mema_ThreadCache *makeCache(mema_Share *share) {
  mema_ThreadCache *leftOver = mema_takeLeftOver(), *cache = leftOver != NULL ? leftOver : takeCacheCell();
  if (cache == NULL) return NULL;
  const mema_Slab *slab = share->slab;
  own(cache);
  cache->sentBack = 0;
  memset(cache->arrived, 0, sizeof cache->arrived);
  cache->lost = 0;
  cache->overLow = cache->quotaMost = cache->allocations = cache->frees = cache->held = cache->reported = 0;
  cache->interval = mema_onCalls != NULL ? 1 : mema_callsMost; /* the function called then sets another one */
  cache->calls = 0;
  cache->callsBefore = 0;
  mema_renewCalls(cache);
  atomic_store_explicit(&cache->lowQuota, 0, memory_order_relaxed);
  cache->area = slab->heap.area;
  cache->quanta = slab->quanta;
  cache->pageMap = slab->shared.pageMap;
  cache->states = slab->shared.states;
  cache->revoked = share->revoked;
  cache->share = share;
  mema_layMagazines(cache);
  cache->magazines[0].own = 1; /* equal to the bits of no entry: those of far units end with 0 */
  for (unsigned i = 0; i <= mema_tableMax / 16; i++)
    cache->offsets[i] =
        (uint16_t)(offsetof(mema_ThreadCache, magazines) + (mema_classTable[i] + 1u) * sizeof(mema_Magazine));
  cache->pool = share->pool;
  mema_giveOwnerId(share, cache);
  atomic_signal_fence(memory_order_release);
  mema_storeWord(&cache->generation, share->generation);
  atomic_store_explicit(&cache->key, mema_keyAtRest(cache), memory_order_relaxed);
  linkCache(share, cache);
  if (leftOver != NULL) {
    mema_renewOwn(cache);
  } else {
    mema_addOwn(cache);
  }
  return cache;
}

static bool isOrphan(const mema_ThreadCache *cache) {
  return cache->owner == 0;
}

static mema_ThreadCache *takeOrphan(mema_Share *share, uint32_t index) {
  mema_ThreadCache *orphan = share->orphan[index];
  share->orphan[index] = share->orphan[--share->orphans];
  return orphan;
}

/* Adopts an orphan of this processor: its slots and spans are in the processor's caches. A thread that takes
 * over an ended thread's work usually runs where that one ran. An orphan of another processor is adopted only
 * if no more may be kept. */
static mema_ThreadCache *adopt(mema_Share *share) {
  uint32_t here = mema_osProcessor();
  uint32_t found = share->orphans;
  while (found > 0 && share->orphan[found - 1]->processor != here) found--;
  if (found == 0 && share->orphans < mema_orphansMost) return NULL;
  mema_ThreadCache *orphan = takeOrphan(share, found > 0 ? found - 1 : 0);
  own(orphan);
  mema_addOwn(orphan);
  return orphan;
}

mema_ThreadCache *mema_takeCache(mema_Share *share) {
  if (share->inside != NULL) return share->inside;
  if (ending || !endIsWatched || !mema_beginListing()) return NULL;
  mema_ThreadCache *cache = adopt(share);
  if (cache == NULL) cache = makeCache(share);
  if (cache != NULL) cache->wasOut = share->slab->shared.period;
  if (cache != NULL) mema_setHere(cache);
  mema_endListing();
  return share->inside = cache;
}

static void unlinkCache(mema_Share *share, const mema_ThreadCache *cache) {
  *(cache->prev != NULL ? &cache->prev->next : &share->caches) = cache->next;
  if (cache->next != NULL) cache->next->prev = cache->prev;
  share->cacheCount--;
}

void mema_destroyCache(mema_Share *share, mema_ThreadCache *cache) {
  mema_collect(share, cache);
  mema_clearInboxes(share, cache->ownerId);
  mema_flushCache(share, cache);
  unlinkCache(share, cache);
  share->owners[cache->ownerId] = NULL;
  if (cache->ownerId != 0) atomic_store_explicit(&share->revoked[cache->ownerId], UINT64_MAX, memory_order_release);
  atomic_store_explicit(&cache->key, 0, memory_order_relaxed);
  mema_storeWord(&cache->generation, 0);
}

/* ---- the end of a thread ----------------------------------------------------------------------------------------- */

/* Leaves the cache to another thread as it is, or gives its contents back to the pool and frees the cell. */
static void endCache(mema_ThreadCache *cache) {
  mema_Share *share = cache->share;
  mema_takeLock(&share->lock);
  MEMA_SET_FRAME(cache->busy);
  bool alive = mema_loadWord(&cache->generation) != 0, kept = alive && share->orphans < mema_orphansMost;
  if (kept) {
    share->orphan[share->orphans++] = cache;
    mema_shrinkMagazines(share, cache);
    for (unsigned class = 0; class < mema_classCount; class ++) mema_sendBack(share, cache, class);
    mema_tellEnd(share, cache);
    cache->owner = 0;
    cache->processor = mema_osProcessor();
    atomic_fetch_or_explicit(&share->revoked[cache->ownerId], mema_nobodys, memory_order_relaxed);
    mema_leave(cache);
  } else if (alive) {
    mema_destroyCache(share, cache);
    mema_tellEnd(share, NULL);
  }
  mema_releaseLock(&share->lock);
  if (!kept) giveCacheCell(cache);
}

/* Destroys all orphans. The lock is held. */
static void dropOrphans(mema_Share *share) {
  while (share->orphans > 0) {
    mema_ThreadCache *cache = takeOrphan(share, share->orphans - 1);
    mema_destroyCache(share, cache);
    giveCacheCell(cache);
  }
}

/* Runs at the end of a thread. Later calls of the thread (from other destructors, or the C library) find
 * `ending` set, and use no cache. */
static void endThread(void *unused) {
  (void)unused;
  ending = true;
  for (mema_ThreadCache *cache; (cache = mema_popOwn()) != NULL;) endCache(cache);
}

__attribute__((constructor(101))) static void threadsBegin(void) {
  atomic_store_explicit(&threadsStay, true, memory_order_relaxed);
}

/* Runs at the exit of the process, or where this code is part of a module that is unloaded: endThread is about to be
 * unmapped, so no thread may call it at its end. A thread that ends later keeps its caches; their pools take the slots
 * back when they are freed. The last destructor of its module, since others may still use pools. */
__attribute__((destructor(101))) static void threadsEnd(void) {
  atomic_store_explicit(&threadsStay, false, memory_order_relaxed);
  if (__atomic_load_n(&hasEndKey, __ATOMIC_ACQUIRE)) pthread_key_delete(endKey);
}

/* Makes sure that endThread runs at the calling thread's end. May allocate, so it is called without the lock.
 * Without a key the thread gets no caches: each of its calls takes the lock. */
static void watchThread(void) {
  if (endIsWatched || ending || !atomic_load_explicit(&threadsStay, memory_order_relaxed)) return;
  if (!__atomic_load_n(&hasEndKey, __ATOMIC_ACQUIRE)) return;
  endIsWatched = true; /* set first: the call below may allocate, and lead here again */
  endIsWatched = pthread_setspecific(endKey, &endKey) == 0;
}

/* ---- shares ------------------------------------------------------------------------------------------------------ */

/* Sets up what all shared pools of the process need, as far as the system has it. If the program has taken all
 * keys of thread data, the next shared pool asks for one again. */
static void tryToSetUp(void) {
  mema_layRooms();
  if (!watchesForks) watchesForks = mema_watchForks();
  if (!hasEndKey && pthread_key_create(&endKey, endThread) == 0) __atomic_store_n(&hasEndKey, true, __ATOMIC_RELEASE);
  if (watchesForks && hasEndKey) __atomic_store_n(&isSetUp, true, __ATOMIC_RELEASE);
}

static mema_Reason setUp(void) {
  if (__atomic_load_n(&isSetUp, __ATOMIC_ACQUIRE)) return MEMA_OK; /* without the lock: no fork holds it */
  if (!mema_takeLock(&setUpLock)) return MEMA_REENTERED;           /* a signal handler interrupted the set-up */
  if (!isSetUp) tryToSetUp();
  bool done = watchesForks;
  mema_releaseLock(&setUpLock);
  return done ? MEMA_OK : MEMA_NO_MEMORY;
}

/* Detaches a share from its pool. A late thread that waited for the lock sees that. */
static void retireShare(mema_Share *share, mema_Slab *slab) {
  share->generation = 0;
  share->pool = NULL;
  share->gauge = NULL;
  __atomic_store_n(&slab->heap.share, NULL, __ATOMIC_RELAXED);
}

mema_Reason mema_openShare(mema_Pool *pool, mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_CellShape shape = shareShape();
  mema_Cell cell;
  mema_Reason reason = setUp();
  mema_fillAtHand();
  if (reason != MEMA_OK) return reason;
  if (!mema_takeCell(mema_cellShares, &shape, &cell)) return MEMA_NO_MEMORY;
  mema_Share *share = (mema_Share *)(void *)cell.front;
  mema_takeLock(&share->lock); /* a late thread of its previous pool may be looking at it */
  share->pool = pool;
  share->slab = slab;
  share->caches = NULL;
  mema_resetReturns(share); /* of the owner ids of its previous pool */
  share->cacheCount = share->orphans = share->waiting = share->usedIds = share->madeCaches = share->unnoted = 0;
  share->rise = 0;
  share->cellIndex = cell.index;
  share->quiesced = share->lowBudget = share->skipped = share->takenOver = share->crowded = share->unfinished =
      share->borrowed = share->closely = false;
  __atomic_store_n(&share->lost, false, __ATOMIC_RELAXED); /* they look at this before they take the lock */
  share->gauge = NULL;
  share->grownBytes = share->largerBytes = 0;
  share->reported = share->reportedHeld = share->outsideHeld = share->unseenOutside = 0;
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  share->inside = NULL;
  atomic_store_explicit(&share->revoked[0], UINT64_MAX, memory_order_relaxed); /* the others: mema_giveOwnerId */
  if (mema_hasCaches(&slab->heap)) layDepot(share->depot, slab->shared.depot);
  share->generation = pool->generation;
  __atomic_store_n(&slab->heap.share, share, __ATOMIC_RELEASE);
  mema_releaseLock(&share->lock);
  if (mema_listShare(share)) return MEMA_OK;
  mema_takeLock(&share->lock);
  retireShare(share, slab);
  mema_releaseLock(&share->lock);
  mema_giveCell(mema_cellShares, share->cellIndex);
  return MEMA_REENTERED;
}

/* The pool is held, and its slab's generation is 0 already. The keys stay 0 for ever; the owners drop their
 * caches. */
void mema_closeShare(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Share *share = slab->heap.share;
  mema_ThreadCache *caches = share->caches;
  share->caches = NULL; /* first: a signal handler that forks must not go through them any more */
  atomic_signal_fence(memory_order_release);
  for (mema_ThreadCache *cache = caches, *next; cache != NULL; cache = next) {
    next = cache->next; /* read before the owner sees that it may drop the cache */
    bool orphan = isOrphan(cache);
    mema_dropMagazines(cache);
    atomic_store_explicit(&cache->key, 0, memory_order_relaxed);
    __atomic_store_n(&cache->generation, 0, __ATOMIC_RELEASE);
    if (orphan) giveCacheCell(cache);
  }
  share->orphans = 0;
  if (share->inside != NULL) mema_leave(share->inside);
  share->inside = NULL;
  retireShare(share, slab);
  if (share->waiting != 0) mema_wakeWaiting(share);
  share->waiting = 0;
  share->quiesced = share->lowBudget = false;
  mema_releaseLock(&share->lock);
  mema_unlistShare(share);
  mema_giveCell(mema_cellShares, share->cellIndex);
}

/* Batches of returns that were never used take no memory. */
static size_t usedShareBytes(const mema_Share *share) {
  uint32_t made = atomic_load_explicit(&share->madeBatches, memory_order_relaxed);
  if (made > mema_returnBatches) made = mema_returnBatches;
  return mema_roundUp(offsetof(mema_Share, returnBatches) + made * sizeof(mema_ReturnBatch), mema_osPageSize());
}

size_t mema_shareBytes(const mema_Heap *heap) {
  const mema_Share *share = heap->share;
  if (share == NULL) return 0;
  size_t page = mema_osPageSize(),
         bytes = usedShareBytes(share) + share->largerBytes + share->cacheCount * cacheShape().front;
  for (unsigned i = 0; i < mema_classCount && mema_hasCaches(heap); i++)
    if (share->depot[i].count != 0)
      bytes += mema_roundUp((size_t)share->depot[i].count * share->depot[i].room * sizeof(mema_CachedSlot), page);
  return bytes;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

/* Takes the lock, or borrows it: between the handlers of a fork the forking thread holds every lock, and may
 * use the pools. */
static bool takeOrBorrow(mema_Share *share, bool soon) {
  if (soon ? mema_tryLockLong(&share->lock) : mema_takeLock(&share->lock)) return true;
  if (!mema_isForking() || share->skipped || share->crowded || share->borrowed) return false;
  return share->borrowed = true;
}

/* Leaves the cache of the lock's holder. Its look-ups reach what was added to the page map meanwhile, by any thread.
 * (A look-up of a thread that does not know of it yet fails, and is made again with the lock held.) */
static void leaveInside(mema_Share *share) {
  if (share->inside->quanta != share->slab->quanta) share->inside->quanta = share->slab->quanta;
  mema_leave(share->inside);
}

static void release(mema_Share *share) {
  mema_Gauge *gauge = share->gauge;
  if (mema_unlikely(gauge != NULL)) mema_tellGauge(share, gauge);
  if (mema_unlikely(share->lowBudget)) mema_returnQuota(share);
  if (share->inside != NULL) leaveInside(share);
  share->inside = NULL;
  if (share->lowBudget) mema_leaveLowBudget(share);
  if (share->borrowed) {
    share->borrowed = false;
  } else {
    if (share->quiesced) mema_resume(share);
    mema_releaseLock(&share->lock);
  }
}

static mema_ThreadCache *cacheIn(const mema_Pool *pool, const mema_Heap *heap) {
  return mema_hasCaches(heap) ? mema_cacheOf(pool) : NULL;
}

/* Enters the cache of the lock's holder, which is in no look-up. */
static void noteOut(mema_Share *share) {
  MEMA_SET_FRAME(share->inside->busy);
  share->inside->wasOut = share->slab->shared.period;
}

/* Takes the lock, and enters the thread's own cache, so that signal handlers stay out of it. If the cache is
 * busy already, the caller is such a handler. It must not even wait for the lock, whose holder may wait for
 * that cache. */
static mema_Reason lock(const mema_Pool *pool, mema_Heap *heap, bool soon) {
  if (mema_unlikely(mema_isCopy())) mema_adoptCopy();
  bool within = mema_isWithin();
  mema_Share *share = __atomic_load_n(&heap->share, __ATOMIC_ACQUIRE);
  if (share == NULL) return MEMA_BAD_POOL;
  if (mema_unlikely(__atomic_load_n(&share->lost, __ATOMIC_RELAXED))) return MEMA_REENTERED;
  mema_ThreadCache *cache = cacheIn(pool, heap);
  if (cache != NULL && atomic_load_explicit(&cache->busy, memory_order_relaxed) != 0) return MEMA_REENTERED;
  if (!takeOrBorrow(share, within || soon)) return MEMA_REENTERED;
  if (mema_unlikely(share->lost)) {
    release(share);
    return MEMA_REENTERED;
  }
  if (share->pool == pool && &share->slab->heap == heap && share->generation == mema_loadWord(&pool->generation)) {
    if (within && !share->borrowed && !mema_quiesceLong(share)) {
      release(share);
      return MEMA_REENTERED;
    }
    /* a signal handler may have made the cache before the lock was taken */
    share->inside = cache != NULL && mema_isCacheOf(cache, pool) ? cache : cacheIn(pool, heap);
    MEMA_SET_FRAME(share->frame);
    if (share->inside != NULL) noteOut(share);
    if (mema_unlikely(share->unfinished) && !within) mema_finishForked(share);
    return MEMA_OK;
  }
  release(share);
  return MEMA_BAD_POOL;
}

bool mema_lockQuietly(const mema_Pool *pool, mema_Heap *heap) {
  return lock(pool, heap, false) == MEMA_OK;
}

bool mema_lockSoon(const mema_Pool *pool, mema_Heap *heap) {
  return lock(pool, heap, true) == MEMA_OK;
}

bool mema_lockPool(const mema_Pool *pool, mema_Heap *heap) {
  watchThread();
  mema_Reason reason = lock(pool, heap, false);
  if (reason != MEMA_OK) mema_fail(reason);
  return reason == MEMA_OK;
}

void mema_unlockPool(mema_Heap *heap) {
  mema_Share *share = __atomic_load_n(&heap->share, __ATOMIC_RELAXED);
  if (share != NULL) release(share);
}

mema_Heap *mema_lockForCall(const mema_Pool *pool) {
  mema_Heap *heap = mema_openPool(pool);
  return heap == NULL || mema_isUnsharedIn(pool, heap) || mema_lockPool(pool, heap) ? heap : NULL;
}

void mema_unlockAfterCall(mema_Heap *heap) {
  if (heap->share != NULL && heap->share->waiting != 0) mema_wakeWaiting(heap->share);
  mema_unlockPool(heap);
}

/* Collects the quotas and counts of all caches; with `slots`, their slots too. The lock is held. */
static void collectAll(mema_Share *share, bool slots) {
  mema_quiesce(share);
  if (slots) dropOrphans(share);
  mema_collectAll(share);
  for (mema_ThreadCache *cache = share->caches; cache != NULL && slots; cache = cache->next) mema_flushCache(share, cache);
  if (slots) mema_emptyDepot(share);
  mema_enterLowBudget(share);
}

void mema_revokeSlots(mema_Share *share) {
  bool kept = share->quiesced;
  collectAll(share, true);
  if (!kept) mema_resume(share);
}

mema_Heap *mema_holdPool(const mema_Pool *pool, bool slots) {
  mema_Heap *heap = mema_openPool(pool);
  if (heap == NULL || mema_isUnsharedIn(pool, heap)) return heap;
  if (!mema_lockPool(pool, heap)) return NULL;
  if (mema_hasCaches(heap)) collectAll(heap->share, slots);
  return heap;
}

bool mema_holdSoon(const mema_Pool *pool, mema_Heap *heap) {
  if (!mema_lockSoon(pool, heap)) return false;
  if (mema_hasCaches(heap)) collectAll(heap->share, false);
  return true;
}

bool mema_holdQuietly(const mema_Pool *pool, mema_Heap *heap) {
  if (!mema_lockQuietly(pool, heap)) return false;
  if (mema_hasCaches(heap)) collectAll(heap->share, false);
  return true;
}
