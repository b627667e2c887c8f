/* share.c - see share.h: how shares and shards begin and end, and the lock. */
#include <pthread.h>
#include <string.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "share.h"

/* NULL to begin with, as is all that threads have here, since zero is what they find while the loader relocates, too. What is written then is
 * lost when the loader makes the threads' memory anew: until constructors run, threads have no shards. */
_Thread_local mema_ThreadCache *mema_cacheHere;
static bool threadsStay;

/* All shards of the calling thread, linked by nextOfThread; some may be of pools that are gone. */
static _Thread_local mema_ThreadCache *ownCaches;
static _Thread_local bool alwaysSlow; /* its end will be noticed */
static _Thread_local bool ending;     /* was noticed: from now on the thread has no shards */
static _Thread_local bool listing;    /* a signal handler must leave the list alone */

static pthread_key_t endKey;
static mema_Lock setUpLock;
static bool isSetUp;
static size_t cacheBytes; /* known when all is set up */

/* ---- sizes ------------------------------------------------------------------------------------------------------------- */

enum { magazineGap = 20 }; /* spares: five cache lines */

static uint32_t magazineSize(uint32_t slotSize) {
  uint32_t count = mema_cacheMagazineBytes / slotSize,
           most = slotSize <= mema_magazineSmall ? mema_cacheMagazineMost : mema_magazineMore;
  return count > most ? most : count < mema_magazineLeast ? mema_magazineLeast : count;
}

/* Of magazines and returns. */
static uint32_t allShelves(void) {
  uint32_t count = 0;
  for (unsigned i = 0; i < mema_classCount; i++) count += magazineSize(mema_classSize(i));
  return count + count / 2 + 2 * mema_classCount * magazineGap;
}

static mema_CellShape cacheShape(void) {
  return (mema_CellShape){.front = cacheBytes};
}

static mema_CellShape shareShape(void) {
  return (mema_CellShape){.front = mema_roundUp(sizeof(mema_Share), mema_osPageSize())};
}

/* Magazines for all classes, side by side. Without the gaps most would lie 2 KiB from each other, and their tops in few sets of the cache. */
static mema_CachedSlot *layShelves(mema_Magazine *shelves, mema_CachedSlot *cachedSlots, uint32_t part) {
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t slotSize = mema_classSize(i), size = magazineSize(slotSize) / part;
    shelves[i] = (mema_Magazine){.top = cachedSlots,
                                 .bottom = cachedSlots,
                                 .limit = cachedSlots + size,
                                 .slotSize = slotSize,
                                 .state = (uint8_t)(i + 1),
                                 .fill = mema_fillFirst};
    cachedSlots += size + magazineGap;
  }
  return cachedSlots;
}

/* As much of the depot as there is room for, which is all of it. */
static void layDepot(mema_Depot *depot, mema_CachedSlot *cachedSlots) {
  uint32_t left = mema_depotSlots;
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t room = magazineSize(mema_classSize(i)) / 2;
    if (room * mema_batches > left) room = left / mema_batches;
    depot[i] = (mema_Depot){.cachedSlots = cachedSlots, .room = room};
    cachedSlots += (size_t)room * mema_batches;
    left -= room * mema_batches;
  }
}

/* ---- shards ------------------------------------------------------------------------------------------------------------ */

static void giveCacheCell(mema_ThreadCache *cache) {
  mema_giveCell(mema_cellCaches, cache->cellIndex);
}

/* One of the calling thread's whose pool is gone; NULL: none. It stays the thread's until that ends: a call that a signal handler interrupted may
 * be about to look at it, and to say in it that the thread is at work; or has said so, and is about to find that it is called. */
static mema_ThreadCache *findLeftOver(void) {
  mema_ThreadCache *cache = ownCaches;
  /* Whoever freed the pool writes to it no more when that is seen. */
  while (cache != NULL && (__atomic_load_n(&cache->generation, __ATOMIC_ACQUIRE) != 0 ||
                           atomic_load_explicit(&cache->busy, memory_order_relaxed) != 0))
    cache = cache->nextOfThread;
  return cache;
}

/* A handler may read the list while its thread changes it, which is done by one store, but must not change it then. */
mema_ThreadCache *mema_cacheOf(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_cacheHere;
  bool within = listing;
  if (cache != NULL && mema_isCacheOf(cache, pool)) return cache;
  listing = true;
  for (cache = ownCaches; cache != NULL; cache = cache->nextOfThread)
    if (mema_loadWord(&cache->generation) != 0 && mema_isCacheOf(cache, pool)) break;
  if (cache != NULL) mema_cacheHere = cache;
  listing = within;
  return cache;
}

/* The calling thread's from now on, which is at work on it. A handler may fork at any time. */
static void own(mema_ThreadCache *cache) {
  uint32_t forks;
  atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
  cache->patience = cache->patienceMost = mema_patience;
  cache->owner = mema_threadNumber();
  do {
    forks = atomic_load_explicit(&mema_forks, memory_order_relaxed);
    cache->epoch = forks;
    atomic_signal_fence(memory_order_seq_cst);
  } while (forks != atomic_load_explicit(&mema_forks, memory_order_relaxed));
}

static void enlist(mema_ThreadCache *cache) {
  cache->nextOfThread = ownCaches;
  atomic_signal_fence(memory_order_release);
  ownCaches = cache;
}

void mema_keepOwn(void) {
  for (mema_ThreadCache *cache = ownCaches; cache != NULL; cache = cache->nextOfThread)
    cache->epoch = atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

static mema_ThreadCache *takeCacheCell(void) {
  mema_CellShape shape = cacheShape();
  mema_Cell cell;
  if (!mema_takeCell(mema_cellCaches, &shape, &cell)) return NULL;
  mema_ThreadCache *cache = (mema_ThreadCache *)(void *)cell.front;
  cache->cellIndex = cell.index;
  return cache;
}

static mema_ThreadCache *makeCache(mema_Share *share) {
  mema_ThreadCache *leftOver = findLeftOver(), *cache = leftOver != NULL ? leftOver : takeCacheCell();
  if (cache == NULL) return NULL;
  const mema_Slab *slab = share->slab;
  own(cache);
  cache->sentBack = 0;
  cache->lost = 0;
  cache->overLow = cache->quotaMost = cache->allocations = cache->frees = cache->held = cache->told = 0;
  atomic_store_explicit(&cache->lowQuota, 0, memory_order_relaxed);
  cache->area = slab->heap.area;
  cache->quanta = slab->quanta;
  cache->pageMap = slab->pageMap;
  cache->states = slab->states;
  cache->revoked = share->revoked;
  cache->share = share;
  layShelves(cache->returns + 1, layShelves(cache->magazines + 1, cache->cachedSlots, 1), 2);
  for (unsigned i = 0; i <= mema_tableMax / 16; i++)
    cache->offsets[i] =
        (uint16_t)(offsetof(mema_ThreadCache, magazines) + (mema_classTable[i] + 1u) * sizeof(mema_Magazine));
  cache->pool = share->pool;
  mema_giveOwnerId(share, cache);
  atomic_signal_fence(memory_order_release);
  mema_storeWord(&cache->generation, share->generation);
  atomic_store_explicit(&cache->key, mema_keyAtRest(cache), memory_order_relaxed);
  cache->next = share->caches;
  atomic_signal_fence(memory_order_release); /* a handler that forks looks at all */
  share->caches = cache;
  share->cacheCount++;
  if (leftOver == NULL) enlist(cache);
  return cache;
}

static bool isOrphan(const mema_ThreadCache *cache) {
  return cache->owner == 0;
}

/* An orphan of this processor: its slots, and their spans, are in the caches here; and what another thread hands its work to, as a rule
 * runs where that did. One of another only where no more may be kept. */
static mema_ThreadCache *adopt(mema_Share *share) {
  uint32_t here = mema_osProcessor();
  mema_ThreadCache *orphan = NULL;
  if (share->orphans == 0) return NULL;
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) {
    if (!isOrphan(cache)) continue;
    if (cache->processor == here || share->orphans == mema_orphansMost) orphan = cache;
    if (cache->processor == here) break;
  }
  if (orphan == NULL) return NULL;
  share->orphans--;
  own(orphan);
  enlist(orphan);
  return orphan;
}

mema_ThreadCache *mema_takeCache(mema_Share *share) {
  if (share->inside != NULL) return share->inside;
  if (listing || ending || !alwaysSlow) return NULL;
  listing = true;
  mema_ThreadCache *cache = adopt(share);
  if (cache == NULL) cache = makeCache(share);
  listing = false;
  if (cache == NULL) return NULL;
  mema_cacheHere = cache;
  return share->inside = cache;
}

static void unlinkCache(mema_Share *share, const mema_ThreadCache *cache) {
  mema_ThreadCache **link = &share->caches;
  while (*link != cache) link = &(*link)->next;
  *link = cache->next;
  share->cacheCount--;
}

void mema_destroyCache(mema_Share *share, mema_ThreadCache *cache) {
  mema_collect(share, cache);
  mema_flushCache(share, cache);
  unlinkCache(share, cache);
  if (cache->ownerId != 0) atomic_store_explicit(&share->revoked[cache->ownerId], UINT64_MAX, memory_order_release);
  atomic_store_explicit(&cache->key, 0, memory_order_relaxed);
  mema_storeWord(&cache->generation, 0);
}

/* ---- the end of a thread ----------------------------------------------------------------------------------------------- */

/* What the thread had is left as it is for another, or goes back to the pool; then the cell serves another thread. */
static void endCache(mema_ThreadCache *cache) {
  mema_Share *share = cache->share;
  mema_takeLock(&share->lock);
  atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
  bool alive = mema_loadWord(&cache->generation) != 0, kept = alive && share->orphans < mema_orphansMost;
  if (kept) {
    share->orphans++;
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

/* Gives back what ended threads left. The lock is held. */
static void dropOrphans(mema_Share *share) {
  for (mema_ThreadCache *cache = share->caches, *next; cache != NULL; cache = next) {
    next = cache->next;
    if (!isOrphan(cache)) continue;
    mema_destroyCache(share, cache);
    giveCacheCell(cache);
  }
  share->orphans = 0;
}

/* Whatever the thread calls later (other destructors, the C library's own) finds `ending` set, and does without a shard. */
static void endThread(void *unused) {
  (void)unused;
  ending = true;
  while (ownCaches != NULL) {
    mema_ThreadCache *cache = ownCaches;
    ownCaches = cache->nextOfThread;
    atomic_signal_fence(memory_order_release);
    mema_cacheHere = NULL; /* only now: a handler may have found it in the list */
    endCache(cache);
  }
}

__attribute__((constructor(101))) static void threadsBegin(void) {
  threadsStay = true;
}

/* Sees to it that the calling thread's end is noticed. May allocate, so it is called without the lock. */
static void watchThread(void) {
  if (alwaysSlow || ending || !threadsStay) return;
  alwaysSlow = true; /* first: what follows may allocate, and come here again */
  alwaysSlow = pthread_setspecific(endKey, &endKey) == 0;
}

/* ---- shares ------------------------------------------------------------------------------------------------------------ */

/* Once in the process. */
static bool setUpOnce(void) {
  cacheBytes = mema_roundUp(sizeof(mema_ThreadCache) + allShelves() * sizeof(mema_CachedSlot), mema_osPageSize());
  return pthread_key_create(&endKey, endThread) == 0 && mema_watchForks();
}

static bool setUp(void) {
  if (__atomic_load_n(&isSetUp, __ATOMIC_ACQUIRE)) return true; /* without the lock, which no fork holds */
  if (!mema_takeLock(&setUpLock)) return false;                 /* from a signal handler that interrupted it */
  if (!isSetUp && setUpOnce()) __atomic_store_n(&isSetUp, true, __ATOMIC_RELEASE);
  mema_releaseLock(&setUpLock);
  return isSetUp;
}

/* It serves no pool any more: a late thread that has waited for the lock sees that. */
static void retireShare(mema_Share *share, mema_Slab *slab) {
  share->generation = 0;
  share->pool = NULL;
  share->gauge = NULL;
  __atomic_store_n(&slab->heap.share, NULL, __ATOMIC_RELAXED);
}

bool mema_openShare(mema_Pool *pool, mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_CellShape shape = shareShape();
  mema_Cell cell;
  if (!setUp() || !mema_takeCell(mema_cellShares, &shape, &cell)) return false;
  mema_Share *share = (mema_Share *)(void *)cell.front;
  mema_takeLock(&share->lock); /* a late thread of the pool that had it before may be looking */
  share->pool = pool;
  share->slab = slab;
  share->caches = NULL;
  share->cacheCount = share->orphans = share->waiting = 0;
  share->cellIndex = cell.index;
  share->keepsOut = share->lowBudget = share->skipped = share->takenOver = share->crowded = share->unfinished =
      share->borrowed = share->closely = false;
  share->gauge = NULL;
  share->told = share->toldUnits = 0;
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  share->inside = NULL;
  for (unsigned ownerId = 0; ownerId < mema_tagCount; ownerId++)
    atomic_store_explicit(&share->revoked[ownerId], UINT64_MAX, memory_order_relaxed);
  if (mema_hasCaches(&slab->heap)) layDepot(share->depot, slab->depot);
  share->generation = pool->generation;
  __atomic_store_n(&slab->heap.share, share, __ATOMIC_RELEASE);
  mema_releaseLock(&share->lock);
  if (mema_listShare(share)) return true;
  mema_takeLock(&share->lock);
  retireShare(share, slab);
  mema_releaseLock(&share->lock);
  mema_giveCell(mema_cellShares, share->cellIndex);
  return false;
}

/* The pool is held; its slab's generation is 0 already. Shards stay called for ever: their owners drop them. */
void mema_closeShare(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Share *share = slab->heap.share;
  mema_ThreadCache *caches = share->caches;
  share->caches = NULL; /* first: a handler that forks must not look at them any more */
  atomic_signal_fence(memory_order_release);
  for (mema_ThreadCache *cache = caches, *next; cache != NULL; cache = next) {
    next = cache->next; /* before its owner sees that it may drop it */
    bool orphan = isOrphan(cache);
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
  share->keepsOut = share->lowBudget = false;
  mema_releaseLock(&share->lock);
  mema_unlistShare(share);
  mema_giveCell(mema_cellShares, share->cellIndex);
}

size_t mema_shareBytes(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_Share *share = slab->heap.share;
  if (share == NULL) return 0;
  size_t page = mema_osPageSize(), bytes = shareShape().front + share->cacheCount * cacheShape().front;
  for (unsigned i = 0; i < mema_classCount && mema_hasCaches(&slab->heap); i++)
    if (share->depot[i].count != 0)
      bytes += mema_roundUp((size_t)share->depot[i].count * share->depot[i].room * sizeof(mema_CachedSlot), page);
  return bytes;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------------- */

bool mema_isWithin(void) {
  if (mema_holdsSome()) return true;
  for (const mema_ThreadCache *cache = ownCaches; cache != NULL; cache = cache->nextOfThread)
    if (atomic_load_explicit(&cache->busy, memory_order_relaxed) != 0) return true;
  return false;
}

/* Between the handlers of a fork its thread holds every lock, and may go on using the pools. */
static bool takeOrBorrow(mema_Share *share, bool soon) {
  if (soon ? mema_tryLockLong(&share->lock) : mema_takeLock(&share->lock)) return true;
  if (!mema_isForking() || share->skipped || share->crowded || share->borrowed) return false;
  return share->borrowed = true;
}

static void release(mema_Share *share) {
  mema_Gauge *gauge = share->gauge;
  if (mema_unlikely(gauge != NULL)) mema_tellGauge(share, gauge);
  if (share->inside != NULL) mema_leave(share->inside);
  share->inside = NULL;
  if (share->lowBudget) mema_leaveLowBudget(share);
  if (share->borrowed) {
    share->borrowed = false;
  } else {
    if (share->keepsOut) mema_resume(share);
    mema_releaseLock(&share->lock);
  }
}

/* The thread's own shard is busy meanwhile, so that signal handlers are kept out of it. Where it is busy before, this is such a handler,
 * which must not even wait for the lock: its holder may wait for the shard. */
static mema_Reason lock(const mema_Pool *pool, mema_Heap *heap, bool soon) {
  bool within = mema_isWithin();
  mema_Share *share = __atomic_load_n(&heap->share, __ATOMIC_ACQUIRE);
  if (share == NULL) return MEMA_BAD_POOL;
  mema_ThreadCache *cache = mema_cacheOf(pool);
  if (cache != NULL && atomic_load_explicit(&cache->busy, memory_order_relaxed) != 0) return MEMA_REENTERED;
  if (!takeOrBorrow(share, within || soon)) return MEMA_REENTERED;
  if (share->pool == pool && &share->slab->heap == heap && share->generation == mema_loadWord(&pool->generation)) {
    if (within && !share->borrowed && !mema_quiesceLong(share)) {
      release(share);
      return MEMA_REENTERED;
    }
    /* A handler may have made it, before there was the lock. */
    share->inside = cache != NULL && mema_isCacheOf(cache, pool) ? cache : mema_cacheOf(pool);
    if (share->inside != NULL) atomic_store_explicit(&share->inside->busy, 1, memory_order_relaxed);
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
  return heap == NULL || mema_isUnshared(pool) || mema_lockPool(pool, heap) ? heap : NULL;
}

void mema_unlockAfterCall(mema_Heap *heap) {
  if (heap->share != NULL && heap->share->waiting != 0) mema_wakeWaiting(heap->share);
  mema_unlockPool(heap);
}

/* The lock is held. */
static void collectAll(mema_Share *share, bool slots) {
  mema_quiesce(share);
  if (slots) dropOrphans(share);
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) {
    mema_collect(share, cache);
    if (slots) mema_flushCache(share, cache);
  }
  if (slots) mema_emptyDepot(share);
  mema_enterLowBudget(share);
}

void mema_revokeSlots(mema_Share *share) {
  bool kept = share->keepsOut;
  collectAll(share, true);
  if (!kept) mema_resume(share);
}

mema_Heap *mema_holdPool(const mema_Pool *pool, bool slots) {
  mema_Heap *heap = mema_openPool(pool);
  if (heap == NULL || mema_isUnshared(pool)) return heap;
  if (!mema_lockPool(pool, heap)) return NULL;
  if (mema_hasCaches(heap)) collectAll(heap->share, slots);
  return heap;
}

bool mema_holdQuietly(const mema_Pool *pool, mema_Heap *heap) {
  if (!mema_lockQuietly(pool, heap)) return false;
  if (mema_hasCaches(heap)) collectAll(heap->share, false);
  return true;
}
