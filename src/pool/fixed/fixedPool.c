/* fixedPool.c - the chunks of a fixed pool.
 *
 *   palloc:  bytes -> grains -> a piece (heap/fixed) -> the budget is charged, the chain grows
 *   pfree:   a live piece starts there? -> the chain shrinks, the budget is credited -> the piece is given back */
#include "../pressure.h"
#include "fixedPool.h"

/* ---- sizes ------------------------------------------------------------------------------------------------------------- */

static MEMA_INLINE uint32_t frontOf(const mema_Fixed *fixed) {
  return fixed->tracked ? mema_fixedFront : 0;
}

/* Returns the grains of a piece for a chunk of this size, which is at most PTRDIFF_MAX. */
static size_t grainsFor(const mema_Fixed *fixed, size_t size) {
  return ((size + mema_grainSize - 1) >> mema_grainShift) + frontOf(fixed);
}

/* Returns the charge of a chunk of this size in the buffer. */
static size_t chargeFor(const mema_Fixed *fixed, size_t size) {
  return fixed->bySize ? size : mema_roundUp(size, mema_grainSize) + fixed->beside;
}

static MEMA_INLINE mema_Block *blockAt(const mema_Fixed *fixed, uint32_t grain) {
  return (mema_Block *)(void *)mema_fixedAt(fixed, grain);
}

/* ---- Blocks, which chunks may write over -------------------------------------------------------------------------------- */

static bool isBlock(const mema_Fixed *fixed, const mema_Block *block) {
  uintptr_t chunk = (uintptr_t)block + mema_fixedFront * mema_grainSize;
  return mema_fixedFind(fixed, (const void *)chunk) != 0 || mema_outsideHolds(fixed, block);
}

/* True iff a Block is intact, as far as the map and its neighbours show, so that the neighbours may be
 * written to. */
static bool isWhole(const mema_Pool *pool, const mema_Fixed *fixed, const mema_FixedChunk *chunk) {
  const mema_Block *block = chunk->record, *next = block->next, *prev = block->prev;
  if (block->ptr != chunk->ptr || block->size == 0 || block->size > chunk->room) return false;
  if (chunk->grain != 0 && chunk->room - block->size >= mema_grainSize) return false;
  if (next != NULL ? !isBlock(fixed, next) || next->prev != block : pool->tail != block) return false;
  return prev != NULL ? isBlock(fixed, prev) && prev->next == block : pool->head == block;
}

static MEMA_SLOW bool falseForDamage(void) {
  mema_failBroken("a chunk's Block was written over");
  return false;
}

bool mema_fixedIsWhole(const mema_Pool *pool, mema_Fixed *fixed, const mema_Block *block) {
  mema_FixedChunk chunk;
  bool found = isBlock(fixed, block) && mema_fixedFindChunk(fixed, block->ptr, &chunk);
  return (found && chunk.record == block && isWhole(pool, fixed, &chunk)) || falseForDamage();
}

/* ---- chunks in general --------------------------------------------------------------------------------------------------- */

static void describe(const mema_Fixed *fixed, uint32_t grain, uint32_t grains, mema_FixedChunk *chunk) {
  chunk->ptr = mema_fixedChunk(fixed, grain);
  chunk->room = (size_t)(grains - frontOf(fixed)) << mema_grainShift;
  chunk->record = fixed->tracked ? blockAt(fixed, grain) : NULL;
  chunk->grain = grain;
  chunk->grains = grains;
}

static void describeOutside(mema_FixedChunk *chunk) {
  chunk->ptr = chunk->outside.ptr;
  chunk->room = chunk->outside.room;
  chunk->record = chunk->outside.record;
  chunk->grain = chunk->grains = 0;
}

bool mema_fixedFindChunk(mema_Fixed *fixed, const void *ptr, mema_FixedChunk *chunk) {
  uint32_t grain = mema_fixedFind(fixed, ptr);
  if (grain != 0) {
    describe(fixed, grain, mema_fixedSize(fixed, grain), chunk);
    return true;
  }
  if (!mema_outsideFind(fixed, ptr, &chunk->outside)) return false;
  describeOutside(chunk);
  return true;
}

static void giveChunk(mema_Fixed *fixed, const mema_FixedChunk *chunk) {
  if (chunk->grain != 0) {
    mema_fixedGiveRecent(fixed, chunk->grain, chunk->grains);
  } else {
    mema_outsideGive(fixed, &chunk->outside);
  }
}

/* Returns the size of a chunk as its pool counts it. */
static size_t sizeOf(const mema_FixedChunk *chunk) {
  return chunk->record != NULL ? chunk->record->size : chunk->room;
}

/* Takes memory for a chunk; does not charge or link it. `credit` is the part of the budget that the caller
 * gives back afterwards. On failure returns the reason, and *wanted is the bytes that were missing: over the
 * budget, the bytes in addition to the credit. */
static mema_Reason takeChunk(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment, size_t credit,
                             mema_FixedChunk *chunk, size_t *wanted) {
  size_t most = pool->freeSize + credit;
  *wanted = chargeFor(fixed, size);
  if (*wanted > most) {
    *wanted -= credit;
    return MEMA_OVER_BUDGET;
  }
  *wanted = size;
  uint32_t grain = mema_fixedTakeAligned(fixed, grainsFor(fixed, size), alignment);
  if (grain != 0) {
    describe(fixed, grain, mema_fixedSize(fixed, grain), chunk);
    return MEMA_OK;
  }
  if (!fixed->fallback) return MEMA_FRAGMENTED;
  size_t room = mema_outsideRoom(pool, fixed, size, alignment);
  if (room == 0) return MEMA_NO_MEMORY;
  if (!fixed->bySize && room + fixed->beside > most) {
    *wanted = room + fixed->beside - credit;
    return MEMA_OVER_BUDGET;
  }
  if (!mema_outsideTake(pool, fixed, size, alignment, &chunk->outside)) return MEMA_NO_MEMORY;
  describeOutside(chunk);
  return MEMA_OK;
}

/* ---- palloc ------------------------------------------------------------------------------------------------------------- */

/* THE general path: all refusals of a new chunk are made here, and all callbacks about one are made at its
 * end. In a pool that is alwaysSlow, it also handles each request that would leave less than slowPathBelow
 * (mema_charge). */
static MEMA_NOINLINE void *allocate(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment) {
  mema_FixedChunk chunk;
  if (size > MEMA_UNLIMITED || mema_failsOnPurpose(pool)) {
    mema_refuse(pool, size > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_INJECTED, size);
    return NULL;
  }
  size += size == 0;
  size_t wanted;
  mema_Reason reason;
  while ((reason = takeChunk(pool, fixed, size, alignment, 0, &chunk, &wanted)) != MEMA_OK) {
    if (mema_askExhausted(pool, wanted)) continue;
    mema_refuse(pool, reason, wanted);
    return NULL;
  }
  if (chunk.record != NULL) {
    mema_linkBlock(pool, chunk.record, chunk.ptr, size);
    chunk.record->poolAllocated = chunk.grain != 0;
  }
  size_t before = pool->freeSize;
  pool->freeSize -= mema_fixedChargeOf(fixed, &chunk);
  pool->allocations++;
  mema_noteLow(pool);
  mema_settlePressure(pool, before);
  return chunk.ptr;
}

/* Gives back a piece whose charge was refused, and takes the general path. */
static MEMA_NOINLINE void *allocateInstead(mema_Pool *pool, mema_Fixed *fixed, size_t size, uint32_t grain,
                                           uint32_t grains) {
  mema_fixedGiveRecent(fixed, grain, grains);
  return allocate(pool, fixed, size, MEMA_ALIGNMENT);
}

/* Links and returns the chunk of a piece that was taken and charged. */
static MEMA_INLINE void *hand(mema_Pool *pool, const mema_Fixed *fixed, uint32_t grain, uint32_t front, size_t size) {
  char *ptr = mema_fixedChunk(fixed, grain);
  if (front != 0) mema_linkBlock(pool, blockAt(fixed, grain), ptr, size);
  return ptr;
}

/* Takes a piece for a chunk of `size` bytes, not 0; the piece has `whole` grains. */
static MEMA_NOINLINE void *pallocTake(mema_Pool *pool, mema_Fixed *fixed, size_t size, uint32_t whole) {
  uint32_t front = frontOf(fixed), grain = mema_fixedTake(fixed, whole);
  if (mema_unlikely(grain == 0)) return allocate(pool, fixed, size, MEMA_ALIGNMENT);
  size_t charge = front != 0 ? size : (size_t)whole << mema_grainShift;
  if (mema_unlikely(!mema_charge(pool, charge))) return allocateInstead(pool, fixed, size, grain, whole);
  return hand(pool, fixed, grain, front, size);
}

void *mema_fixedPalloc(mema_Pool *pool, size_t size, mema_Fixed *fixed) {
  size_t grains = (size + mema_grainSize - 1) >> mema_grainShift;
  /* 0 bytes, and sizes whose rounding overflows, give 0 grains. Then grains - 1 is out of range, too. */
  if (mema_unlikely(grains - 1 >= fixed->end)) return allocate(pool, fixed, size, MEMA_ALIGNMENT);
  uint32_t front = frontOf(fixed), whole = (uint32_t)grains + front, grain = fixed->recent;
  if (fixed->recentSize != whole || whole > mema_fixedNearby) return pallocTake(pool, fixed, size, whole);
  /* From here on: the first case of mema_fixedTake, without the call. */
  size_t charge = front != 0 ? size : grains << mema_grainShift;
  if (mema_unlikely(!mema_charge(pool, charge))) return allocate(pool, fixed, size, MEMA_ALIGNMENT);
  fixed->recent = fixed->recentSize = 0;
  return hand(pool, fixed, grain, front, size);
}

void *mema_fixedPcalloc(mema_Pool *pool, size_t count, size_t size, mema_Fixed *fixed) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    mema_refuseFor(pool, mema_productOverflows, count, size);
    return NULL;
  }
  void *ptr = mema_fixedPalloc(pool, bytes, fixed);
  return ptr != NULL ? __builtin_memset(ptr, 0, bytes + (bytes == 0)) : NULL;
}

void *mema_fixedPmemalign(mema_Pool *pool, size_t alignment, size_t size, mema_Fixed *fixed) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    mema_refuseFor(pool, mema_alignmentIsBad, alignment, 0);
    return NULL;
  }
  if (alignment > (size_t)1 << 30) {
    mema_refuseFor(pool, mema_alignmentIsLarge, size, alignment);
    return NULL;
  }
  return allocate(pool, fixed, size, alignment);
}

/* ---- pfree -------------------------------------------------------------------------------------------------------------- */

static void credit(mema_Pool *pool, size_t charge) {
  pool->freeSize += charge;
  pool->frees++;
}

static MEMA_NOINLINE bool pfreeElse(mema_Pool *pool, mema_Fixed *fixed, void *ptr) {
  mema_FixedChunk chunk;
  if (!mema_fixedFindChunk(fixed, ptr, &chunk)) {
    pool->badFrees += ptr != NULL;
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  size_t charge = mema_fixedChargeOf(fixed, &chunk);
  if (chunk.record != NULL) {
    if (!isWhole(pool, fixed, &chunk)) return falseForDamage();
    mema_unlinkBlock(pool, chunk.record);
  }
  credit(pool, charge);
  giveChunk(fixed, &chunk);
  return true;
}

bool mema_fixedPfree(mema_Pool *pool, void *ptr, mema_Fixed *fixed) {
  uint32_t grain = mema_fixedFind(fixed, ptr);
  if (mema_unlikely(grain == 0 || fixed->tracked)) return pfreeElse(pool, fixed, ptr);
  uint32_t grains = mema_fixedSize(fixed, grain);
  credit(pool, (size_t)grains << mema_grainShift);
  return mema_fixedGiveRecent(fixed, grain, grains);
}

/* ---- repalloc ------------------------------------------------------------------------------------------------------------ */

static void recharge(mema_Pool *pool, size_t before, size_t after) {
  pool->freeSize += before;
  pool->freeSize -= after;
  mema_noteLow(pool);
}

/* True iff the budget allows a chunk outside to grow in place. An untracked chunk is charged its room, which
 * may exceed the free budget. */
static bool mayGrowOutside(mema_Pool *pool, mema_Fixed *fixed, const mema_FixedChunk *chunk, size_t size) {
  if (fixed->bySize || size <= chunk->room) return true;
  size_t room = mema_outsideRoom(pool, fixed, size, MEMA_ALIGNMENT);
  return room <= chunk->room || room - chunk->room <= pool->freeSize;
}

/* Changes a chunk's size in place. False, with nothing changed, iff there is no room. */
static bool stretch(mema_Pool *pool, mema_Fixed *fixed, mema_FixedChunk *chunk, size_t size) {
  if (chunk->grain == 0) {
    if (!mayGrowOutside(pool, fixed, chunk, size) || !mema_outsideStretch(&chunk->outside, size)) return false;
    describeOutside(chunk);
    return true;
  }
  size_t grains = grainsFor(fixed, size);
  if (!mema_fixedStretch(fixed, chunk->grain, chunk->grains, grains)) return false;
  describe(fixed, chunk->grain, (uint32_t)grains, chunk);
  return true;
}

static void *settle(mema_Pool *pool, const mema_Fixed *fixed, mema_FixedChunk *chunk, size_t before, size_t size) {
  if (chunk->record != NULL) chunk->record->size = size;
  recharge(pool, before, mema_fixedChargeOf(fixed, chunk));
  return chunk->ptr;
}

/* Moves a chunk to another place. MEMA_OK: *ptr is its new address. Otherwise returns the reason, and *wanted
 * is the bytes that were missing. */
static mema_Reason move(mema_Pool *pool, mema_Fixed *fixed, mema_FixedChunk *from, size_t before, size_t size, void **ptr,
                        size_t *wanted) {
  mema_FixedChunk to;
  mema_Reason reason = takeChunk(pool, fixed, size, MEMA_ALIGNMENT, before, &to, wanted);
  if (reason != MEMA_OK) {
    if (size > from->room) return reason;
    *ptr = settle(pool, fixed, from, before, size); /* a chunk outside, which keeps its room */
    return MEMA_OK;
  }
  __builtin_memcpy(to.ptr, from->ptr, from->room < size ? from->room : size);
  if (to.record != NULL && from->record != NULL) { /* both or neither */
    mema_replaceBlock(pool, to.record, from->record);
    to.record->ptr = to.ptr;
    to.record->size = size;
    mema_setOwnerAndAge(to.record, mema_ownerAndAge(from->record));
    to.record->poolAllocated = to.grain != 0;
  }
  recharge(pool, before, mema_fixedChargeOf(fixed, &to));
  pool->allocations++;
  pool->frees++;
  giveChunk(fixed, from);
  *ptr = to.ptr;
  return MEMA_OK;
}

/* Changes a chunk's size in place, or moves it. Results as for move. `again`: this request was counted for
 * failIn before. */
static mema_Reason change(mema_Pool *pool, mema_Fixed *fixed, bool again, size_t size, void **ptr, size_t *wanted) {
  mema_FixedChunk chunk;
  *wanted = size;
  if (!mema_fixedFindChunk(fixed, *ptr, &chunk)) return MEMA_BAD_POINTER;
  if (chunk.record != NULL && !isWhole(pool, fixed, &chunk)) return MEMA_BROKEN;
  if (size > MEMA_UNLIMITED) return MEMA_TOO_LARGE;
  size += size == 0;
  size_t before = mema_fixedChargeOf(fixed, &chunk), after = chargeFor(fixed, size);
  if (!again && pool->failIn != 0 && size > sizeOf(&chunk) && mema_failsOnPurpose(pool)) return MEMA_INJECTED;
  if (after > before && after - before > pool->freeSize) {
    *wanted = after - before;
    return MEMA_OVER_BUDGET;
  }
  if (!stretch(pool, fixed, &chunk, size)) return move(pool, fixed, &chunk, before, size, ptr, wanted);
  *ptr = settle(pool, fixed, &chunk, before, size);
  return MEMA_OK;
}

static MEMA_SLOW void refuseChange(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  if (reason == MEMA_BROKEN) {
    falseForDamage();
  } else if (reason == MEMA_BAD_POINTER) {
    pool->badFrees++;
    mema_fail(reason);
  } else {
    mema_refuse(pool, reason, wanted);
  }
}

/* Asks the callbacks to make room if the change failed for lack of it. A callback may free the chunk or
 * change its size, whatever it answers. True: the caller starts the change again from the beginning. False:
 * the request is refused, and counted. */
static MEMA_NOINLINE bool isWorthAnotherTry(mema_Pool *pool, mema_Fixed *fixed, mema_Reason reason, void *ptr,
                                            size_t wanted) {
  mema_FixedChunk chunk;
  if (reason == MEMA_OVER_BUDGET || reason == MEMA_FRAGMENTED || reason == MEMA_NO_MEMORY) {
    if (mema_askExhausted(pool, wanted)) return true;
    if (!mema_fixedFindChunk(fixed, ptr, &chunk)) reason = MEMA_BAD_POINTER;
  }
  refuseChange(pool, reason, wanted);
  return false;
}

void *mema_fixedRepalloc(mema_Pool *pool, void *ptr, size_t size, mema_Fixed *fixed) {
  if (ptr == NULL) return mema_fixedPalloc(pool, size, fixed);
  size_t freeSize = pool->freeSize, wanted;
  mema_Reason reason;
  for (bool again = false; (reason = change(pool, fixed, again, size, &ptr, &wanted)) != MEMA_OK; again = true) {
    if (!isWorthAnotherTry(pool, fixed, reason, ptr, wanted)) return NULL;
    freeSize = pool->freeSize;
  }
  mema_settlePressure(pool, freeSize);
  return ptr;
}

/* ---- questions ----------------------------------------------------------------------------------------------------------- */

size_t mema_fixedChunkSize(mema_Fixed *fixed, const void *ptr) {
  mema_FixedChunk chunk;
  return mema_fixedFindChunk(fixed, ptr, &chunk) ? sizeOf(&chunk) : 0;
}

size_t mema_fixedLargest(const mema_Pool *pool, mema_Fixed *fixed) {
  uint32_t grains = mema_fixedMost(fixed), front = frontOf(fixed);
  size_t inside = grains > front ? (size_t)(grains - front) << mema_grainShift : 0;
  size_t room = pool->freeSize > fixed->beside ? pool->freeSize - fixed->beside : 0;
  if (fixed->bySize) return fixed->fallback || inside > room ? room : inside;
  if (inside > room) inside = room & ~(size_t)(mema_grainSize - 1);
  size_t outside = fixed->fallback ? mema_outsideLargest(pool, fixed) : 0;
  return outside > inside ? outside : inside;
}
