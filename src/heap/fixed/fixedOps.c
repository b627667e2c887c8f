/* fixedOps.c - the fixed engine's table of operations (heap.h), and the size of a buffer that refuses nothing. */
#include "../../base/error.h"
#include "fixed.h"

/* ---- life -------------------------------------------------------------------------------------------------------------- */

static mema_Fault faultOf(const mema_Options *options) {
  uintptr_t last;
#if !__STDC_HOSTED__
  if (options->fallback) return mema_noFallback;
#endif
  if (options->buffer == NULL) return mema_bufferIsNull;
  if (options->bufferSize < mema_fixedBufferLeast) return mema_bufferIsSmall;
  if (options->locked) return mema_fixedIsLocked;
  if (options->hugePages) return mema_fixedIsHuge;
  if (__builtin_add_overflow((uintptr_t)options->buffer, options->bufferSize - 1, &last)) return mema_bufferPassesEnd;
  return mema_noFault;
}

static bool judge(const mema_Options *options) {
  mema_Fault fault = faultOf(options);
  return fault == mema_noFault || mema_failFor(fault, options->bufferSize, mema_fixedBufferLeast);
}

static size_t reservation(const mema_Heap *heap) {
  return (size_t)(mema_constFixed(heap)->end - 1) << mema_grainShift;
}

static void setBudget(mema_Heap *heap, size_t bytes) {
  size_t units = (bytes >> 10) + (bytes % 1024 != 0);
  mema_fixedIn(heap)->budget = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

/* Where the budget bounds memory, the common paths would not charge enough. */
static mema_Heap *open(const mema_Options *options) {
  mema_Fixed *fixed = mema_fixedOpen(options->buffer, options->bufferSize, !options->untracked);
  if (fixed == NULL) return NULL;
  fixed->heap.mode = options->boundMemory && !options->untracked ? mema_modeGeneral : mema_modeFixed;
  fixed->heap.alone = !options->fallback;
  setBudget(&fixed->heap, options->poolSize != 0 ? options->poolSize : reservation(&fixed->heap));
  return &fixed->heap;
}

static void clear(mema_Heap *heap) {
  mema_fixedClear(mema_fixedIn(heap));
}

/* The buffer is the caller's: there is nothing to give back. */
static void close(mema_Heap *heap) {
  (void)heap;
}

static size_t trim(mema_Heap *heap) {
  (void)heap;
  return 0;
}

/* Chunks outside have a Block even in an untracked pool: it keeps their charge, which is that of a chunk in the
 * buffer. */
static void planOutside(const mema_Heap *heap, mema_OutsidePlan *plan) {
  plan->budget = (size_t)mema_constFixed(heap)->budget << 10;
  plan->records = true;
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

/* Returns the grains of a piece for a chunk of this size. */
static size_t grainsFor(const mema_Fixed *fixed, size_t size) {
  return ((size + mema_grainSize - 1) >> mema_grainShift) + fixed->front;
}

void mema_fixedDescribe(mema_Fixed *fixed, uint32_t grain, uint32_t grains, mema_Chunk *chunk) {
  chunk->ptr = mema_fixedChunk(fixed, grain);
  chunk->room = (size_t)(grains - fixed->front) << mema_grainShift;
  chunk->record = fixed->front != 0 ? (mema_Block *)(void *)mema_fixedAt(fixed, grain) : NULL;
  chunk->heap = &fixed->heap;
  chunk->span = NULL;
  chunk->slot = grain;
  chunk->zeroed = false;
}

bool mema_fixedTakeChunk(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  size_t grains = grainsFor(fixed, size);
  uint32_t grain = mema_fixedTakeAligned(fixed, grains, alignment);
  if (grain == 0) return false;
  mema_fixedDescribe(fixed, grain, (uint32_t)grains, chunk);
  return true;
}

bool mema_fixedFindChunk(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  uint32_t grain = mema_fixedFind(fixed, ptr);
  if (grain == 0) return false;
  mema_fixedDescribe(fixed, grain, mema_fixedSize(fixed, grain), chunk);
  return true;
}

void mema_fixedGiveChunk(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  mema_fixedGiveRecent(fixed, chunk->slot, (uint32_t)grainsFor(fixed, chunk->room));
}

bool mema_fixedStretchChunk(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  if (!mema_fixedStretch(fixed, chunk->slot, (uint32_t)grainsFor(fixed, chunk->room), grainsFor(fixed, size))) return false;
  chunk->room = mema_roundUp(size, mema_grainSize);
  return true;
}

static size_t room(const mema_Heap *heap, size_t size, size_t alignment) {
  (void)heap;
  (void)alignment;
  return mema_roundUp(size, mema_grainSize);
}

static size_t largest(const mema_Heap *heap, size_t most) {
  (void)heap;
  return most & ~(size_t)(mema_grainSize - 1);
}

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

static size_t footprint(const mema_Heap *heap) {
  return (size_t)(heap->area - (const char *)heap) + reservation(heap);
}

static bool holdsBlock(const mema_Heap *heap, const mema_Block *block) {
  return mema_fixedFind(mema_constFixed(heap), (const char *)((uintptr_t)block + mema_fixedFront * mema_grainSize)) != 0;
}

const mema_HeapOps mema_fixedOps = {
    .kind.engine = MEMA_FIXED,
    .judge = judge,
    .open = open,
    .room = room,
    .largest = largest,
    .clear = clear,
    .close = close,
    .setBudget = setBudget,
    .footprint = footprint,
    .reservation = reservation,
    .extent = reservation,
#if __STDC_HOSTED__ /* else alone.h calls them, or nothing does: a program takes no more of them than it needs */
    .planOutside = planOutside,
    .take = mema_fixedTakeChunk,
    .find = mema_fixedFindChunk,
    .give = mema_fixedGiveChunk,
    .stretch = mema_fixedStretchChunk,
    .trim = trim,
    .walk = mema_fixedWalk,
    .check = mema_fixedCheck,
    .longest = mema_fixedLongest,
#endif
    .holdsBlock = holdsBlock,
    .tablesShift = sizeof(size_t) * 8 - 1, /* no chunk has tables */
    .beside = mema_fixedFront * mema_grainSize,
    .noShared = mema_fixedIsShared,
    .noHooks = mema_fixedHasHooks,
    .exposesBlocks = true,
    .inBuffer = true,
    .noFamily = true,
    .chargesBySize = true,
};

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
