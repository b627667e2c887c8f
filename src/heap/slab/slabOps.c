/* slabOps.c - the slab engine's table of operations (heap.h). */
#include "../plan.h"
#include "slabCheck.h"
#include "source.h"

static mema_Heap *open(const mema_Options *options) {
  mema_SlabPlan plan = mema_planFor(options, &mema_slabLayout, false);
  mema_Slab *slab = mema_slabOpen(&plan);
  return slab != NULL ? &slab->heap : NULL;
}

/* All slabs of a pool have units of one size, so that all round sizes alike. */
static void planOutside(const mema_Heap *heap, mema_OutsidePlan *plan) {
  const mema_Slab *slab = mema_constSlab(heap);
  plan->unitShift = slab->unitShift;
  plan->budget = (size_t)slab->runs.budgetUnits << slab->unitShift;
  plan->records = slab->records != NULL;
  plan->like = slab;
}

static bool takeGrown(mema_Heap *heap, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  mema_Slab *slab = mema_slabIn(heap);
  return from->span->kind == mema_unitSlots && mema_slabPrefersRun(slab, from->room, size) &&
         mema_slabTakeGrown(slab, size, to);
}

static size_t reservation(const mema_Heap *heap) {
  return mema_constSlab(heap)->areaSize;
}

static size_t extent(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  return (size_t)slab->runs.frontier << slab->unitShift;
}

/* Finds the first live slot of a span at or behind offset `from` of the area. */
static bool walkSlots(mema_Slab *slab, uint32_t unit, size_t from, mema_Chunk *chunk) {
  const mema_Span *span = &slab->spans[unit];
  const char *first = mema_unitAddress(slab, unit);
  size_t inside = from > ((size_t)unit << slab->unitShift) ? from - ((size_t)unit << slab->unitShift) : 0;
  for (size_t slot = (inside + span->slotSize - 1) / span->slotSize; slot < span->slots; slot++)
    if (mema_slabFind(&slab->heap, first + slot * span->slotSize, chunk)) return true;
  return false;
}

/* A free run may have grown or merged since the last call, so the walk goes through its inside unit by unit. */
static bool walk(mema_Heap *heap, size_t offset, mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  for (size_t unit = offset >> slab->unitShift; unit < slab->runs.frontier;) {
    uint32_t first = (uint32_t)unit;
    if (slab->spans[first].kind == mema_unitInside) first -= slab->spans[first].back;
    const mema_Span *span = &slab->spans[first];
    size_t start = (size_t)first << slab->unitShift;
    if (span->kind == mema_unitSlots && walkSlots(slab, first, offset, chunk)) return true;
    if (span->kind == mema_unitLarge && start >= offset && mema_slabFind(&slab->heap, slab->heap.area + start, chunk))
      return true;
    bool used = span->kind == mema_unitSlots || span->kind == mema_unitLarge;
    unit = used ? first + span->units : unit + 1;
  }
  return false;
}

static bool holdsBlock(const mema_Heap *heap, const mema_Block *block) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_RecordRanges *ranges = &slab->recordRanges;
  uintptr_t offset = (uintptr_t)block - (uintptr_t)slab->records;
  size_t index = offset / sizeof(mema_Block);
  if (slab->records == NULL || offset % sizeof(mema_Block) != 0) return false;
  return index < ranges->nearNext || (index >= ranges->mainFirst && index < ranges->mainNext);
}

const mema_HeapOps mema_slabOps = {
    .kind.engine = MEMA_SLAB,
    .open = open,
    .planOutside = planOutside,
    .take = mema_slabTake,
    .find = mema_slabFind,
    .give = mema_slabGive,
    .stretch = mema_slabStretch,
    .takeGrown = takeGrown,
    .move = mema_slabMove,
    .room = mema_slabRoom,
    .largest = mema_slabLargest,
    .zero = mema_slabZero,
    .clear = mema_slabClear,
    .close = mema_slabClose,
    .trim = mema_slabTrim,
    .setBudget = mema_slabSetBudget,
    .footprint = mema_slabFootprint,
    .reservation = reservation,
    .extent = extent,
    .touched = extent,
    .livesOffset = offsetof(mema_Slab, lives),
    .walk = walk,
    .check = mema_slabCheck,
    .holdsBlock = holdsBlock,
    .tablesShift = mema_tablesShift,
    .beside = mema_besideChunk,
    .servesSubPools = true,
};
