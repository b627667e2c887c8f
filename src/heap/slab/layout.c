/* layout.c - the layout of a slab in its reservation.
 *
 *   cell      front: [header, classes][source][near records][spans][bitmaps]   back: [records]            area: [units]
 *   mapping   front: [header, classes]   mapping: [spans][bitmaps][records][guard][area][guard]
 *
 * The near records let a pool of a few chunks live in two pages: the page of the header, and the page of its
 * chunks.
 */
#include <string.h>

#include "../reservation.h"
#include "../../memory/os.h"
#include "source.h"

enum { nearSpans = 8 /* spans that share the first page with the header and the near records */ };

/* The classes of a slab. Slots are at most as large as a unit (eight of them make the longest span), and at
 * most as large as the largest class. */
static uint8_t classCountFor(uint8_t unitShift) {
  size_t largest = (size_t)1 << unitShift;
  return (uint8_t)(largest >= mema_slotMax ? mema_classCount : mema_classOf(largest) + 1);
}

/* The records for an area: enough for slots of 16 bytes throughout, and for ranges that wait for their class.
 * With compact records there are enough for chunks of 64 bytes on average. A pool that needs more goes on in
 * another slab. */
static uint32_t recordsFor(size_t area, bool compactRecords) {
  uint64_t count = compactRecords ? area / 64 + 512 : area / 16 + area / 32;
  return count < UINT32_MAX - 4096 ? (uint32_t)count : UINT32_MAX - 4096;
}

/* Adds the depot, page map and states of a slab for threads behind the other tables. They are touched only as
 * far as there are spans of slots. Rows wait for their class, so there are twice as many as slots of 16 bytes
 * would need. */
static void addStates(mema_Shape *shape, size_t area) {
  size_t page = mema_osPageSize(), rows = area / MEMA_ALIGNMENT / mema_stateRow * 2, most = (size_t)1 << mema_entryRowBits;
  shape->rows = (uint32_t)(rows < most ? rows : most);
  shape->depotOffset = shape->magazinesOffset;
  shape->pageMapOffset = mema_roundUp(shape->depotOffset + mema_depotSlots * sizeof(mema_CachedSlot), page);
  shape->linksOffset = mema_roundUp(shape->pageMapOffset + shape->units * sizeof(mema_MapEntry), page);
  shape->statesOffset = mema_roundUp(shape->linksOffset + shape->rows * sizeof(mema_RowLink), page);
  shape->front = mema_roundUp(shape->statesOffset + (size_t)shape->rows * mema_stateRow, page);
  shape->magazineSize = 0;
}

static mema_Shape shapeOf(size_t area, uint8_t unitShift, bool records, bool compactRecords, bool cell) {
  mema_Shape shape = {.unitShift = unitShift != 0 ? unitShift : mema_unitShiftFor(area)};
  shape.classCount = classCountFor(shape.unitShift);
  shape.units = (uint32_t)(area >> shape.unitShift);
  size_t page = mema_osPageSize(), header = mema_headerSize(shape.classCount), at = 0;
  if (cell) {
    shape.sourceOffset = header;
    header = shape.nearOffset = mema_roundUp(header + mema_sourceCellBytes, 64);
    size_t together = header + nearSpans * sizeof(mema_Span);
    if (records && together < page) shape.nearRecords = (uint32_t)((page - together) / sizeof(mema_Block));
    at = mema_roundUp(header + shape.nearRecords * sizeof(mema_Block), 64);
  }
  shape.spansOffset = at;
  shape.bitmapsOffset = at + (size_t)shape.units * sizeof(mema_Span);
  shape.magazinesOffset = mema_roundUp(shape.bitmapsOffset + area / 128, 64);
  shape.magazineSize =
      shape.unitShift == mema_unitShiftMax ? mema_magazineMost : 0; /* smaller pools lie in the caches anyway */
  shape.front = mema_roundUp(shape.magazinesOffset + mema_magazineBytes(shape.magazineSize, shape.classCount), page);
  shape.mainRecords = records ? recordsFor(area, compactRecords) : 0;
  /* One record more, because the first of these lies at a multiple of a record's size from the near ones. */
  shape.back = records ? mema_roundUp(((size_t)shape.mainRecords + 1) * sizeof(mema_Block), page) : 0;
  return shape;
}

/* For memory that is made ready by parts: makes each table begin on a page of its own. The bitmaps are of whole units,
 * as their part is, so no page lies between two parts. */
static void spreadTables(mema_Shape *shape, size_t area) {
  size_t page = mema_osPageSize(), units = area >> shape->unitShift << shape->unitShift;
  shape->bitmapsOffset = mema_roundUp(shape->bitmapsOffset, page);
  shape->magazinesOffset = mema_roundUp(shape->bitmapsOffset + units / 128, page);
  shape->front = mema_roundUp(shape->magazinesOffset + mema_magazineBytes(shape->magazineSize, shape->classCount), page);
}

static void layOut(mema_Slab *slab, const mema_Shape *shape, char *tables, char *records, char *area, size_t areaSize) {
  (void)areaSize;
  slab->heap.ops = &mema_slabOps;
  slab->heap.area = area;
  slab->areaSize = (size_t)shape->units << shape->unitShift; /* a rest smaller than a unit is not used */
  slab->unitShift = shape->unitShift;
  slab->quanta = slab->areaSize / 8;
  slab->heap.unitQuantaLog = (uint8_t)(shape->unitShift - 3);
  slab->heap.unitMask = (UINT32_C(1) << slab->heap.unitQuantaLog) - 1;
  slab->classCount = shape->classCount;
  slab->runs.units = shape->units;
  slab->spans = (mema_Span *)(void *)(tables + shape->spansOffset);
  slab->bitmaps = tables + shape->bitmapsOffset;
  slab->magazines = (mema_FreeSlot *)(void *)(tables + shape->magazinesOffset);
  slab->magazineSize = shape->magazineSize;
  slab->bitmapUnits = 0;
  slab->runs.slack = 0;
  slab->runs.cleanBytes = 0;
  mema_idleRestart(slab);
  slab->runs.grown = 0;
  slab->runs.moved = 0;
  slab->huge.area = slab->huge.records = 0;
  slab->huge.always = slab->locked = false;
  slab->tablePages = (uint32_t)((shape->front + shape->back) / mema_osPageSize());
  slab->source = NULL;
  slab->runs.purged = 0;
  slab->usedSinceReset = true;
  slab->shared.pageMap = NULL;
  slab->shared.states = NULL;
  /* a late thread of the pool before, whose header this was, may be looking */
  __atomic_store_n(&slab->heap.threads, shape->statesOffset != 0, __ATOMIC_RELAXED);
  slab->shared.rows = shape->rows;
  slab->shared.usedRows = slab->shared.youngRows = 0;
  slab->shared.period = 1;
  slab->shared.ownerId = 0;
  memset(slab->shared.freeRows, 0, sizeof slab->shared.freeRows);
  if (shape->statesOffset != 0) {
    slab->shared.depot = (mema_CachedSlot *)(void *)(tables + shape->depotOffset);
    slab->shared.pageMap = (mema_MapEntry *)(void *)(tables + shape->pageMapOffset);
    slab->shared.rowLinks = (mema_RowLink *)(void *)(tables + shape->linksOffset);
    slab->shared.states = (mema_State *)(void *)(tables + shape->statesOffset);
  }
  slab->records = NULL;
  slab->recordRanges.nearNext = slab->recordRanges.nearEnd = slab->recordRanges.mainFirst = slab->recordRanges.mainNext =
      slab->recordRanges.mainEnd = 0;
  memset(slab->recordRanges.freeRecords, 0, sizeof slab->recordRanges.freeRecords);
  if (shape->mainRecords != 0) {
    char *base = shape->nearRecords != 0 ? (char *)slab + shape->nearOffset : records;
    slab->records = (mema_Block *)(void *)base;
    slab->recordRanges.nearEnd = shape->nearRecords;
    slab->recordRanges.mainFirst = slab->recordRanges.mainNext =
        (uint32_t)(((size_t)(records - base) + sizeof(mema_Block) - 1) / sizeof(mema_Block));
    slab->recordRanges.mainEnd = slab->recordRanges.mainNext + shape->mainRecords;
  }
  for (unsigned step = 0; step <= mema_tableMax / 16; step++)
    slab->classOffsets[step] = (uint16_t)((char *)&slab->classes[mema_classTable[step]] - (char *)slab);
  mema_runInit(slab);
  mema_slabResetClasses(slab);
}

static void extend(mema_Shape *shape, const mema_SlabPlan *plan, size_t area) {
  if (plan->memory != NULL || !plan->committed) spreadTables(shape, area);
  if (plan->threads) addStates(shape, area);
}

/* In a cell, all tables lie in the front, and the first main record may begin behind the start of the back. */
static void setParts(const mema_Slab *slab, mema_Part part[mema_parts]) {
  const mema_RecordRanges *ranges = &slab->recordRanges;
  const mema_SharedTables *shared = &slab->shared;
  bool cell = slab->cellKind >= 0;
  char *end = (char *)slab->mapping + mema_tableBytes(slab), *records = (char *)slab->mapping;
  part[mema_partArea] = (mema_Part){.base = slab->heap.area, .size = slab->areaSize};
  if (slab->records != NULL) {
    if (cell) end = (char *)(slab->records + ranges->mainEnd);
    if (!cell) records = (char *)(slab->records + ranges->mainFirst);
    part[mema_partRecords] = (mema_Part){.base = records, .size = (size_t)(end - records)};
    end = records;
  }
  part[mema_partSpans] = (mema_Part){.base = (char *)slab->spans, .size = slab->runs.units * sizeof(mema_Span)};
  part[mema_partBitmaps] = (mema_Part){.base = slab->bitmaps, .size = slab->areaSize / 128};
  if (shared->states != NULL) {
    part[mema_partPageMap] = (mema_Part){.base = (char *)shared->pageMap, .size = slab->runs.units * sizeof(mema_MapEntry)};
    part[mema_partLinks] = (mema_Part){.base = (char *)shared->rowLinks, .size = shared->rows * sizeof(mema_RowLink)};
    part[mema_partStates] = (mema_Part){.base = (char *)shared->states, .size = (size_t)shared->rows * mema_stateRow};
    end = (char *)shared->pageMap;
  }
  char *rest = (char *)slab->magazines;
  if (!cell) part[mema_partRest] = (mema_Part){.base = rest, .size = (size_t)(end - rest)};
}

/* The first unit keeps the next slab's room away from the area. A slab outside is made
 * for one chunk, so it makes the room for that chunk ready. Hooks commit the tables that other threads read in full. */
static bool begin(mema_Slab *slab, const mema_SlabPlan *plan) {
  if (plan == NULL) return true;
  mema_sourceOpenLookUps(slab);
  if (!mema_sourceReachWhole(slab, mema_partRest)) return false;
  if (plan->memory != NULL && slab->shared.states != NULL) {
    if (!mema_sourceReachWhole(slab, mema_partSpans) || !mema_sourceReachWhole(slab, mema_partPageMap)) return false;
    mema_sourceOpenLookUps(slab);
  }
  if (plan->committed) {
    for (unsigned i = 0; i < mema_parts; i++)
      if (!mema_sourceReachWhole(slab, i)) return false;
    return mema_sourceReachUnits(slab, slab->runs.units);
  }
  if (!plan->outside) return plan->memory != NULL || mema_sourceReachUnits(slab, 1);
  uint32_t spanSlots = (uint32_t)(mema_unitSize(slab) / MEMA_ALIGNMENT);
  return mema_sourceReachUnits(slab, (uint32_t)(plan->least >> slab->unitShift)) &&
         (slab->records == NULL || mema_sourceReachRecords(slab, slab->recordRanges.mainFirst + spanSlots));
}

/* Purges the header last, since it says how much there is to purge. */
static bool purge(mema_Slab *slab, bool frontOnly) {
  size_t records = slab->records == NULL
                       ? 0
                       : ((size_t)(slab->recordRanges.mainNext - slab->recordRanges.mainFirst) + 1) * sizeof(mema_Block);
  size_t front = (size_t)((char *)slab->magazines - (char *)slab) + mema_magazineBytes(slab->magazineSize, slab->classCount);
  bool others = frontOnly || (mema_purgePages(slab->mapping, records) &&
                              mema_purgePages(slab->heap.area, (size_t)slab->runs.frontier << slab->unitShift));
  return others && mema_purgePages(slab, front);
}

const mema_Layout mema_slabLayout = {.ops = &mema_slabOps,
                                     .firstKind = 0,
                                     .sizes = mema_cellSizes,
                                     .shapeOf = shapeOf,
                                     .layOut = layOut,
                                     .setParts = setParts,
                                     .begin = begin,
                                     .purge = purge,
                                     .extend = extend};
