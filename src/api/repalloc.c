/* repalloc.c - changes a chunk's size: in place if its slot or run has room, else by a move. */
#include <string.h>

#include "../heap/slab/slab.h"
#include "../pool/fixedChunk.h"
#include "../pool/tree.h"
#include "../threads/share.h"

/* ---- from slot to slot: the common paths ------------------------------------------------------------------------------- */

/* Charges a pool in a family for a chunk that moves, and counts one allocation and one free. A pool above is charged the
 * difference. False, with nothing changed, iff the general path has to handle the request. */
static MEMA_INLINE bool rechargeChild(mema_Pool *pool, size_t before, size_t after) {
  if (after < before) {
    if (!mema_creditChild(pool, before - after)) return false;
    pool->allocations++;
  } else {
    if (!mema_chargeChild(pool, after - before)) return false;
    pool->frees++;
  }
  return true;
}

static mema_Block *blockOf(const mema_Slab *slab, const mema_Span *span, size_t slot) {
  return slab->records + span->firstRecord + slot;
}

/* Puts the Block of a chunk's new slot in the place of its old Block in the chain. */
static void inherit(mema_Pool *pool, mema_Block *block, const mema_Block *old, char *ptr, size_t size) {
  block->ptr = ptr;
  block->size = size;
  mema_setOwnerAndAge(block, mema_ownerAndAge(old));
  mema_replaceBlock(pool, block, old);
}

/* Returns the class for a slot's chunk that changes to this size; NULL: the chunk should go to a run. */
static MEMA_INLINE mema_SlotClass *nextClass(mema_Slab *slab, size_t slotSize, size_t size) {
  if (mema_likely(size <= mema_tableMax)) return mema_smallClass(slab, size);
  unsigned class = mema_slabClass(slab, size, MEMA_ALIGNMENT);
  return class == slab->classCount || mema_slabPrefersRun(slab, slotSize, size) ? NULL : &slab->classes[class];
}

/* Makes sure that the class has a slot at hand. False iff the slab has no room for another span. */
static MEMA_INLINE bool bringToHand(mema_Slab *slab, const mema_SlotClass *class) {
  return mema_likely(mema_slotAtHand(class)) || mema_slabRefill(slab, (unsigned)(class - slab->classes));
}

/* Moves a slot's chunk to another slot; other cases take the general path. It credits the old charge first.
 * So only the difference is charged, and the low-water mark is right. */
static MEMA_NOINLINE void *changeSlot(mema_Pool *pool, mema_Slab *slab, mema_Span *span, size_t slot, void *ptr,
                                      size_t size) {
  mema_SlotClass *class = nextClass(slab, span->slotSize, size);
  mema_Block *old = pool->untracked ? NULL : blockOf(slab, span, slot);
  if (class == NULL) return mema_changeChunk(pool, ptr, size, &slab->heap);
  size_t before = old != NULL ? old->size : span->slotSize, after = old != NULL ? size : class->slotSize;
  mema_Block *record = NULL;
  if (!mema_hasRoom(pool, before, after) || !bringToHand(slab, class)) return mema_changeChunk(pool, ptr, size, &slab->heap);
  pool->freeSize += before;
  if (mema_unlikely(!mema_charge(pool, after))) { /* impossible: hasRoom was true */
    pool->freeSize -= before;
    return NULL;
  }
  char *to = mema_takeAtHand(slab, class, old != NULL ? &record : NULL);
  memcpy(to, ptr, before < size ? before : size);
  if (old != NULL) inherit(pool, record, old, to, size);
  pool->frees++;
  mema_giveSlot(slab, span, slot, ptr);
  return to;
}

/* True iff the chunk stays in its slot. A tracked chunk is then charged the difference. */
static bool stays(mema_Pool *pool, const mema_Slab *slab, const mema_Span *span, size_t slot, size_t size) {
  if (!mema_staysInSlot(span->slotSize, size)) return false;
  if (pool->untracked) return true;
  mema_Block *block = blockOf(slab, span, slot);
  if (!mema_hasRoom(pool, block->size, size)) return false;
  mema_rechargeAlone(pool, block->size, size);
  block->size = size;
  return true;
}

/* True iff the chunk stays in its own run, with the difference charged. */
static bool staysInRun(mema_Pool *pool, mema_Slab *slab, const void *ptr, size_t size) {
  mema_Span *span = mema_largeAt(slab, ptr);
  if (span == NULL || !mema_staysInRun(slab, span, size)) return false;
  size_t room = mema_slabRoom(&slab->heap, size, MEMA_ALIGNMENT), before = span->bytes, after = room;
  mema_Block *block = pool->untracked ? NULL : blockOf(slab, span, 0);
  if (block != NULL) {
    before = block->size;
    after = size;
  }
  if (!mema_hasRoom(pool, before, after)) return false;
  mema_slabSetBytes(slab, span, room);
  mema_rechargeAlone(pool, before, after);
  if (block != NULL) block->size = after;
  return true;
}

/* Changes a chunk that is in no slot. */
static MEMA_NOINLINE void *repallocLarge(mema_Pool *pool, mema_Slab *slab, void *ptr, size_t size) {
  return size != 0 && staysInRun(pool, slab, ptr, size) ? ptr : mema_changeChunk(pool, ptr, size, &slab->heap);
}

/* Moves a slot's chunk to another slot, in a family. NULL, with nothing changed, iff the general path has to do so. */
static MEMA_INLINE void *changeFamilySlot(mema_Pool *pool, mema_Slab *slab, mema_Span *span, size_t slot, void *ptr,
                                          size_t size) {
  mema_SlotClass *class = nextClass(slab, span->slotSize, size);
  mema_Block *old = pool->untracked ? NULL : blockOf(slab, span, slot), *record = NULL;
  if (class == NULL || !bringToHand(slab, class)) return NULL;
  size_t before = old != NULL ? old->size : span->slotSize, after = old != NULL ? size : class->slotSize;
  if (mema_unlikely(!rechargeChild(pool, before, after))) return NULL;
  char *to = mema_takeAtHand(slab, class, old != NULL ? &record : NULL);
  memcpy(to, ptr, before < size ? before : size);
  if (old != NULL) inherit(pool, record, old, to, size);
  mema_giveSlot(slab, span, slot, ptr);
  return to;
}

/* True iff the chunk stays in its slot, with the difference charged, in a family. */
static MEMA_INLINE bool staysInFamily(mema_Pool *pool, const mema_Slab *slab, const mema_Span *span, size_t slot,
                                      size_t size) {
  if (!mema_staysInSlot(span->slotSize, size)) return false;
  if (pool->untracked) return true;
  mema_Block *block = blockOf(slab, span, slot);
  if (!rechargeChild(pool, block->size, size)) return false;
  pool->allocations--;
  pool->frees--;
  block->size = size;
  return true;
}

/* Handles a pool in a family whose chunks lie in slots. Other pools of the family may have chunks in the same slab. */
static MEMA_NOINLINE void *repallocFamily(mema_Pool *pool, void *ptr, size_t size, mema_Slab *slab) {
  if (mema_unlikely(!mema_nodeLives(pool))) return mema_nullForBadPool();
  size_t slot;
  mema_Span *span = mema_liveSlot(slab, ptr, &slot);
  if (span == NULL || size == 0) return mema_changeChunk(pool, ptr, size, &slab->heap);
  if (!pool->untracked && mema_unlikely(!mema_isOwn(pool, blockOf(slab, span, slot))))
    return mema_changeChunk(pool, ptr, size, &slab->heap);
  if (staysInFamily(pool, slab, span, slot, size)) return ptr;
  void *to = mema_staysInSlot(span->slotSize, size) ? NULL : changeFamilySlot(pool, slab, span, slot, ptr, size);
  return mema_likely(to != NULL) ? to : mema_changeChunk(pool, ptr, size, &slab->heap);
}

/* Handles a shared pool for which the calling thread has no cache at hand, and a Pool that is not live. */
static MEMA_NOINLINE void *repallocShared(mema_Pool *pool, void *ptr, size_t size) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (mema_unlikely(slab == NULL)) return mema_nullForBadPool();
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache != NULL) return mema_resizeHere(pool, ptr, size, cache);
  if (!mema_lockPool(pool, &slab->heap)) return NULL;
  void *to = mema_hasCaches(&slab->heap) ? mema_sharedResize(&slab->heap, ptr, size)
                                         : mema_changeChunk(pool, ptr, size, &slab->heap);
  mema_unlockAfterCall(&slab->heap);
  return to;
}

/* Handles a mode that no slab or arena has: a fixed pool, another engine, or a Pool that is not live. */
static MEMA_NOINLINE void *repallocOther(mema_Pool *pool, void *ptr, size_t size, mema_Heap *heap, uintptr_t mode) {
  if (mema_unlikely(!mema_isMode(mode))) return mema_nullForBadPool();
  return mode == mema_modeFixed && !pool->alwaysSlow ? mema_fixedRepalloc(pool, ptr, size, mema_fixedIn(heap))
                                                     : mema_changeChunk(pool, ptr, size, heap);
}

/* Handles all other pools: pools in families, arenas, and pools that are alwaysSlow or bound. */
static MEMA_NOINLINE void *repallocElse(mema_Pool *pool, void *ptr, size_t size, mema_Slab *header, uintptr_t mode) {
  if (mema_unlikely(mode >= mema_modeCount)) return repallocOther(pool, ptr, size, mema_heapIn(header), mode);
  if ((mode & (mema_modeArena | mema_modeBound)) == 0 && !pool->alwaysSlow) return repallocFamily(pool, ptr, size, header);
  if (mema_unlikely(mema_kindByMode(pool, mode) == mema_noPool)) return mema_nullForBadPool();
  return mema_changeChunk(pool, ptr, size, &header->heap);
}

void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) {
  if (ptr == NULL) return mema_palloc(pool, size);
  uintptr_t mode;
  mema_Slab *slab = mema_slabIn(mema_sealedHeap(pool, &mode));
  if (mema_unlikely(slab == NULL)) {
    mema_ThreadCache *cache = pool != NULL ? mema_enterHere(pool) : NULL;
    return mema_likely(cache != NULL) ? mema_resizeHere(pool, ptr, size, cache) : repallocShared(pool, ptr, size);
  }
  if (mema_unlikely(mode > mema_modeSlotsMost || pool->alwaysSlow)) return repallocElse(pool, ptr, size, slab, mode);
  size_t slot;
  mema_Span *span = mema_liveSlot(slab, ptr, &slot);
  if (span == NULL || size == 0) return repallocLarge(pool, slab, ptr, size);
  return stays(pool, slab, span, slot, size) ? ptr : changeSlot(pool, slab, span, slot, ptr, size);
}
