/* gauge.c - the gauge of a shared pool: figures in memory that outlives the process.
 *
 * Without the lock, calls are counted in thread caches, and a process may end at any instruction. So each call that takes
 * the lock writes the figures to the gauge. The calling thread is inside its own cache then, and adds that cache's counts.
 * All other caches count as they were when their threads last had the lock:
 *
 *     share->reported == the sum of `reported` over all caches == the quota that the gauge takes for unused
 *     liveBytes == poolSize - freeSize - reported
 *
 * The common paths do nothing for the gauge. */
#include "../heap/slab/slab.h"
#include "../memory/os.h"
#include "../heap/heapList.h"
#include "share.h"

enum { patience = 10 /* tries of a fifth of a second */, slabsAnUpdate = 8 };

static void put(_Atomic uint64_t *figure, uint64_t value) {
  atomic_store_explicit(figure, value, memory_order_relaxed);
}

/* Adds the counts of a cache to the pool's, and begins a new minimum of its quota. So fewer minima of
 * different times are added up. The cache's thread is the caller, or is out. */
static void addCache(mema_Share *share, mema_ThreadCache *cache) {
  size_t credit = mema_quotaOf(cache);
  mema_restartLow(share, cache);
  mema_foldCalls(cache);
  share->pool->allocations += cache->allocations;
  share->pool->frees += cache->frees;
  share->reported += credit - cache->reported;
  cache->reported = credit;
  cache->allocations = cache->frees = 0;
}

static MEMA_INLINE void putCounts(const mema_Share *share, mema_Gauge *gauge) {
  const mema_Pool *pool = share->pool;
  put(&gauge->peakBytes, pool->poolSize - pool->lowWater);
  put(&gauge->liveBytes, pool->poolSize - pool->freeSize - share->reported);
  put(&gauge->allocations, pool->allocations);
  put(&gauge->frees, pool->frees);
}

/* Sums up the footprints of all slabs outside. */
static void lookOutside(mema_Share *share) {
  share->outsideHeld = share->unseenOutside = 0;
  for (const mema_Heap *heap = share->slab->heap.next; heap != NULL; heap = heap->next)
    share->outsideHeld += heap->ops->footprint(heap);
}

static void putFootprint(const mema_Share *share, mema_Gauge *gauge) {
  const mema_Heap *heap = &share->slab->heap;
  put(&gauge->footprint, mema_shareBytes(heap) + heap->ops->footprint(heap) + share->outsideHeld);
}

void mema_tellEnd(mema_Share *share, mema_ThreadCache *cache) {
  mema_Gauge *gauge = share->gauge;
  if (cache != NULL) addCache(share, cache);
  if (gauge != NULL) putCounts(share, gauge);
}

/* True if the cache's thread allocated or freed since its last report. Without the lock each allocation takes
 * from the quota, and each free adds to it. */
static bool hasMoved(const mema_ThreadCache *cache) {
  return cache->overLow != 0 || atomic_load_explicit(&cache->lowQuota, memory_order_relaxed) != cache->reported;
}

/* With many slabs outside, these are looked at once in a number of updates that grows with their number. */
static MEMA_NOINLINE void renewFootprint(mema_Share *share, mema_Gauge *gauge, size_t held) {
  share->reportedHeld = held;
  if (++share->unseenOutside * slabsAnUpdate > mema_outsideCount(&share->slab->heap)) lookOutside(share);
  putFootprint(share, gauge);
}

/* Writes all figures. The footprint takes longer to compute than the others and seldom changes, so it is
 * computed only if the bytes of units have changed, or the units outside. */
static MEMA_INLINE void putFigures(mema_Share *share, mema_Gauge *gauge) {
  putCounts(share, gauge);
  size_t held = mema_heldBytes(share->slab) + mema_outsideChanges(&share->slab->heap) + share->largerBytes;
  if (mema_unlikely(held != share->reportedHeld)) renewFootprint(share, gauge, held);
}

static MEMA_NOINLINE void addAndPut(mema_Share *share, mema_Gauge *gauge) {
  addCache(share, share->inside);
  putFigures(share, gauge);
}

/* A call between the handlers of a fork leaves the gauge alone: the call may be the child's, and the gauge
 * the parent's. */
void mema_tellGauge(mema_Share *share, mema_Gauge *gauge) {
  if (mema_unlikely(share->borrowed)) return;
  if (share->inside != NULL && hasMoved(share->inside)) {
    addAndPut(share, gauge);
  } else {
    putFigures(share, gauge);
  }
}

bool mema_sharedWatch(mema_Pool *pool, mema_Gauge *gauge) {
  mema_Heap *heap = mema_sharedHeapOf(pool);
  if (heap == NULL || !mema_lockQuietly(pool, heap)) return false;
  mema_Share *share = heap->share;
  share->gauge = gauge;
  share->reportedHeld = SIZE_MAX;
  if (share->closely) {
    share->closely = false;
    mema_renewKeys(share);
  }
  mema_unlockPool(heap);
  return true;
}

uint32_t mema_sharedTell(mema_Pool *pool) {
  mema_Heap *heap = mema_sharedHeapOf(pool);
  if (heap == NULL || !mema_lockQuietly(pool, heap)) return 0;
  mema_Share *share = heap->share;
  uint32_t threads = share->cacheCount - share->orphans;
  mema_unlockPool(heap);
  return threads + (threads == 0);
}

void mema_sharedTime(mema_Pool *pool) {
  mema_idleTellTime();
  mema_Heap *heap = mema_sharedHeapOf(pool);
  if (heap == NULL || !mema_lockQuietly(pool, heap)) return;
  mema_idleLook(heap->share->slab);
  mema_unlockPool(heap);
}

/* As mema_lockSoon, and then quiesces all threads. */
static bool holdSoon(const mema_Pool *pool, mema_Heap *heap) {
  bool held = false;
  for (int i = 0; i < patience && !held; i++) held = mema_lockSoon(pool, heap);
  if (!held || heap->share->quiesced) return held;
  held = false;
  for (int i = 0; i < patience && !held; i++) held = mema_quiesceLong(heap->share);
  if (!held) mema_unlockPool(heap);
  return held;
}

void mema_sharedEnterSandbox(void) {
  mema_osEnterSandbox();
}

bool mema_sharedTellAll(mema_Pool *pool, mema_Gauge *gauge, bool closely) {
  mema_Heap *heap = mema_sharedHeapOf(pool);
  if (heap == NULL || !holdSoon(pool, heap)) return false;
  mema_Share *share = heap->share;
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) addCache(share, cache);
  putCounts(share, gauge);
  lookOutside(share);
  putFootprint(share, gauge);
  if (closely && gauge == share->gauge && !share->closely) {
    share->closely = true;
    mema_renewKeys(share);
  }
  mema_unlockPool(heap);
  return true;
}
