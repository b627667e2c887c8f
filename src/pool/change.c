/* change.c - the general path of repalloc: the size of any chunk, in any heap. No other thread is in the pool. */
#include "pressure.h"
#include "tree.h"

/* Like mema_rechargeAlone, for a sub-pool whose charges may reach its parent, or a pool that is alwaysSlow. */
static MEMA_NOINLINE void rechargeLevels(mema_Pool *pool, size_t before, size_t after) {
  if (after > before) {
    mema_chargeLevels(pool, after - before);
  } else {
    mema_creditLevels(pool, before - after);
  }
  if (pool->alwaysSlow) mema_setSlowPath(pool);
}

/* Like mema_rechargeAlone, for any pool. */
static void recharge(mema_Pool *pool, size_t before, size_t after) {
  if (mema_unlikely(mema_isBelow(pool) || pool->alwaysSlow)) {
    rechargeLevels(pool, before, after);
  } else {
    mema_rechargeAlone(pool, before, after);
  }
}

/* Returns the charge of an untracked chunk with this size and room. */
static MEMA_NOINLINE size_t untrackedCharge(const mema_Heap *heap, size_t size, size_t room) {
  return heap->ops->chargesBySize ? heap->ops->room(heap, size, MEMA_ALIGNMENT) : room;
}

/* Returns the charge of a chunk with this size and room. `bound`, here and below: the budget bounds memory.
 * It is a constant, and each value has functions of its own, which therefore do not test it. */
static MEMA_INLINE size_t chargeBy(bool bound, const mema_Pool *pool, const mema_Heap *first, size_t size, size_t room) {
  if (bound) return mema_boundCharge(first, untrackedCharge(first, size, room));
  return pool->untracked ? untrackedCharge(first, size, room) : size;
}

/* Records the new size of a chunk that stays in its place. `before` is charged for it now. */
static inline void *settleBy(bool bound, mema_Pool *pool, const mema_Heap *first, mema_Chunk *chunk, size_t before,
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
static MEMA_INLINE size_t nextChargeBy(bool bound, const mema_Pool *pool, const mema_Heap *first, const mema_Chunk *chunk,
                                       size_t size) {
  if (bound) return mema_boundCharge(first, nextUntrackedCharge(first, size, chunk->room));
  return pool->untracked ? nextUntrackedCharge(first, size, chunk->room) : size;
}

/* Sets owner and age of a chunk that has moved to a slab outside. In an untracked arena only a chunk that was
 * outside before has an age to keep; a chunk from the area gets the age of its move. */
static MEMA_NOINLINE void keepAge(const mema_Pool *pool, const mema_Chunk *from, const mema_Chunk *to) {
  if (to->record != NULL)
    mema_setOwnerAndAge(to->record, from->heap->outside ? mema_ownerAndAge(from->record) : pool->ownerAndAge);
}

/* Takes memory of the new size and copies the old chunk's bytes there, of which there are `before`. Does not
 * charge or link it. False, with nothing changed, iff there is no memory. */
static MEMA_INLINE bool copyOut(mema_Pool *pool, mema_Heap *heap, const mema_Chunk *from, size_t before, size_t size,
                                mema_Chunk *to) {
  if (!mema_takeGrown(heap, from, size, to)) return false;
  if (!mema_moveBytes(to, from, before < size ? before : size)) return false;
  if (to->heap->outside) keepAge(pool, from, to);
  return true;
}

/* A chunk that moves counts as a new one. */
static inline void countMove(mema_Pool *pool) {
  pool->allocations++;
  pool->frees++;
}

/* Moves the chunk's bytes to another place. The chunk keeps its age, and so its position in the chain. On
 * entry `charged` bytes are charged for it, and `before` were charged before the call. NULL, with `before`
 * charged again: the system has no memory. */
static MEMA_INLINE void *moveBy(bool bound, mema_Pool *pool, mema_Heap *heap, mema_Chunk *from, size_t before,
                                size_t charged, size_t size) {
  mema_Chunk to;
  if (!copyOut(pool, heap, from, bound ? from->record->size : before, size, &to)) {
    if (size <= from->room) return settleBy(bound, pool, heap, from, charged, size);
    if (charged != before) mema_creditLevels(pool, charged - before);
    return NULL;
  }
  if (!pool->untracked) {
    mema_replaceBlock(pool, to.record, from->record);
    to.record->ptr = to.ptr;
    mema_setOwnerAndAge(to.record, mema_ownerAndAge(from->record));
    to.record->poolAllocated = !to.heap->outside;
  }
  size_t after = chargeBy(bound, pool, heap, size, to.room);
  if (to.record != NULL) to.record->size = bound ? size : after;
  recharge(pool, charged, after);
  countMove(pool);
  mema_giveMemory(heap, from);
  return to.ptr;
}

/* ---- any chunk --------------------------------------------------------------------------------------------------------- */

static void *refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  mema_refuse(pool, reason, wanted);
  return NULL;
}

static MEMA_SLOW bool refusePointer(mema_Pool *pool) {
  pool->badFrees++;
  mema_fail(MEMA_BAD_POINTER);
  return false;
}

/* Finds the pool's own live chunk that starts at ptr. False, and the failure noted, iff there is none, or its Block
 * was written over. */
static MEMA_INLINE bool findToChange(mema_Pool *pool, mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  return mema_likely(mema_findOwn(pool, heap, ptr, chunk)) ? mema_isIntact(pool, heap, chunk) : refusePointer(pool);
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
static MEMA_NOINLINE bool isWorthAnotherTry(mema_Pool *pool, mema_Heap *heap, mema_Chunk *chunk, size_t size,
                                            size_t missing) {
  bool again = missing == 0 ? mema_askExhausted(pool, size) : mema_askForRoom(pool, missing);
  if (!findToChange(pool, heap, chunk->ptr, chunk)) return false;
  if (again) return true;
  if (missing != 0) return mema_refuseLevels(pool, missing);
  mema_refuse(pool, heap->alone ? MEMA_FRAGMENTED : MEMA_NO_MEMORY, size);
  return false;
}

static MEMA_INLINE void *changeBy(bool bound, mema_Pool *pool, mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  size_t missing;
  do {
    size_t before = bound ? mema_boundChargeOf(pool, chunk) : mema_sizeOf(pool, chunk);
    size_t after = nextChargeBy(bound, pool, heap, chunk, size), charged = before;
    missing = after - before; /* of budget, unless it has room */
    if (mema_hasRoom(pool, before, after) &&
        (after <= before || !mema_isBelow(pool) || (charged = reserve(pool, before, after)) != 0)) {
      const char *ptr = chunk->ptr;
      if (mema_stretchChunk(heap, chunk, size)) {
        if (mema_unlikely(chunk->ptr != ptr)) countMove(pool); /* its bytes lie elsewhere: heap/watch/plain.c */
        return settleBy(bound, pool, heap, chunk, charged, size);
      }
      void *to = moveBy(bound, pool, heap, chunk, before, charged, size);
      if (to != NULL) return to;
      missing = 0;
    }
  } while (isWorthAnotherTry(pool, heap, chunk, size, missing));
  return NULL;
}

#if __STDC_HOSTED__
static MEMA_NOINLINE void *changeBound(mema_Pool *pool, mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  return changeBy(true, pool, heap, chunk, size);
}

static void *change(mema_Pool *pool, mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  return mema_unlikely(pool->bound) ? changeBound(pool, heap, chunk, size) : changeBy(false, pool, heap, chunk, size);
}
#else
/* One function for both values is smaller. */
static void *change(mema_Pool *pool, mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  return changeBy(pool->bound, pool, heap, chunk, size);
}
#endif

void *mema_changeChunk(mema_Pool *pool, void *ptr, size_t size, mema_Heap *heap) {
  mema_Chunk chunk;
  if (!findToChange(pool, heap, ptr, &chunk)) return NULL;
  if (size > MEMA_UNLIMITED) return refuse(pool, MEMA_TOO_LARGE, size);
  size += size == 0;
  mema_noteLow(pool);
  if (pool->failIn != 0 && size > mema_sizeOf(pool, &chunk) && mema_failsOnPurpose(pool))
    return refuse(pool, MEMA_INJECTED, size);
  void *to = change(pool, heap, &chunk, size);
  if (to != NULL) mema_announceLow(pool);
  return to;
}
