/* share.c - see share.h: how shares and shards begin and end, and the lock. */
#include <pthread.h>
#include <string.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "share.h"

/* NULL to begin with, as is all that threads have here, since zero is what they find while the loader relocates, too. What is written then is
 * lost when the loader makes the threads' memory anew: until constructors run, threads have no shards. */
_Thread_local mema_Shard *mema_shardHere;
static bool threadsStay;

/* All shards of the calling thread, linked by nextOfThread; some may be of pools that are gone. */
static _Thread_local mema_Shard *ownShards;
static _Thread_local bool watched; /* its end will be noticed */
static _Thread_local bool ending;  /* was noticed: from now on the thread has no shards */
static _Thread_local bool listing; /* a signal handler must leave the list alone */

static pthread_key_t endKey;
static mema_Lock setUpLock;
static bool isSetUp;
static size_t shardBytes; /* known when all is set up */

/* ---- sizes ------------------------------------------------------------------------------------------------------------- */

enum { shelfGap = 20 }; /* spares: five cache lines */

static uint32_t shelfSize(uint32_t slotSize) {
  uint32_t count = mema_shelfBytes / slotSize, most = slotSize <= mema_shelfSmall ? mema_shelfMost : mema_shelfMore;
  return count > most ? most : count < mema_shelfLeast ? mema_shelfLeast : count;
}

/* Of magazines and returns. */
static uint32_t allShelves(void) {
  uint32_t count = 0;
  for (unsigned i = 0; i < mema_classCount; i++) count += shelfSize(mema_classSize(i));
  return count + count / 2 + 2 * mema_classCount * shelfGap;
}

static mema_CellShape shardShape(void) {
  return (mema_CellShape){.front = shardBytes};
}

static mema_CellShape shareShape(void) {
  return (mema_CellShape){.front = mema_roundUp(sizeof(mema_Share), mema_osPageSize())};
}

/* Magazines for all classes, side by side. Without the gaps most would lie 2 KiB from each other, and their tops in few sets of the cache. */
static mema_Spare *layShelves(mema_Shelf *shelves, mema_Spare *spares, uint32_t part) {
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t slotSize = mema_classSize(i), size = shelfSize(slotSize) / part;
    shelves[i] = (mema_Shelf){.top = spares,
                              .bottom = spares,
                              .limit = spares + size,
                              .slotSize = slotSize,
                              .state = (uint8_t)(i + 1),
                              .fill = mema_fillFirst};
    spares += size + shelfGap;
  }
  return spares;
}

/* As much of the depot as there is room for, which is all of it. */
static void layDepot(mema_Depot *depot, mema_Spare *spares) {
  uint32_t left = mema_depotSpares;
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t room = shelfSize(mema_classSize(i)) / 2;
    if (room * mema_bundles > left) room = left / mema_bundles;
    depot[i] = (mema_Depot){.spares = spares, .room = room};
    spares += (size_t)room * mema_bundles;
    left -= room * mema_bundles;
  }
}

/* ---- shards ------------------------------------------------------------------------------------------------------------ */

static void giveShardCell(mema_Shard *shard) {
  mema_giveCell(mema_cellShards, shard->cellIndex, true);
}

/* One of the calling thread's whose pool is gone; NULL: none. It stays the thread's until that ends: a call that a signal handler interrupted may
 * be about to look at it, and to say in it that the thread is at work; or has said so, and is about to find that it is called. */
static mema_Shard *findLeftOver(void) {
  mema_Shard *shard = ownShards;
  /* Whoever freed the pool writes to it no more when that is seen. */
  while (shard != NULL && (__atomic_load_n(&shard->generation, __ATOMIC_ACQUIRE) != 0 ||
                           atomic_load_explicit(&shard->busy, memory_order_relaxed) != 0))
    shard = shard->nextOfThread;
  return shard;
}

/* A handler may read the list while its thread changes it, which is done by one store, but must not change it then. */
mema_Shard *mema_shardOf(const mema_Pool *pool) {
  mema_Shard *shard = mema_shardHere;
  bool within = listing;
  if (shard != NULL && mema_isShardOf(shard, pool)) return shard;
  listing = true;
  for (shard = ownShards; shard != NULL; shard = shard->nextOfThread)
    if (mema_loadWord(&shard->generation) != 0 && mema_isShardOf(shard, pool)) break;
  if (shard != NULL) mema_shardHere = shard;
  listing = within;
  return shard;
}

/* The calling thread's from now on, which is at work on it. A handler may fork at any time. */
static void own(mema_Shard *shard) {
  uint32_t forks;
  atomic_store_explicit(&shard->busy, 1, memory_order_relaxed);
  shard->patience = shard->patienceMost = mema_patience;
  shard->owner = mema_threadNumber();
  do {
    forks = atomic_load_explicit(&mema_forks, memory_order_relaxed);
    shard->epoch = forks;
    atomic_signal_fence(memory_order_seq_cst);
  } while (forks != atomic_load_explicit(&mema_forks, memory_order_relaxed));
}

static void enlist(mema_Shard *shard) {
  shard->nextOfThread = ownShards;
  atomic_signal_fence(memory_order_release);
  ownShards = shard;
}

void mema_keepOwn(void) {
  for (mema_Shard *shard = ownShards; shard != NULL; shard = shard->nextOfThread)
    shard->epoch = atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

static mema_Shard *takeShardCell(void) {
  mema_CellShape shape = shardShape();
  mema_Cell cell;
  if (!mema_takeCell(mema_cellShards, &shape, &cell)) return NULL;
  mema_Shard *shard = (mema_Shard *)(void *)cell.front;
  shard->cellIndex = cell.index;
  return shard;
}

static mema_Shard *makeShard(mema_Share *share) {
  mema_Shard *leftOver = findLeftOver(), *shard = leftOver != NULL ? leftOver : takeShardCell();
  if (shard == NULL) return NULL;
  const mema_Slab *slab = share->slab;
  own(shard);
  shard->sentBack = 0;
  shard->lost = 0;
  shard->overLow = shard->creditMost = shard->allocations = shard->frees = shard->held = shard->told = 0;
  atomic_store_explicit(&shard->lowCredit, 0, memory_order_relaxed);
  shard->area = slab->heap.area;
  shard->eighths = slab->eighths;
  shard->homes = slab->homes;
  shard->states = slab->states;
  shard->revoked = share->revoked;
  shard->share = share;
  layShelves(shard->returns + 1, layShelves(shard->magazines + 1, shard->spares, 1), 2);
  for (unsigned i = 0; i <= mema_tableMax / 16; i++)
    shard->offsets[i] = (uint16_t)(offsetof(mema_Shard, magazines) + (mema_classTable[i] + 1u) * sizeof(mema_Shelf));
  shard->pool = share->pool;
  mema_giveTag(share, shard);
  atomic_signal_fence(memory_order_release);
  mema_storeWord(&shard->generation, share->generation);
  atomic_store_explicit(&shard->key, mema_keyAtRest(shard), memory_order_relaxed);
  shard->next = share->shards;
  atomic_signal_fence(memory_order_release); /* a handler that forks looks at all */
  share->shards = shard;
  share->shardCount++;
  if (leftOver == NULL) enlist(shard);
  return shard;
}

static bool isOrphan(const mema_Shard *shard) {
  return shard->owner == 0;
}

/* An orphan of this processor: its slots, and their spans, are in the caches here; and what another thread hands its work to, as a rule
 * runs where that did. One of another only where no more may be kept. */
static mema_Shard *adopt(mema_Share *share) {
  uint32_t here = mema_osProcessor();
  mema_Shard *orphan = NULL;
  if (share->orphans == 0) return NULL;
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    if (!isOrphan(shard)) continue;
    if (shard->processor == here || share->orphans == mema_orphansMost) orphan = shard;
    if (shard->processor == here) break;
  }
  if (orphan == NULL) return NULL;
  share->orphans--;
  own(orphan);
  enlist(orphan);
  return orphan;
}

mema_Shard *mema_takeShard(mema_Share *share) {
  if (share->inside != NULL) return share->inside;
  if (listing || ending || !watched) return NULL;
  listing = true;
  mema_Shard *shard = adopt(share);
  if (shard == NULL) shard = makeShard(share);
  listing = false;
  if (shard == NULL) return NULL;
  mema_shardHere = shard;
  return share->inside = shard;
}

static void unlinkShard(mema_Share *share, const mema_Shard *shard) {
  mema_Shard **link = &share->shards;
  while (*link != shard) link = &(*link)->next;
  *link = shard->next;
  share->shardCount--;
}

void mema_dissolveShard(mema_Share *share, mema_Shard *shard) {
  mema_gather(share, shard);
  mema_flushShard(share, shard);
  unlinkShard(share, shard);
  if (shard->tag != 0) atomic_store_explicit(&share->revoked[shard->tag], UINT64_MAX, memory_order_release);
  atomic_store_explicit(&shard->key, 0, memory_order_relaxed);
  mema_storeWord(&shard->generation, 0);
}

/* ---- the end of a thread ----------------------------------------------------------------------------------------------- */

/* What the thread had is left as it is for another, or goes back to the pool; then the cell serves another thread. */
static void endShard(mema_Shard *shard) {
  mema_Share *share = shard->share;
  mema_takeLock(&share->lock);
  atomic_store_explicit(&shard->busy, 1, memory_order_relaxed);
  bool alive = mema_loadWord(&shard->generation) != 0, kept = alive && share->orphans < mema_orphansMost;
  if (kept) {
    share->orphans++;
    for (unsigned class = 0; class < mema_classCount; class ++) mema_sendBack(share, shard, class);
    mema_tellEnd(share, shard);
    shard->owner = 0;
    shard->processor = mema_osProcessor();
    atomic_fetch_or_explicit(&share->revoked[shard->tag], mema_nobodys, memory_order_relaxed);
    mema_leave(shard);
  } else if (alive) {
    mema_dissolveShard(share, shard);
    mema_tellEnd(share, NULL);
  }
  mema_releaseLock(&share->lock);
  if (!kept) giveShardCell(shard);
}

/* Gives back what ended threads left. The lock is held. */
static void dropOrphans(mema_Share *share) {
  for (mema_Shard *shard = share->shards, *next; shard != NULL; shard = next) {
    next = shard->next;
    if (!isOrphan(shard)) continue;
    mema_dissolveShard(share, shard);
    giveShardCell(shard);
  }
  share->orphans = 0;
}

/* Whatever the thread calls later (other destructors, the C library's own) finds `ending` set, and does without a shard. */
static void endThread(void *unused) {
  (void)unused;
  ending = true;
  while (ownShards != NULL) {
    mema_Shard *shard = ownShards;
    ownShards = shard->nextOfThread;
    atomic_signal_fence(memory_order_release);
    mema_shardHere = NULL; /* only now: a handler may have found it in the list */
    endShard(shard);
  }
}

__attribute__((constructor(101))) static void threadsBegin(void) {
  threadsStay = true;
}

/* Sees to it that the calling thread's end is noticed. May allocate, so it is called without the lock. */
static void watchThread(void) {
  if (watched || ending || !threadsStay) return;
  watched = true; /* first: what follows may allocate, and come here again */
  watched = pthread_setspecific(endKey, &endKey) == 0;
}

/* ---- shares ------------------------------------------------------------------------------------------------------------ */

/* Once in the process. */
static bool setUpOnce(void) {
  shardBytes = mema_roundUp(sizeof(mema_Shard) + allShelves() * sizeof(mema_Spare), mema_osPageSize());
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
  share->shards = NULL;
  share->shardCount = share->orphans = share->waiting = 0;
  share->cellIndex = cell.index;
  share->keepsOut = share->tight = share->skipped = share->takenOver = share->crowded = share->unfinished = share->borrowed =
      share->closely = false;
  share->gauge = NULL;
  share->told = share->toldUnits = 0;
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  share->inside = NULL;
  for (unsigned tag = 0; tag < mema_tagCount; tag++)
    atomic_store_explicit(&share->revoked[tag], UINT64_MAX, memory_order_relaxed);
  if (mema_hasShards(&slab->heap)) layDepot(share->depot, slab->depot);
  share->generation = pool->generation;
  __atomic_store_n(&slab->heap.share, share, __ATOMIC_RELEASE);
  mema_releaseLock(&share->lock);
  if (mema_listShare(share)) return true;
  mema_takeLock(&share->lock);
  retireShare(share, slab);
  mema_releaseLock(&share->lock);
  mema_giveCell(mema_cellShares, share->cellIndex, true);
  return false;
}

/* The pool is held; its slab's generation is 0 already. Shards stay called for ever: their owners drop them. */
void mema_closeShare(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Share *share = slab->heap.share;
  mema_Shard *shards = share->shards;
  share->shards = NULL; /* first: a handler that forks must not look at them any more */
  atomic_signal_fence(memory_order_release);
  for (mema_Shard *shard = shards, *next; shard != NULL; shard = next) {
    next = shard->next; /* before its owner sees that it may drop it */
    bool orphan = isOrphan(shard);
    atomic_store_explicit(&shard->key, 0, memory_order_relaxed);
    __atomic_store_n(&shard->generation, 0, __ATOMIC_RELEASE);
    if (orphan) giveShardCell(shard);
  }
  share->orphans = 0;
  if (share->inside != NULL) mema_leave(share->inside);
  share->inside = NULL;
  retireShare(share, slab);
  if (share->waiting != 0) mema_wakeWaiting(share);
  share->waiting = 0;
  share->keepsOut = share->tight = false;
  mema_releaseLock(&share->lock);
  mema_unlistShare(share);
  mema_giveCell(mema_cellShares, share->cellIndex, true);
}

size_t mema_shareBytes(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_Share *share = slab->heap.share;
  if (share == NULL) return 0;
  size_t page = mema_osPageSize(), bytes = shareShape().front + share->shardCount * shardShape().front;
  for (unsigned i = 0; i < mema_classCount && mema_hasShards(&slab->heap); i++)
    if (share->depot[i].count != 0)
      bytes += mema_roundUp((size_t)share->depot[i].count * share->depot[i].room * sizeof(mema_Spare), page);
  return bytes;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------------- */

bool mema_isWithin(void) {
  if (mema_holdsSome()) return true;
  for (const mema_Shard *shard = ownShards; shard != NULL; shard = shard->nextOfThread)
    if (atomic_load_explicit(&shard->busy, memory_order_relaxed) != 0) return true;
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
  if (share->tight) mema_loosen(share);
  if (share->borrowed) {
    share->borrowed = false;
  } else {
    if (share->keepsOut) mema_letIn(share);
    mema_releaseLock(&share->lock);
  }
}

/* The thread's own shard is busy meanwhile, so that signal handlers are kept out of it. Where it is busy before, this is such a handler,
 * which must not even wait for the lock: its holder may wait for the shard. */
static mema_Reason lock(const mema_Pool *pool, mema_Heap *heap, bool soon) {
  bool within = mema_isWithin();
  mema_Share *share = __atomic_load_n(&heap->share, __ATOMIC_ACQUIRE);
  if (share == NULL) return MEMA_BAD_POOL;
  mema_Shard *shard = mema_shardOf(pool);
  if (shard != NULL && atomic_load_explicit(&shard->busy, memory_order_relaxed) != 0) return MEMA_REENTERED;
  if (!takeOrBorrow(share, within || soon)) return MEMA_REENTERED;
  if (share->pool == pool && &share->slab->heap == heap && share->generation == mema_loadWord(&pool->generation)) {
    if (within && !share->borrowed && !mema_keepOutLong(share)) {
      release(share);
      return MEMA_REENTERED;
    }
    /* A handler may have made it, before there was the lock. */
    share->inside = shard != NULL && mema_isShardOf(shard, pool) ? shard : mema_shardOf(pool);
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

mema_Heap *mema_beginTurn(const mema_Pool *pool) {
  mema_Heap *heap = mema_openPool(pool);
  return heap == NULL || mema_isUnshared(pool) || mema_lockPool(pool, heap) ? heap : NULL;
}

void mema_endTurn(mema_Heap *heap) {
  if (heap->share != NULL && heap->share->waiting != 0) mema_wakeWaiting(heap->share);
  mema_unlockPool(heap);
}

/* The lock is held. */
static void gatherAll(mema_Share *share, bool slots) {
  mema_keepOut(share);
  if (slots) dropOrphans(share);
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    mema_gather(share, shard);
    if (slots) mema_flushShard(share, shard);
  }
  if (slots) mema_emptyDepot(share);
  mema_tighten(share);
}

void mema_callInSlots(mema_Share *share) {
  bool kept = share->keepsOut;
  gatherAll(share, true);
  if (!kept) mema_letIn(share);
}

mema_Heap *mema_holdPool(const mema_Pool *pool, bool slots) {
  mema_Heap *heap = mema_openPool(pool);
  if (heap == NULL || mema_isUnshared(pool)) return heap;
  if (!mema_lockPool(pool, heap)) return NULL;
  if (mema_hasShards(heap)) gatherAll(heap->share, slots);
  return heap;
}

bool mema_holdQuietly(const mema_Pool *pool, mema_Heap *heap) {
  if (!mema_lockQuietly(pool, heap)) return false;
  if (mema_hasShards(heap)) gatherAll(heap->share, false);
  return true;
}
