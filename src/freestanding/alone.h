/* alone.h - what a pool of libmema-fixed.a leaves out: families, threads, callbacks, and memory outside its heap.
 *
 * The compiler includes this before each source of the library (Makefile). The sources are those of the hosted
 * library. Here the questions that they ask of the rooms left out get constant answers, and the code behind them
 * vanishes. */
#ifndef MEMA_FREESTANDING_ALONE_H
#define MEMA_FREESTANDING_ALONE_H

#include "../heap/fixed/fixed.h"
#include "../heap/watch/watch.h"
#include "../pool/pressure.h"
#include "../pool/sites.h"
#include "../pool/tree.h"
#include "../threads/hold.h"

/* The compiler of the hosted library warns of these. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"

/* ---- freestanding.c ------------------------------------------------------------------------------------------------------ */

/* Returns the heap of a live pool; else NULL. */
MEMA_HIDDEN mema_Heap *mema_aloneHeap(const mema_Pool *pool);
/* Like the above, and notes MEMA_BAD_POOL for NULL. */
MEMA_HIDDEN mema_Heap *mema_openAlone(const mema_Pool *pool);
/* Notes a new low, and sets slowPathBelow. */
MEMA_HIDDEN void mema_noteLowAlone(mema_Pool *pool);
/* True iff the budget has room; else the request is refused. */
MEMA_HIDDEN bool mema_hasRoomAlone(mema_Pool *pool, size_t bytes);

static inline bool mema_chargeAlone(mema_Pool *pool, size_t bytes) {
  pool->freeSize -= bytes;
  mema_noteLowAlone(pool);
  return true;
}

static inline bool mema_moveAlone(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  __builtin_memcpy(to->ptr, from->ptr, bytes);
  return true;
}

/* ---- one kind of pool ---------------------------------------------------------------------------------------------------- */

#define mema_kindIn(pool, header) ((*(header) = mema_aloneHeap(pool)) != NULL ? mema_plainPool : mema_noPool)
#define mema_kindOf(pool) (mema_aloneHeap(pool) != NULL ? mema_plainPool : mema_noPool)
#define mema_openKind(pool) (mema_openAlone(pool) != NULL ? mema_plainPool : mema_noPool)
#define mema_isLivePool(pool) mema_isLiveUnsettled(pool)
#define mema_isUnshared(pool) true
#define mema_isUnsharedIn(pool, heap) true

/* ---- no family ----------------------------------------------------------------------------------------------------------- */

#define mema_nodeOf(pool) ((mema_Node *)NULL)
#define mema_isBelow(pool) false
#define mema_isShort(pool, bytes) false
#define mema_isContended(pool) false
#define mema_isInTree(pool) true
#define mema_isOwn(pool, block) true
#define mema_hasOwner(pool, block, bits) true
#define mema_isThere(node) true
#define mema_usesParentHeap(pool) false
#define mema_findOwn(pool, heap, ptr, chunk) mema_findChunk(heap, ptr, chunk)
#define mema_leaveFamily(node, heap, held) ((void)(held))
#define mema_setGuard(node, poolSize) ((void)(poolSize))
#define mema_freeYounger(pool, age) true
#define mema_endLives(pool, serial) true
#define mema_mayEnd(pool) true
#define mema_mayLeave(pool) true
#define mema_heldBelow(pool) ((size_t)0)
#define mema_chargeLevels(pool, bytes) mema_chargeAlone(pool, bytes)
#define mema_creditLevels(pool, bytes) ((void)((pool)->freeSize += (bytes)))
#define mema_creditBytes(pool, bytes) ((void)((pool)->freeSize += (bytes)))
#define mema_refuseLevels(pool, bytes) (mema_refuse(pool, MEMA_OVER_BUDGET, bytes), false)
#define mema_chargeLocked(pool, heap, bytes) false
#define mema_creditLocked(pool, heap, bytes) ((void)0)

/* ---- no threads ---------------------------------------------------------------------------------------------------------- */

#define mema_shareOf(heap) ((mema_Share *)NULL)
#define mema_openShare(pool, heap) MEMA_OK
#define mema_closeShare(heap) ((void)0)
#define mema_shareBytes(heap) 0
#define mema_wakeWaiting(share) ((void)0)
#define mema_lockForCall(pool) mema_openAlone(pool)
#define mema_holdPool(pool, slots) mema_openAlone(pool)
#define mema_holdQuietly(pool, heap) true
#define mema_unlockPool(heap) ((void)(heap))
#define mema_unlockAfterCall(heap) ((void)(heap))

/* ---- no callbacks -------------------------------------------------------------------------------------------------------- */

#define mema_failsOnPurpose(pool) false
#define mema_askExhausted(pool, wanted) false
#define mema_askForRoom(pool, bytes) false
#define mema_makeRoom(pool, bytes) mema_hasRoomAlone(pool, bytes)
#define mema_setSlowPath(pool) mema_noteLowAlone(pool)
#define mema_noteCrossing(pool, before) ((void)(before))
#define mema_announceLow(pool) ((void)0)

/* ---- no sites ------------------------------------------------------------------------------------------------------------ */

#define mema_noteStack(pool) ((void)(pool))
#define mema_noteSites(pool, options) ((void)(pool))
#define mema_faultOfSites(options) mema_noSites

/* ---- one heap ------------------------------------------------------------------------------------------------------------ */

#define mema_takeMemory(heap, size, alignment, chunk) mema_fixedTakeChunk(heap, size, alignment, chunk)
#define mema_takeGrown(heap, from, size, to) mema_fixedTakeChunk(heap, size, MEMA_ALIGNMENT, to)
#define mema_giveMemory(heap, chunk) mema_fixedGiveChunk(heap, chunk)
#define mema_moveBytes(to, from, bytes) mema_moveAlone(to, from, bytes)
#define mema_findChunk(heap, ptr, chunk) mema_fixedFindChunk(heap, ptr, chunk)
#define mema_checkHeap(heap, chunks, bytes) mema_fixedCheck(heap, chunks, bytes)
#define mema_longestIn(heap) mema_fixedLongest(heap)
#define mema_liveOutside(heap) ((size_t)0)
#define mema_isSoundOutside(first) true
#define mema_stretchChunk(first, chunk, size) mema_fixedStretchChunk((chunk)->heap, chunk, size)
#define mema_closeOutside(heap) ((void)0)
#define mema_setHeapBudgets(heap, bytes) ((void)0)
#define mema_trimHeaps(heap) ((void)(heap), (size_t)0)
#define mema_trimWarm() ((size_t)0)
#define mema_mayWatch(options) false
#define mema_leaveParentHeap(pool) ((void)0)

#endif
