/* repalloc.c - changes a chunk's size: in place if its slot or run has room, else by a move. */
#include <string.h>

#include "../heap/arena/arena.h"
#include "../pool/tree.h"
#include "../pool/fixed/fixedPool.h"
#include "../pool/pressure.h"
#include "../threads/share.h"

/* Changes the charge of one chunk from `before` to `after` bytes, in a pool whose charges reach no parent and
 * no callback. The caller has checked that the budget has room. */
static void rechargeAlone(mema_Pool *pool, size_t before, size_t after) {
  pool->freeSize += before;
  pool->freeSize -= after;
  mema_noteLow(pool);
}

/* Like rechargeAlone, for a sub-pool whose charges may reach its parent, or a pool that is alwaysSlow. */
static MEMA_NOINLINE void rechargeLevels(mema_Pool *pool, size_t before, size_t after) {
  if (after > before) {
    mema_chargeLevels(pool, after - before);
  } else {
    mema_creditLevels(pool, before - after);
  }
  if (pool->alwaysSlow) mema_setSlowPath(pool);
}

/* Like rechargeAlone, for any pool. */
static void recharge(mema_Pool *pool, size_t before, size_t after) {
  if (mema_unlikely(mema_isBelow(pool) || pool->alwaysSlow)) {
    rechargeLevels(pool, before, after);
  } else {
    rechargeAlone(pool, before, after);
  }
}

static bool hasRoom(const mema_Pool *pool, size_t before, size_t after) {
  return after <= before || after - before <= pool->freeSize;
}

/* Returns the charge of an untracked chunk with this size and room. */
static MEMA_NOINLINE size_t untrackedCharge(const mema_Heap *heap, size_t size, size_t room) {
  return heap->ops->chargesBySize ? heap->ops->room(heap, size, MEMA_ALIGNMENT) : room;
}

/* Returns the charge of a chunk with this size and room. `bound`, here and below: the budget bounds memory.
 * It is a constant, and each value has functions of its own, which therefore do not test it. */
static MEMA_INLINE size_t chargeBy(bool bound, const mema_Pool *pool, const mema_Slab *first, size_t size, size_t room) {
  if (bound) return mema_boundCharge(untrackedCharge(&first->heap, size, room));
  return pool->untracked ? untrackedCharge(&first->heap, size, room) : size;
}

/* Records the new size of a chunk that stays in its place. `before` is charged for it now. */
static inline void *settleBy(bool bound, mema_Pool *pool, const mema_Slab *first, mema_Chunk *chunk, size_t before,
                             size_t size) {
  size_t after = chargeBy(bound, pool, first, size, chunk->room);
  recharge(pool, before, after);
  if (chunk->record != NULL) chunk->record->size = bound ? size : after;
  return chunk->ptr;
}

/* Returns the bytes that an untracked chunk will be charged if it stays in its heap. */
static MEMA_NOINLINE size_t nextUntrackedCharge(const mema_Heap *heap, size_t size, size_t room) {
  return size <= room && !heap->ops->chargesBySize ? room : heap->ops->room(heap, size, MEMA_ALIGNMENT);
}

/* Like nextUntrackedCharge, for any chunk. */
static MEMA_INLINE size_t nextChargeBy(bool bound, const mema_Pool *pool, const mema_Slab *first, const mema_Chunk *chunk,
                                       size_t size) {
  if (bound) return mema_boundCharge(nextUntrackedCharge(&first->heap, size, chunk->room));
  return pool->untracked ? nextUntrackedCharge(&first->heap, size, chunk->room) : size;
}

/* Sets owner and age of a chunk that has moved to a slab outside. In an untracked arena only a chunk that was
 * outside before has an age to keep; a chunk from the area gets the age of its move. */
static MEMA_NOINLINE void countOutside(const mema_Pool *pool, const mema_Chunk *from, const mema_Chunk *to) {
  if (to->record != NULL)
    mema_setOwnerAndAge(to->record, from->record != NULL ? mema_ownerAndAge(from->record) : pool->ownerAndAge);
}

/* Takes memory of the new size and copies the old chunk's bytes there, of which there are `before`. Does not
 * charge or link it. False, with nothing changed, iff there is no memory. */
static MEMA_INLINE bool copyOut(mema_Pool *pool, mema_Slab *slab, const mema_Chunk *from, size_t before, size_t size,
                                mema_Chunk *to) {
  if (!mema_takeGrown(&slab->heap, from, size, to)) return false;
  if (!mema_moveBytes(to, from, before < size ? before : size)) return false;
  if (to->heap->outside) countOutside(pool, from, to);
  return true;
}

/* Moves the chunk's bytes to another place. The chunk keeps its age, and so its position in the chain. On
 * entry `charged` bytes are charged for it, and `before` were charged before the call. NULL, with `before`
 * charged again: the system has no memory. */
static MEMA_INLINE void *moveBy(bool bound, mema_Pool *pool, mema_Slab *slab, mema_Chunk *from, size_t before,
                                size_t charged, size_t size) {
  mema_Chunk to;
  if (!copyOut(pool, slab, from, bound ? from->record->size : before, size, &to)) {
    if (size <= from->room) return settleBy(bound, pool, slab, from, charged, size);
    if (charged != before) mema_creditLevels(pool, charged - before);
    return NULL;
  }
  if (!pool->untracked) {
    mema_replaceBlock(pool, to.record, from->record);
    to.record->ptr = to.ptr;
    mema_setOwnerAndAge(to.record, mema_ownerAndAge(from->record));
    to.record->poolAllocated = !to.heap->outside;
  }
  size_t after = chargeBy(bound, pool, slab, size, to.room);
  if (to.record != NULL) to.record->size = bound ? size : after;
  recharge(pool, charged, after);
  pool->allocations++;
  pool->frees++;
  mema_giveMemory(&slab->heap, from);
  return to.ptr;
}

/* ---- any chunk --------------------------------------------------------------------------------------------------------- */

static void *refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  mema_refuse(pool, reason, wanted);
  return NULL;
}

static void *refusePointer(mema_Pool *pool) {
  pool->badFrees++;
  mema_fail(MEMA_BAD_POINTER);
  return NULL;
}

/* Makes sure that all levels have room for the growth of a sub-pool's chunk. Returns the bytes that are then
 * charged for the chunk; 0: some level has no room. Under a shared root another thread could take the room
 * meanwhile, so there the growth is charged at once. */
static MEMA_NOINLINE size_t reserve(mema_Pool *pool, size_t before, size_t after) {
  if (!mema_isContended(pool)) return mema_isShort(pool, after - before) ? 0 : before;
  return mema_chargeLevels(pool, after - before) ? after : 0;
}

/* Asks the callbacks to make room for a change that failed: `missing` is the bytes of budget that it lacked;
 * 0: it lacked memory. A callback may free the chunk or change its size, whatever it answers. True: the
 * caller starts again from the beginning. False: the request is refused, and counted. */
static MEMA_NOINLINE bool isWorthAnotherTry(mema_Pool *pool, mema_Slab *slab, mema_Chunk *chunk, size_t size,
                                            size_t missing) {
  bool again = missing == 0 ? mema_askExhausted(pool, size) : mema_askForRoom(pool, missing);
  if (!mema_findOwn(pool, &slab->heap, chunk->ptr, chunk)) {
    refusePointer(pool);
    return false;
  }
  if (again) return true;
  if (missing != 0) return mema_refuseLevels(pool, missing);
  mema_refuse(pool, MEMA_NO_MEMORY, size);
  return false;
}

static MEMA_INLINE void *changeBy(bool bound, mema_Pool *pool, mema_Slab *slab, mema_Chunk *chunk, size_t size) {
  size_t missing;
  do {
    size_t before = bound ? mema_boundChargeOf(pool, chunk) : mema_sizeOf(pool, chunk);
    size_t after = nextChargeBy(bound, pool, slab, chunk, size), charged = before;
    missing = after - before; /* of budget, unless it has room */
    if (hasRoom(pool, before, after) &&
        (after <= before || !mema_isBelow(pool) || (charged = reserve(pool, before, after)) != 0)) {
      if (chunk->heap->ops->stretch(chunk->heap, chunk, size)) return settleBy(bound, pool, slab, chunk, charged, size);
      void *to = moveBy(bound, pool, slab, chunk, before, charged, size);
      if (to != NULL) return to;
      missing = 0;
    }
  } while (isWorthAnotherTry(pool, slab, chunk, size, missing));
  return NULL;
}

static MEMA_NOINLINE void *changeBound(mema_Pool *pool, mema_Slab *slab, mema_Chunk *chunk, size_t size) {
  return changeBy(true, pool, slab, chunk, size);
}

static void *change(mema_Pool *pool, mema_Slab *slab, mema_Chunk *chunk, size_t size) {
  return mema_unlikely(pool->bound) ? changeBound(pool, slab, chunk, size) : changeBy(false, pool, slab, chunk, size);
}

static MEMA_NOINLINE void *repallocAny(mema_Pool *pool, mema_Slab *slab, void *ptr, size_t size) {
  mema_Chunk chunk;
  if (!mema_findOwn(pool, &slab->heap, ptr, &chunk)) return refusePointer(pool);
  if (size > MEMA_UNLIMITED) return refuse(pool, MEMA_TOO_LARGE, size);
  size += size == 0;
  mema_noteLow(pool);
  if (pool->failIn != 0 && size > mema_sizeOf(pool, &chunk) && mema_failsOnPurpose(pool))
    return refuse(pool, MEMA_INJECTED, size);
  void *to = change(pool, slab, &chunk, size);
  if (to != NULL) mema_announceLow(pool);
  return to;
}

/* ---- from slot to slot: the common paths ------------------------------------------------------------------------------- */

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
static mema_SlotClass *nextClass(mema_Slab *slab, size_t slotSize, size_t size) {
  if (mema_likely(size <= mema_tableMax)) return mema_smallClass(slab, size);
  unsigned class = mema_slabClass(slab, size, MEMA_ALIGNMENT);
  return class == slab->classCount || mema_slabPrefersRun(slab, slotSize, size) ? NULL : &slab->classes[class];
}

/* Makes sure that the class has a slot at hand. False iff the slab has no room for another span. */
static bool bringToHand(mema_Slab *slab, const mema_SlotClass *class) {
  return mema_likely(mema_slotAtHand(class)) || mema_slabRefill(slab, (unsigned)(class - slab->classes));
}

/* Moves a slot's chunk to another slot; other cases take the general path. It credits the old charge first.
 * So only the difference is charged, and the low-water mark is right. */
static MEMA_NOINLINE void *changeSlot(mema_Pool *pool, mema_Slab *slab, mema_Span *span, size_t slot, void *ptr,
                                      size_t size) {
  mema_SlotClass *class = nextClass(slab, span->slotSize, size);
  mema_Block *old = pool->untracked ? NULL : blockOf(slab, span, slot);
  if (class == NULL) return repallocAny(pool, slab, ptr, size);
  size_t before = old != NULL ? old->size : span->slotSize, after = old != NULL ? size : class->slotSize;
  mema_Block *record = NULL;
  if (!hasRoom(pool, before, after) || !bringToHand(slab, class)) return repallocAny(pool, slab, ptr, size);
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
  if (!hasRoom(pool, block->size, size)) return false;
  rechargeAlone(pool, block->size, size);
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
  if (!hasRoom(pool, before, after)) return false;
  mema_slabSetBytes(slab, span, room);
  rechargeAlone(pool, before, after);
  if (block != NULL) block->size = after;
  return true;
}

/* Changes a chunk that is in no slot. */
static MEMA_NOINLINE void *repallocLarge(mema_Pool *pool, mema_Slab *slab, void *ptr, size_t size) {
  return size != 0 && staysInRun(pool, slab, ptr, size) ? ptr : repallocAny(pool, slab, ptr, size);
}

/* Handles a shared pool for which the calling thread has no cache at hand, and a Pool that is not live. */
static MEMA_NOINLINE void *repallocShared(mema_Pool *pool, void *ptr, size_t size) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (mema_unlikely(slab == NULL)) return mema_nullForBadPool();
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache != NULL) return mema_resizeHere(pool, ptr, size, cache);
  if (!mema_lockPool(pool, &slab->heap)) return NULL;
  void *to = mema_hasCaches(&slab->heap) ? mema_sharedResize(&slab->heap, ptr, size) : repallocAny(pool, slab, ptr, size);
  mema_unlockAfterCall(&slab->heap);
  return to;
}

/* Handles all other pools: arenas, pools in families, pools that are alwaysSlow or bound, fixed pools, and a
 * Pool that is not live. */
static MEMA_NOINLINE void *repallocElse(mema_Pool *pool, void *ptr, size_t size, mema_Slab *header, uintptr_t mode) {
  mema_Kind kind = mema_kindByMode(pool, mode);
  if (mema_likely(kind == mema_plainPool)) return repallocAny(pool, header, ptr, size);
  if (kind == mema_noPool) return mema_nullForBadPool();
  return mema_fixedRepalloc(pool, ptr, size, (mema_Fixed *)(void *)header);
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
