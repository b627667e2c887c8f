/* fixedChunk.c - see fixedChunk.h.
 *
 *   palloc:  bytes -> grains -> a piece (heap/fixed) -> the budget is charged, the chain grows
 *   pfree:   a live piece starts there? -> the chain shrinks, the budget is credited -> the piece is given back
 *
 * In a tracked pool the Block of a chunk lies at the start of its piece, in front of the chunk: see intact.c. */
#include "fixedChunk.h"

/* Gives back a piece whose charge was refused, and takes the general path. */
static MEMA_NOINLINE void *pallocInstead(mema_Pool *pool, mema_Fixed *fixed, size_t size, uint32_t grain, uint32_t grains) {
  mema_Chunk chunk;
  mema_fixedDescribe(fixed, grain, grains, &chunk);
  mema_fixedGiveChunk(&fixed->heap, &chunk);
  return mema_pallocSlow(pool, size, &fixed->heap);
}

/* Links and returns the chunk of a piece that was taken and charged. */
static MEMA_INLINE void *hand(mema_Pool *pool, const mema_Fixed *fixed, uint32_t grain, uint32_t front, size_t size) {
  char *ptr = mema_fixedChunk(fixed, grain);
  if (front != 0) mema_linkBlock(pool, (mema_Block *)(void *)mema_fixedAt(fixed, grain), ptr, size);
  return ptr;
}

/* Takes a piece for a chunk of `size` bytes, not 0; the piece has `whole` grains. */
static MEMA_NOINLINE void *pallocTake(mema_Pool *pool, mema_Fixed *fixed, size_t size, uint32_t whole) {
  uint32_t front = fixed->front, grain = mema_fixedTake(fixed, whole);
  if (mema_unlikely(grain == 0)) return mema_pallocSlow(pool, size, &fixed->heap);
  size_t charge = front != 0 ? size : (size_t)whole << mema_grainShift;
  if (mema_unlikely(!mema_charge(pool, charge))) return pallocInstead(pool, fixed, size, grain, whole);
  return hand(pool, fixed, grain, front, size);
}

void *mema_fixedPalloc(mema_Pool *pool, size_t size, mema_Fixed *fixed) {
  size_t grains = (size + mema_grainSize - 1) >> mema_grainShift;
  /* 0 bytes, and sizes whose rounding overflows, give 0 grains. Then grains - 1 is out of range, too. */
  if (mema_unlikely(grains - 1 >= fixed->end)) return mema_pallocSlow(pool, size, &fixed->heap);
  uint32_t front = fixed->front, whole = (uint32_t)grains + front, grain = fixed->recent;
  if (fixed->recentSize != whole || whole > mema_fixedNearby) return pallocTake(pool, fixed, size, whole);
  /* From here on: the first case of mema_fixedTake, without the call. */
  size_t charge = front != 0 ? size : grains << mema_grainShift;
  if (mema_unlikely(!mema_charge(pool, charge))) return mema_pallocSlow(pool, size, &fixed->heap);
  fixed->recent = fixed->recentSize = 0;
  return hand(pool, fixed, grain, front, size);
}

static MEMA_NOINLINE bool pfreeTracked(mema_Pool *pool, mema_Fixed *fixed, uint32_t grain) {
  mema_Chunk chunk;
  mema_fixedDescribe(fixed, grain, mema_fixedSize(fixed, grain), &chunk);
  if (!mema_examineBlock(pool, &fixed->heap, &chunk)) return false;
  mema_creditChunk(pool, chunk.record->size);
  mema_unlinkBlock(pool, chunk.record);
  mema_fixedGiveChunk(&fixed->heap, &chunk);
  return true;
}

bool mema_fixedPfree(mema_Pool *pool, void *ptr, mema_Fixed *fixed) {
  uint32_t grain = mema_fixedFind(fixed, ptr);
  if (mema_unlikely(grain == 0)) return mema_pfreeSlow(pool, ptr, &fixed->heap);
  if (mema_unlikely(fixed->front != 0)) return pfreeTracked(pool, fixed, grain);
  uint32_t grains = mema_fixedSize(fixed, grain);
  mema_creditChunk(pool, (size_t)grains << mema_grainShift);
  return mema_fixedGiveRecent(fixed, grain, grains);
}

#if __STDC_HOSTED__ /* libmema-fixed.a takes the general path, and is smaller */
/* Changes the size of a chunk in its place; other cases take the general path. */
void *mema_fixedRepalloc(mema_Pool *pool, void *ptr, size_t size, mema_Fixed *fixed) {
  uint32_t grain = mema_fixedFind(fixed, ptr);
  if (mema_unlikely(grain == 0 || size - 1 >= MEMA_UNLIMITED)) return mema_changeChunk(pool, ptr, size, &fixed->heap);
  uint32_t front = fixed->front, before = mema_fixedSize(fixed, grain);
  size_t after = ((size + mema_grainSize - 1) >> mema_grainShift) + front;
  size_t charged = (size_t)before << mema_grainShift, charge = after << mema_grainShift;
  mema_Chunk chunk;
  if (front != 0) {
    mema_fixedDescribe(fixed, grain, before, &chunk);
    if (!mema_examineBlock(pool, &fixed->heap, &chunk)) return NULL;
    charged = chunk.record->size;
    charge = size;
  }
  if (!mema_hasRoom(pool, charged, charge) || !mema_fixedStretch(fixed, grain, before, after))
    return mema_changeChunk(pool, ptr, size, &fixed->heap);
  mema_rechargeAlone(pool, charged, charge);
  if (front != 0) chunk.record->size = size;
  return ptr;
}
#endif
