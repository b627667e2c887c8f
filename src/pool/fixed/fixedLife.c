/* fixedLife.c - a fixed pool's life and budget, its statistics, its invariants, and the size of its buffer. */

#include "fixedPool.h"

/* ---- init and the end --------------------------------------------------------------------------------------------------- */

/* Returns the fault of the options; mema_noFault: they are good. */
static mema_Fault faultOf(const mema_Options *options) {
  uintptr_t last;
  if (options->buffer == NULL) return mema_bufferIsNull;
  if (options->bufferSize < mema_fixedBufferLeast) return mema_bufferIsSmall;
  if (options->shared) return mema_fixedIsShared;
  if (options->memory != NULL) return mema_fixedHasHooks;
  if (options->locked) return mema_fixedIsLocked;
  if (options->hugePages) return mema_fixedIsHuge;
  if (__builtin_add_overflow((uintptr_t)options->buffer, options->bufferSize - 1, &last)) return mema_bufferPassesEnd;
  return options->poolSize > MEMA_UNLIMITED ? mema_sizeIsTooLarge : mema_noFault;
}

bool mema_fixedJudge(const mema_Options *options) {
  mema_Fault fault = faultOf(options);
  if (fault == mema_sizeIsTooLarge) return mema_failFor(fault, options->poolSize, MEMA_UNLIMITED);
  return fault == mema_noFault || mema_failFor(fault, options->bufferSize, mema_fixedBufferLeast);
}

static void forget(mema_Pool *pool) {
  __builtin_memset(pool, 0, sizeof *pool);
}

static void copyName(mema_Pool *pool, const char *name) {
  for (size_t i = 0; name != NULL && i < sizeof pool->name - 1 && name[i] != '\0'; i++) pool->name[i] = name[i];
}

static size_t heapBytes(const mema_Fixed *fixed) {
  return (size_t)(fixed->end - 1) << mema_grainShift;
}

bool mema_fixedInit(mema_Pool *pool, const mema_Options *options, uintptr_t generation) {
  mema_Fixed *fixed = mema_fixedOpen(options->buffer, options->bufferSize, !options->untracked);
  if (fixed == NULL) return mema_failFor(mema_bufferIsSmall, options->bufferSize, mema_fixedBufferLeast);
  fixed->fallback = options->fallback;
  forget(pool);
  pool->poolSize = pool->freeSize = pool->lowWater = pool->slowPathBelow =
      options->poolSize != 0 ? options->poolSize : heapBytes(fixed);
  pool->ownerAndAge = 1; /* poolAllocated */
  pool->initialized = true;
  pool->mem = mema_fixedAt(fixed, 1);
  pool->untracked = options->untracked;
  pool->committed = options->committed;
  pool->bound = pool->alwaysSlow = options->boundMemory && !options->untracked;
  if (pool->bound) {
    pool->slowPathBelow = PTRDIFF_MAX; /* every request takes the general path */
    fixed->bySize = false;
    fixed->beside = mema_fixedFront * mema_grainSize;
  }
  copyName(pool, options->name);
  fixed->generation = generation + mema_modeFixed;
  pool->generation = generation;
  pool->heap = (mema_Heap *)(void *)fixed;
  pool->seal = mema_sealOf(pool, pool->heap);
  return true;
}

bool mema_fixedFree(mema_Pool *pool, mema_Fixed *fixed) {
  mema_outsideClose(fixed);
  fixed->generation = 0;
  forget(pool);
  return true;
}

bool mema_fixedReset(mema_Pool *pool, mema_Fixed *fixed) {
  mema_outsideClose(fixed);
  mema_fixedClear(fixed);
  pool->head = pool->tail = NULL;
  pool->freeSize = pool->poolSize - pool->charged;
  pool->frees = pool->allocations;
  return true;
}

/* ---- the budget ---------------------------------------------------------------------------------------------------------- */

size_t mema_fixedResize(mema_Pool *pool, size_t poolSize, bool atLeast) {
  size_t live = pool->poolSize - pool->freeSize;
  if (poolSize < live && atLeast) poolSize = live;
  if (poolSize < live) {
    mema_failFor(mema_plainBelowUse, poolSize, live);
    return 0;
  }
  pool->poolSize = poolSize;
  pool->lowWater = pool->freeSize = poolSize - live;
  if (!pool->alwaysSlow) pool->slowPathBelow = pool->lowWater;
  return poolSize;
}

bool mema_fixedCharge(mema_Pool *pool, size_t bytes) {
  if (bytes > pool->freeSize) {
    mema_refuse(pool, bytes > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_OVER_BUDGET, bytes);
    return false;
  }
  pool->charged += bytes;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  return true;
}

bool mema_fixedCredit(mema_Pool *pool, size_t bytes) {
  if (bytes > pool->charged) return mema_failFor(mema_quotaIsLarge, bytes, pool->charged);
  pool->charged -= bytes;
  pool->freeSize += bytes;
  return true;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

void mema_fixedStats(const mema_Pool *pool, const mema_Fixed *fixed, mema_Stats *stats) {
  size_t front = (size_t)(mema_fixedAt(fixed, 1) - (const char *)fixed);
  mema_countStats(pool, stats);
  stats->reservation = heapBytes(fixed);
  stats->footprint = front + heapBytes(fixed);
  mema_outsideStats(fixed, stats);
}

/* Checks the chain: it has as many Blocks as there are live chunks, each Block is that of a live chunk, and
 * the links back match the links forward. */
static const char *checkChain(const mema_Pool *pool, mema_Fixed *fixed, size_t chunks, size_t *bytes) {
  const mema_Block *before = NULL;
  size_t count = 0;
  for (const mema_Block *block = pool->head; block != NULL; before = block, block = block->next) {
    mema_FixedChunk chunk;
    uintptr_t ptr = (uintptr_t)block + mema_fixedFront * mema_grainSize;
    if (count++ == chunks) return "the chain lists no more than the live chunks";
    if (mema_fixedFind(fixed, (const void *)ptr) == 0 && !mema_outsideHolds(fixed, block))
      return "the chain lists Blocks of live chunks";
    if (!mema_fixedFindChunk(fixed, block->ptr, &chunk) || chunk.record != block)
      return "each block of the chain has a live chunk";
    if (block->prev != before) return "the chain leads back as it leads on";
    if (block->size == 0 || block->size > chunk.room) return "a block's size is that of its chunk";
    if (chunk.grain != 0 && chunk.room - block->size >= mema_grainSize) return "a chunk has no more grains than it needs";
    if ((uint8_t)mema_ownerAndAge(block) != (chunk.grain != 0)) return "poolAllocated says where the chunk lies";
    *bytes += mema_fixedChargeOf(fixed, &chunk);
  }
  if (count != chunks) return "the chain lists every live chunk";
  return pool->tail == before ? NULL : "the chain ends at the tail";
}

static const char *findBroken(const mema_Pool *pool, mema_Fixed *fixed) {
  size_t pieces = 0, grains = 0, outside = 0, bytes = 0;
  const char *broken = mema_fixedCheck(fixed, &pieces, &grains);
  if (broken == NULL) broken = mema_outsideCheck(fixed, &outside, &bytes);
  if (broken != NULL) return broken;
  if (pool->mem != mema_fixedAt(fixed, 1)) return "mem is the start of the heap";
  if (pieces + outside != pool->allocations - pool->frees) return "live chunks == allocations - frees";
  if (pool->freeSize > pool->poolSize || pool->lowWater > pool->freeSize) return "lowWater <= freeSize <= poolSize";
  if (pool->charged > pool->poolSize - pool->freeSize) return "charged <= poolSize - freeSize";
  bytes += grains << mema_grainShift;
  if (fixed->tracked) {
    bytes = 0;
    broken = checkChain(pool, fixed, pieces + outside, &bytes);
    if (broken != NULL) return broken;
  } else if (pool->head != NULL || pool->tail != NULL) {
    return "an untracked pool has no chain";
  }
  return pool->poolSize == pool->freeSize + bytes + pool->charged
             ? NULL
             : "poolSize == freeSize + the sizes of the live chunks + charged";
}

bool mema_fixedCheckPool(const mema_Pool *pool, mema_Fixed *fixed) {
  const char *broken = findBroken(pool, fixed);
  if (broken != NULL) mema_failBroken(broken);
  return broken == NULL;
}

/* ---- the bound ----------------------------------------------------------------------------------------------------------- */

/* Returns the size, in grains, of a heap that never refuses a request; mema.h states this bound,
 * docs/design.md names its source.
 *
 * Suppose a request of r grains is refused. Then no free piece has r' grains, where r' is r rounded up to a
 * class (fixed.c). So each free piece has at most r' - 1 grains. No two free pieces are neighbours, so there
 * is a live piece between each two of them. With k live pieces, there are at most k + 1 free ones. Each live
 * piece has at least a grain, and together with the request they have at most `peak`: k <= peak - r. So the
 * heap is no larger than
 *     (peak - r) + (peak - r + 1) * (r' - 1) == (peak - r + 1) * r' - 1
 * and a heap with one grain more refuses nothing. The bound is the maximum of that size over r. All r of a
 * class have one r', so the least of them is the worst. There are some hundreds of classes at most, and the
 * loop looks at each. */
static size_t boundFor(size_t peak, size_t largest) {
  size_t most = 0, r = 1;
  while (r <= largest) {
    uint32_t class = mema_fixedClassUp(r);
    size_t rounded = mema_fixedLeastOf(class), product;
    if (__builtin_mul_overflow(peak - r + 1, rounded, &product)) return SIZE_MAX;
    if (product > most) most = product;
    r = rounded + 1; /* the least of the next class */
  }
  return most;
}

static size_t toGrains(size_t bytes) {
  return (bytes >> mema_grainShift) + (bytes % mema_grainSize != 0);
}

size_t mema_fixedBufferSize(size_t peak, size_t largest) {
  size_t peakGrains = toGrains(peak), largestGrains = toGrains(largest);
  if (largestGrains == 0) largestGrains = 1;
  if (peakGrains < largestGrains) peakGrains = largestGrains;
  size_t grains = boundFor(peakGrains, largestGrains);
  size_t bytes = grains > mema_fixedGrainsMost() ? SIZE_MAX : mema_fixedBytesFor(grains);
  return bytes > MEMA_UNLIMITED ? 0 : bytes;
}
