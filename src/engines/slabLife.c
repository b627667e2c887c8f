/* slabLife.c - how a slab is laid out in its memory (which source.c gets), and what becomes of it.
 *
 * Small slabs (areas of 256 KiB to 16 MiB) are cells: many in one mapping. Larger ones, and those of unusual size, are mapped by
 * themselves, but for the header, which is a small cell too: header memory is never unmapped, so that a stale Pool can be told
 * from a live one by looking at it.
 *
 *   cell      front: [header, classes][near records][spans][bitmaps]   back: [records]            area: [units]
 *   mapping   front: [header, classes]   mapping: [spans][bitmaps][records][guard][area][guard]
 *
 * An arena has the words of its bits in the place of spans and bitmaps, and no near records.
 *
 * Everything here is address space until it is touched. The near records let a pool of a few chunks live in two pages: this one
 * and the one of its chunks.
 *
 * A closed slab is kept warm: its chunks are freed, a span of each class stays formatted, and its pages stay, so that the next
 * slab of the same shape is made without a system call, and its memory without page faults. How much may stay is bounded, for
 * each and for all (Warmth below). A large one waits for the next pool of its shape only until a large one of another shape is
 * made: then it goes, so that a process does not hold the memory of both.
 */
#include <stdatomic.h>
#include <string.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "arena.h"
#include "source.h"

enum {
  cellAreaLog = 18,           /* the smallest cell's area is 256 KiB, */
  cellSizes = 7,              /* the largest one's 64 times that */
  headerKind = 2 * cellSizes, /* mema_cellSlabs kinds in all */
  arenaKind = mema_cellSlabs,
  arenaSizes = mema_cellArenas / 2, /* from 256 KiB on as well */
  nearSpans = 11,                   /* spans that share the first page with the header and the near records */
  hugeFrom = 32 << 20,              /* sixteen huge pages: one more is not much then */
  hugeFromShared = 64 << 20,        /* whole programs: some never use the last one's rest */
  hugeAreas = 32 << 20,             /* areas from here on start at a huge page */
  warmLarge = 1 << 20,              /* what a warm mapping may keep though others are made */
  warmMappings = 16,
  sparseFrom = 2 << 20,  /* bytes to be zeroed: from here on it is asked whether they are in memory, */
  sparsePiece = 1 << 20, /* so many at a time */
  tightShare = 4,        /* under an address-space limit, a slab takes at most this part of it */
  mappingAlignment = 64 * 1024,
};

static const size_t unitsMax = (size_t)1 << 26;       /* so that a word's number fits behind a unit's in 32 bits */
static const size_t roomyAddresses = (size_t)1 << 36; /* limits below 64 GiB are tight */

/* Bytes kept warm: at most `each` of one slab, `all` in the process. */
typedef struct Warmth {
  const size_t each, all;
  _Atomic size_t now;
} Warmth;

static Warmth warmCells = {.each = 1 << 20, .all = 32 << 20};
static Warmth warmMapped = {.each = 128 << 20, .all = 128 << 20};
static _Atomic(mema_Slab *) warmSlabs[warmMappings];

typedef struct Shape {
  uint8_t unitShift;
  uint8_t classCount;
  uint32_t units;
  uint32_t nearRecords;
  uint32_t mainRecords;
  uint8_t magazineSize;
  uint32_t rows;
  size_t depotOffset, homesOffset, linksOffset, statesOffset; /* of a slab for threads; else 0 */
  /* From the header; but for the first, from the mapping if separate. */
  size_t nearOffset, spansOffset, bitmapsOffset, magazinesOffset;
  size_t front, back; /* bytes, whole pages */
} Shape;

static unsigned logOf(size_t n) {
  return (unsigned)(sizeof(unsigned long long) * 8 - 1) - (unsigned)__builtin_clzll(n);
}

/* About a thousand units to a slab, of 1 KiB to 64 KiB: small pools touch little, large ones have long spans. */
static uint8_t unitShiftFor(size_t area) {
  unsigned log = logOf(area);
  if (log < mema_unitShiftMin + 10) return mema_unitShiftMin;
  return log - 10 < mema_unitShiftMax ? (uint8_t)(log - 10) : mema_unitShiftMax;
}

/* Slots may be as large as a unit (eight of them make the longest span), but no larger than the largest class. */
static uint8_t classCountFor(uint8_t unitShift) {
  size_t largest = (size_t)1 << unitShift;
  return (uint8_t)(largest >= mema_slotMax ? mema_classCount : mema_classOf(largest) + 1);
}

static size_t headerSize(uint8_t classCount) {
  return mema_roundUp(sizeof(mema_Slab) + (classCount + 1u) * sizeof(mema_SlotClass), 64);
}

static size_t magazineBytes(uint8_t magazineSize, uint8_t classCount) {
  return (size_t)magazineSize * classCount * sizeof(mema_FreeSlot);
}

/* Records for an area: enough for slots of 16 bytes throughout, and for ranges that wait for their class; a lean area has
 * enough for chunks of 64 bytes on average. Whoever runs out goes on in another slab. */
static uint32_t recordsFor(size_t area, bool lean) {
  uint64_t count = lean ? area / 64 + 512 : area / 16 + area / 32;
  return count < UINT32_MAX - 4096 ? (uint32_t)count : UINT32_MAX - 4096;
}

/* A slab for threads: depot, homes and states behind the rest; touched only as far as there are spans of slots. Rows wait for their class,
 * so there are twice as many as slots of 16 bytes would need. */
static void addStates(Shape *shape, size_t area) {
  size_t page = mema_osPageSize(), rows = area / MEMA_ALIGNMENT / mema_stateRow * 2, most = (size_t)1 << mema_homeRowBits;
  shape->rows = (uint32_t)(rows < most ? rows : most);
  shape->depotOffset = shape->magazinesOffset;
  shape->homesOffset = mema_roundUp(shape->depotOffset + mema_depotSpares * sizeof(mema_Spare), page);
  shape->linksOffset = mema_roundUp(shape->homesOffset + shape->units * sizeof(mema_Home), page);
  shape->statesOffset = mema_roundUp(shape->linksOffset + shape->rows * sizeof(mema_RowLink), page);
  shape->front = mema_roundUp(shape->statesOffset + (size_t)shape->rows * mema_stateRow, page);
  shape->magazineSize = 0;
}

static Shape shapeOf(size_t area, uint8_t unitShift, bool records, bool lean, bool cell) {
  Shape shape = {.unitShift = unitShift != 0 ? unitShift : unitShiftFor(area)};
  shape.classCount = classCountFor(shape.unitShift);
  shape.units = (uint32_t)(area >> shape.unitShift);
  size_t page = mema_osPageSize(), header = headerSize(shape.classCount), at = 0;
  if (cell) {
    shape.nearOffset = header;
    size_t together = header + nearSpans * sizeof(mema_Span);
    if (records && together < page) shape.nearRecords = (uint32_t)((page - together) / sizeof(mema_Block));
    at = mema_roundUp(header + shape.nearRecords * sizeof(mema_Block), 64);
  }
  shape.spansOffset = at;
  shape.bitmapsOffset = at + (size_t)shape.units * sizeof(mema_Span);
  shape.magazinesOffset = mema_roundUp(shape.bitmapsOffset + area / 128, 64);
  shape.magazineSize =
      shape.unitShift == mema_unitShiftMax ? mema_magazineMost : 0; /* smaller pools lie in the caches anyway */
  shape.front = mema_roundUp(shape.magazinesOffset + magazineBytes(shape.magazineSize, shape.classCount), page);
  shape.mainRecords = records ? recordsFor(area, lean) : 0;
  /* One record more: the first of them is at a multiple of a record's size from the near ones. */
  shape.back = records ? mema_roundUp(((size_t)shape.mainRecords + 1) * sizeof(mema_Block), page) : 0;
  return shape;
}

/* For memory that has to be committed: each table begins on a page of its own. */
static void spreadTables(Shape *shape, size_t area) {
  size_t page = mema_osPageSize();
  shape->bitmapsOffset = mema_roundUp(shape->bitmapsOffset, page);
  shape->magazinesOffset = mema_roundUp(shape->bitmapsOffset + area / 128, page);
  shape->front = mema_roundUp(shape->magazinesOffset + magazineBytes(shape->magazineSize, shape->classCount), page);
}

enum { arenaHeader = (sizeof(mema_Slab) + sizeof(mema_Arena) + 63) / 64 * 64 };

static size_t arenaFront(size_t area, size_t header) {
  size_t words = mema_roundUp((area + 1023) / 1024, mema_arenaRow);
  return mema_roundUp(header + words * sizeof(mema_ArenaWord), mema_osPageSize());
}

/* Pieces may all be of 16 bytes; a lean arena has records for pieces of 64 on average. */
static Shape arenaShapeOf(size_t area, bool records, bool lean, bool cell) {
  size_t page = mema_osPageSize();
  Shape shape = {.unitShift = unitShiftFor(area), .spansOffset = cell ? arenaHeader : 0};
  uint64_t pieces = !records ? 0 : lean ? area / 64 + 512 : area / 16;
  shape.mainRecords = pieces < UINT32_MAX - 4096 ? (uint32_t)pieces : UINT32_MAX - 4096;
  shape.front = arenaFront(area, shape.spansOffset);
  shape.back = mema_roundUp(shape.mainRecords * sizeof(mema_Block), page);
  return shape;
}

/* ---- laying out -------------------------------------------------------------------------------------------------------- */

static void layOut(mema_Slab *slab, const Shape *shape, char *tables, char *records, char *area) {
  slab->area = area;
  slab->areaSize = (size_t)shape->units << shape->unitShift; /* a last part of a unit is not used */
  slab->unitShift = shape->unitShift;
  slab->eighths = slab->areaSize / 8;
  slab->unitEighths = (uint8_t)(shape->unitShift - 3);
  slab->unitMask = (UINT32_C(1) << slab->unitEighths) - 1;
  slab->classCount = shape->classCount;
  slab->units = shape->units;
  slab->spans = (mema_Span *)(void *)(tables + shape->spansOffset);
  slab->bitmaps = tables + shape->bitmapsOffset;
  slab->magazines = (mema_FreeSlot *)(void *)(tables + shape->magazinesOffset);
  slab->magazineSize = shape->magazineSize;
  slab->bitmapUnits = 0;
  slab->largeSlack = 0;
  slab->grownRuns = 0;
  slab->movedRuns = 0;
  slab->hugeArea = slab->hugeRecords = 0;
  slab->hugePages = slab->locked = false;
  slab->tablePages = (uint32_t)((shape->front + shape->back) / mema_osPageSize());
  slab->source = NULL;
  slab->purged = 0;
  slab->stirred = true;
  slab->homes = NULL;
  slab->states = NULL;
  slab->rows = shape->rows;
  slab->usedRows = slab->youngRows = 0;
  slab->period = 1;
  slab->tag = 0;
  memset(slab->freeRows, 0, sizeof slab->freeRows);
  if (shape->statesOffset != 0) {
    slab->depot = (mema_Spare *)(void *)(tables + shape->depotOffset);
    slab->homes = (mema_Home *)(void *)(tables + shape->homesOffset);
    slab->rowLinks = (mema_RowLink *)(void *)(tables + shape->linksOffset);
    slab->states = (mema_State *)(void *)(tables + shape->statesOffset);
  }
  slab->records = NULL;
  slab->nearNext = slab->nearEnd = slab->mainFirst = slab->mainNext = slab->mainEnd = 0;
  memset(slab->freeRecords, 0, sizeof slab->freeRecords);
  if (shape->mainRecords != 0) {
    char *base = shape->nearRecords != 0 ? (char *)slab + shape->nearOffset : records;
    slab->records = (mema_Block *)(void *)base;
    slab->nearEnd = shape->nearRecords;
    slab->mainFirst = slab->mainNext = (uint32_t)(((size_t)(records - base) + sizeof(mema_Block) - 1) / sizeof(mema_Block));
    slab->mainEnd = slab->mainNext + shape->mainRecords;
  }
  for (unsigned step = 0; step <= mema_tableMax / 16; step++)
    slab->classOffsets[step] = (uint16_t)((char *)&slab->classes[mema_classTable[step]] - (char *)slab);
  mema_runInit(slab);
  mema_slabResetClasses(slab);
}

/* Header memory may have served a slab before. What a slab's common paths look at tells them that nothing is here. */
static void layOutArena(mema_Slab *slab, const Shape *shape, char *tables, char *records, char *area, size_t areaSize) {
  int8_t kind = slab->cellKind;
  uint32_t index = slab->cellIndex;
  void *mapping = slab->mapping;
  size_t mappingSize = slab->mappingSize;
  uintptr_t lives = slab->lives;
  memset((char *)slab + sizeof slab->generation, 0, sizeof *slab - sizeof slab->generation);
  slab->cellKind = kind;
  slab->cellIndex = index;
  slab->mapping = mapping;
  slab->mappingSize = mappingSize;
  slab->lives = lives;
  slab->area = area;
  slab->areaSize = areaSize;
  slab->unitShift = shape->unitShift;
  slab->tablePages = (uint32_t)((shape->front + shape->back) / mema_osPageSize());
  slab->mode = mema_modeArena;
  if (shape->mainRecords != 0) {
    slab->records = (mema_Block *)(void *)records;
    slab->mode |= mema_modeRecords;
  }
  mema_arenaInit(slab, (mema_ArenaWord *)(void *)(tables + shape->spansOffset), shape->mainRecords);
}

/* ---- huge pages -------------------------------------------------------------------------------------------------------- */

/* A first touch, and giving a page back, cost by the page: where a pool is large, and grows densely, huge pages make both cheap.
 * They are asked for one at a time, just ahead of the frontier (of units, of records), once `from` bytes are in use (hugeFrom or
 * hugeFromShared). So a pool has at most one huge page more than it would have touched: at most a sixteenth, or half of that. Returns the
 * bytes up to which this is now settled. */
static size_t askHuge(char *base, size_t limit, size_t settled, size_t used, size_t from) {
  size_t huge = mema_osHugeSize();
  if (used <= from || used <= settled) return settled;
  uintptr_t start = mema_roundUp((uintptr_t)base + used, huge), end = (uintptr_t)base + limit;
  if (start > (uintptr_t)base + used && start - huge >= (uintptr_t)base + settled) start -= huge;
  if (start + huge > end) return limit;
  mema_osPreferHuge((void *)start, huge);
  return start + huge - (uintptr_t)base;
}

static bool asksHuge(const mema_Slab *slab) {
  return slab->cellKind < 0 && !slab->committed && !slab->hugePages && slab->source == NULL;
}

/* Slots are dense; a large chunk may never be touched in full, and gets pages as they are used. */
void mema_slabHugeArea(mema_Slab *slab, bool dense) {
  size_t used = (size_t)slab->frontier << slab->unitShift;
  if (!asksHuge(slab) || used <= slab->hugeArea) return;
  size_t from = slab->states != NULL ? hugeFromShared : hugeFrom;
  slab->hugeArea = dense ? askHuge(slab->area, slab->areaSize, slab->hugeArea, used, from) : used;
}

void mema_slabHugeRecords(mema_Slab *slab) {
  size_t used = (size_t)(slab->mainNext - slab->mainFirst) * sizeof(mema_Block);
  if (!asksHuge(slab) || used <= slab->hugeRecords) return;
  size_t limit = (size_t)(slab->mainEnd - slab->mainFirst) * sizeof(mema_Block);
  slab->hugeRecords = askHuge((char *)(slab->records + slab->mainFirst), limit, slab->hugeRecords, used, hugeFrom);
}

/* Of the first bytes nothing need be asked. */
size_t mema_slabHugeAhead(mema_Slab *slab, bool records, size_t used) {
  const mema_Arena *arena = mema_arenaOf(slab);
  size_t *settled = records ? &slab->hugeRecords : &slab->hugeArea;
  if (slab->cellKind >= 0 || slab->committed) return SIZE_MAX;
  if (used > hugeFrom)
    *settled = records ? askHuge((char *)slab->records, arena->records * sizeof(mema_Block), *settled, used, hugeFrom)
                       : askHuge(slab->area, slab->areaSize, *settled, used, hugeFrom);
  return *settled > hugeFrom ? *settled : hugeFrom;
}

static int cellKindFor(const mema_SlabPlan *plan) {
  if (plan->exact || plan->committed || plan->outside || plan->threads) return -1;
  unsigned log = logOf(plan->area);
  if (plan->arena) {
    if (plan->area != (size_t)1 << log || log < cellAreaLog || log >= cellAreaLog + arenaSizes) return -1;
    return arenaKind + (int)(log - cellAreaLog) + (plan->records ? arenaSizes : 0);
  }
  if ((plan->area & (plan->area - 1)) != 0 || log < cellAreaLog || log >= cellAreaLog + cellSizes) return -1;
  return (int)(log - cellAreaLog) + (plan->records ? cellSizes : 0);
}

static mema_CellShape cellShapeOf(int kind) {
  if (kind == headerKind)
    return (mema_CellShape){.front = mema_roundUp(headerSize(mema_classCount) + sizeof(mema_Source), mema_osPageSize())};
  if (kind >= arenaKind) {
    size_t area = (size_t)1 << (cellAreaLog + (kind - arenaKind) % arenaSizes);
    Shape shape = arenaShapeOf(area, kind >= arenaKind + arenaSizes, false, true);
    return (mema_CellShape){.front = shape.front, .back = shape.back, .area = area};
  }
  size_t area = (size_t)1 << (cellAreaLog + kind % cellSizes);
  Shape shape = shapeOf(area, 0, kind >= cellSizes, false, true);
  return (mema_CellShape){.front = shape.front, .back = shape.back, .area = area};
}

static Warmth *warmthOf(const mema_Slab *slab) {
  return slab->cellKind >= 0 ? &warmCells : &warmMapped;
}

static void unwarm(mema_Slab *slab) {
  atomic_fetch_sub_explicit(&warmthOf(slab)->now, slab->warm, memory_order_relaxed);
  slab->warm = 0;
}

static mema_Slab *openCell(int kind, const mema_SlabPlan *plan) {
  mema_CellShape cellShape = cellShapeOf(kind);
  mema_Cell cell;
  if (!mema_takeCell((unsigned)kind, &cellShape, &cell)) return NULL;
  mema_Slab *slab = (mema_Slab *)(void *)cell.front;
  if (cell.warm) {
    if (!plan->arena) unwarm(slab); /* see closeSmallArena */
    return slab;
  }
  slab->cellKind = (int8_t)kind;
  slab->cellIndex = cell.index;
  slab->mapping = cell.back;
  if (plan->arena) {
    Shape shape = arenaShapeOf(plan->area, plan->records, false, true);
    layOutArena(slab, &shape, cell.front, cell.back, cell.area, plan->area);
  } else {
    Shape shape = shapeOf(plan->area, 0, plan->records, false, true);
    layOut(slab, &shape, cell.front, cell.back, cell.area);
  }
  return slab;
}

/* ---- slabs with a mapping of their own --------------------------------------------------------------------------------- */

static mema_Slab *takeHeader(void) {
  mema_CellShape shape = cellShapeOf(headerKind);
  mema_Cell cell;
  if (!mema_takeCell(headerKind, &shape, &cell)) return NULL;
  mema_Slab *slab = (mema_Slab *)(void *)cell.front;
  slab->cellKind = -1;
  slab->cellIndex = cell.index;
  return slab;
}

static void unmapSlab(mema_Slab *slab) {
  mema_sourceRelease(slab);
  mema_storeWord(&slab->generation, 0);
  mema_giveCell(headerKind, slab->cellIndex, false);
}

static bool putWarmMapping(mema_Slab *slab) {
  for (unsigned i = 0; i < warmMappings; i++) {
    mema_Slab *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&warmSlabs[i], &none, slab, memory_order_release, memory_order_relaxed))
      return true;
  }
  return false;
}

/* Gives warm mappings back that keep more than `most` bytes; returns what they kept. */
static size_t dropWarmMappings(size_t most) {
  size_t bytes = 0;
  for (unsigned i = 0; i < warmMappings; i++) {
    if (atomic_load_explicit(&warmSlabs[i], memory_order_relaxed) == NULL) continue;
    mema_Slab *slab = atomic_exchange_explicit(&warmSlabs[i], NULL, memory_order_acquire);
    if (slab == NULL || (slab->warm <= most && putWarmMapping(slab))) continue;
    bytes += slab->warm;
    unwarm(slab);
    unmapSlab(slab);
  }
  return bytes;
}

/* A warm slab of this very shape, or NULL. */
static mema_Slab *takeWarmMapping(const mema_SlabPlan *plan) {
  for (unsigned i = 0; i < warmMappings; i++) {
    if (atomic_load_explicit(&warmSlabs[i], memory_order_relaxed) == NULL) continue;
    mema_Slab *slab = atomic_exchange_explicit(&warmSlabs[i], NULL, memory_order_acquire);
    if (slab == NULL) continue;
    bool fits = slab->areaSize == plan->area && (slab->records != NULL) == plan->records &&
                (slab->states != NULL) == plan->threads && mema_isArena(slab) == plan->arena;
    if (!fits && putWarmMapping(slab)) continue;
    unwarm(slab);
    if (fits) return slab;
    unmapSlab(slab); /* all places were taken meanwhile */
  }
  return NULL;
}

/* Memory from hooks may be scarce: it need only be aligned as units are. */
static size_t alignmentFor(const mema_SlabPlan *plan, size_t area, uint8_t unitShift) {
  size_t page = mema_osPageSize(), unit = (size_t)1 << unitShift;
  if (plan->hugePages) return mema_osHugeSize();
  if (plan->memory != NULL) return unit > page ? unit : page;
  return area >= hugeAreas ? mema_osHugeSize() : mappingAlignment;
}

static bool mapSlab(mema_Slab *slab, const mema_SlabPlan *plan, size_t area, bool lean) {
  Shape shape = plan->arena ? arenaShapeOf(area, plan->records, lean, false)
                            : shapeOf(area, plan->unitShift, plan->records, lean, false);
  if (area >> shape.unitShift > unitsMax) return false;
  bool hooked = plan->memory != NULL;
  if (hooked) spreadTables(&shape, area);
  if (plan->threads) addStates(&shape, area);
  size_t page = mema_osPageSize(), alignment = alignmentFor(plan, area, shape.unitShift);
  size_t tables = mema_roundUp(shape.front + shape.back + page, alignment);
  if (area > PTRDIFF_MAX - tables - page) return false;
  size_t size = hooked ? tables + area : tables + area + page;
  char *mapping = mema_sourceReserve(plan, size, alignment);
  if (mapping == NULL) return false;
  if (!hooked) {
    mema_osGuard(mapping + tables - page, page);
    mema_osGuard(mapping + tables + area, page);
  }
  slab->mapping = mapping;
  slab->mappingSize = size;
  if (plan->arena) {
    layOutArena(slab, &shape, mapping, mapping + shape.front, mapping + tables, area);
  } else {
    layOut(slab, &shape, mapping, mapping + shape.front, mapping + tables);
  }
  if (mema_sourceFill(slab, plan, (char *)slab + headerSize(mema_classCount))) return true;
  mema_sourceRelease(slab);
  return false;
}

/* Under a tight limit, and where the system refuses, less is taken: a smaller area can still serve many requests, and what it
 * cannot serve another slab will. */
static bool mapWhatFits(mema_Slab *slab, const mema_SlabPlan *plan) {
  size_t limit = mema_osAddressLimit(), area = plan->area;
  bool lean = plan->lean || limit < roomyAddresses;
  if (limit < roomyAddresses) {
    size_t share = mema_roundUp(limit / tightShare / 2, mappingAlignment);
    if (area > share) area = share > plan->least ? share : plan->least;
  }
  while (!mapSlab(slab, plan, area, lean)) {
    if (area <= plan->least) return false;
    lean = true;
    area = mema_roundUp(area / 2, mappingAlignment);
    if (area < plan->least) area = plan->least;
  }
  return true;
}

static mema_Slab *openMapping(const mema_SlabPlan *plan) {
  mema_Slab *slab = plan->exact || plan->outside || plan->committed ? NULL : takeWarmMapping(plan);
  if (slab != NULL) return slab;
  dropWarmMappings(warmLarge);
  slab = takeHeader();
  if (slab == NULL) return NULL;
  slab->mappingSize = 0;
  if (mapWhatFits(slab, plan)) return slab;
  mema_giveCell(headerKind, slab->cellIndex, false);
  return NULL;
}

void mema_slabSetBudget(mema_Slab *slab, size_t bytes) {
  size_t units = bytes >> slab->unitShift;
  slab->budgetUnits = units < UINT32_MAX ? (uint32_t)units + 1 : UINT32_MAX;
}

/* A small arena that was closed is one that can be opened: nothing else is to be done. */
mema_Slab *mema_arenaOpenWarm(size_t area, bool records) {
  unsigned log = logOf(area), kind = arenaKind + log - cellAreaLog + (records ? arenaSizes : 0);
  if (area != (size_t)1 << log || log < cellAreaLog || log >= cellAreaLog + arenaSizes) return NULL;
  return (mema_Slab *)(void *)mema_takeWarmFront(kind, arenaFront(area, arenaHeader));
}

static mema_Slab *openSlab(const mema_SlabPlan *plan) {
  int kind = cellKindFor(plan);
  mema_Slab *slab = kind >= 0 ? openCell(kind, plan) : NULL;
  if (slab == NULL) slab = openMapping(plan);
  if (slab == NULL) return NULL;
  slab->next = NULL;
  slab->liveChunks = 0;
  slab->outside = plan->outside;
  slab->mode &= (uint8_t)~mema_modeFamily;
  __atomic_store_n(&slab->share, NULL, __ATOMIC_RELAXED);
  slab->committed = slab->keepsDirty = plan->committed || (plan->memory != NULL && plan->memory->purge == NULL);
  slab->exact = plan->exact || plan->outside || plan->committed || slab->areaSize != plan->area;
  mema_slabSetBudget(slab, plan->budget);
  return slab;
}

mema_Slab *mema_slabOpen(const mema_SlabPlan *plan) {
  if (plan->like == NULL) return openSlab(plan);
  mema_SlabPlan like = *plan;
  mema_sourceLike(&like);
  return openSlab(&like);
}

/* ---- emptying and closing ---------------------------------------------------------------------------------------------- */

void mema_slabClear(mema_Slab *slab) {
  if (mema_isArena(slab)) {
    mema_arenaClear(slab);
    return;
  }
  if (mema_slabClearWords(slab)) return;
  mema_slabResetClasses(slab);
  slab->denied = 0;
  slab->keepsDirty = true; /* whoever comes next wants it: no purging now */
  for (uint32_t unit = 0; unit < slab->frontier;) {
    mema_Span *span = &slab->spans[unit];
    if (span->kind == mema_unitSlots) {
      unit = mema_slabClearSpan(slab, span);
    } else if (span->kind == mema_unitLarge && span->place != mema_placeLost) {
      unit = mema_slabGiveLarge(slab, span);
    } else {
      unit += span->units;
    }
  }
  slab->keepsDirty = slab->committed;
  mema_runMaybePurge(slab);
  slab->stirred = false;
}

/* What a huge page may hold beyond what was used of it. */
static size_t beyond(size_t settled, size_t used) {
  return settled > used ? settled - used : 0;
}

static size_t stateBytes(const mema_Slab *slab, size_t page) {
  if (slab->states == NULL) return 0;
  return mema_roundUp((size_t)slab->usedRows * mema_stateRow, page) +
         mema_roundUp(slab->usedRows * sizeof(mema_RowLink), page) + mema_roundUp(slab->frontier * sizeof(mema_Home), page);
}

/* Of a cell the tables begin in the header's page. */
static size_t headerBytes(const mema_Slab *slab, size_t page) {
  return mema_likely(slab->cellKind >= 0) ? page : mema_sourceHeaderBytes();
}

static size_t arenaFootprint(const mema_Slab *slab) {
  size_t page = mema_osPageSize(), area = mema_arenaAreaBytes(slab), records = mema_arenaRecordBytes(slab),
         words = mema_arenaWordBytes(slab);
  size_t front =
      slab->cellKind >= 0 ? mema_roundUp(arenaHeader + words, page) : headerBytes(slab, page) + mema_roundUp(words, page);
  return front + mema_roundUp(area, page) + beyond(slab->hugeArea, area) + mema_sourceBeyond(slab) +
         mema_roundUp(records, page) + beyond(slab->hugeRecords, records);
}

/* What clean units hold though they are clean: where pages are larger than units, one is in memory as long as a neighbour is, in use or dirty,
 * that shares its page. Each of those may hold a whole page. */
static MEMA_NOINLINE size_t sharedBytes(const mema_Slab *slab, size_t units, size_t page) {
  if (slab->hugePages && slab->source == NULL) page = mema_osHugeSize();
  size_t bytes = units << slab->unitShift, most = (size_t)slab->frontier << slab->unitShift, pages = units * page;
  return pages < bytes ? 0 : (pages < most ? pages : most) - bytes;
}

size_t mema_slabFootprint(const mema_Slab *slab) {
  if (mema_isArena(slab) && !slab->committed) return arenaFootprint(slab);
  size_t units = (size_t)mema_usedUnits(slab) + slab->dirtyUnits, page = mema_osPageSize();
  size_t shared = units == slab->frontier ? 0 : sharedBytes(slab, units, page);
  size_t main = (size_t)(slab->mainNext - slab->mainFirst) * sizeof(mema_Block);
  if (slab->source != NULL) return mema_sourceBytes(slab) + shared + headerBytes(slab, page);
  if (slab->committed) return mema_tableBytes(slab) + slab->areaSize + headerBytes(slab, page);
  /* Large chunks that lie in a huge page asked for before them are there whole. */
  size_t huge = slab->hugeArea == 0 ? 0 : mema_osHugeSize(), slack = slab->hugePages ? 0 : beyond(slab->largeSlack, huge);
  size_t chunks = mema_roundUp((units << slab->unitShift) + shared, page) - slack +
                  beyond(slab->hugeArea, (size_t)slab->frontier << slab->unitShift) +
                  (slab->hugePages ? mema_sourceBeyond(slab) : 0);
  size_t records = mema_roundUp(slab->nearNext * sizeof(mema_Block) + main, page) + beyond(slab->hugeRecords, main);
  size_t tables = mema_roundUp(slab->frontier * sizeof(mema_Span), page) +
                  mema_roundUp(((size_t)slab->bitmapUnits << slab->unitShift) / 128, page) +
                  mema_roundUp(magazineBytes(slab->magazineSize, slab->classCount), page) + stateBytes(slab, page);
  return chunks + records + tables + headerBytes(slab, page);
}

static bool purgePages(void *base, size_t size) {
  return size == 0 || mema_osPurge(base, mema_roundUp(size, mema_osPageSize()));
}

/* Gives a closed slab's memory back. A cold cell reads as zero; one that the system will not take back is never used again. */
static void discard(mema_Slab *slab) {
  if (slab->cellKind < 0) {
    unmapSlab(slab);
    return;
  }
  /* The header goes last, since it says how much there is. */
  unsigned kind = (unsigned)slab->cellKind;
  uint32_t index = slab->cellIndex;
  if (mema_isArena(slab)) {
    size_t front = (size_t)((char *)mema_arenaOf(slab)->words - (char *)slab) + mema_arenaWordBytes(slab);
    if (purgePages(slab->mapping, mema_arenaRecordBytes(slab)) && purgePages(slab->area, mema_arenaAreaBytes(slab)) &&
        purgePages(slab, front))
      mema_giveCell(kind, index, false);
    return;
  }
  size_t records = slab->records == NULL ? 0 : ((size_t)(slab->mainNext - slab->mainFirst) + 1) * sizeof(mema_Block);
  size_t front = (size_t)((char *)slab->magazines - (char *)slab) + magazineBytes(slab->magazineSize, slab->classCount);
  if (purgePages(slab->mapping, records) && purgePages(slab->area, (size_t)slab->frontier << slab->unitShift) &&
      purgePages(slab, front))
    mema_giveCell(kind, index, false);
}

/* Reserves room among the warm for `bytes`. */
static bool mayStayWarm(const mema_Slab *slab, size_t bytes) {
  Warmth *warmth = warmthOf(slab);
  if (slab->exact || bytes > warmth->each) return false;
  if (atomic_fetch_add_explicit(&warmth->now, bytes, memory_order_relaxed) + bytes <= warmth->all) return true;
  atomic_fetch_sub_explicit(&warmth->now, bytes, memory_order_relaxed);
  return false;
}

/* A small arena in use goes on being counted for what it brought along: so its life, which may be short, needs no atomic addition. */
static void closeSmallArena(mema_Slab *slab) {
  size_t bytes = mema_arenaGrew(slab) || slab->warm == 0 ? arenaFootprint(slab) : slab->warm;
  if (bytes > slab->warm) {
    unwarm(slab);
    if (!mayStayWarm(slab, bytes)) {
      discard(slab);
      return;
    }
    slab->warm = bytes;
  }
  mema_arenaClear(slab);
  mema_giveCell((unsigned)slab->cellKind, slab->cellIndex, true);
}

void mema_slabClose(mema_Slab *slab) {
  mema_storeWord(&slab->generation, 0);
  if (mema_isArena(slab) && slab->cellKind >= 0) {
    closeSmallArena(slab);
    return;
  }
  size_t bytes = mema_slabFootprint(slab);
  if (!mayStayWarm(slab, bytes)) {
    discard(slab);
    return;
  }
  mema_slabClear(slab);
  slab->warm = bytes;
  if (slab->cellKind >= 0) {
    mema_giveCell((unsigned)slab->cellKind, slab->cellIndex, true);
  } else if (!putWarmMapping(slab)) {
    unwarm(slab);
    unmapSlab(slab);
  }
}

/* ---- giving pages back ------------------------------------------------------------------------------------------------- */

/* Gives the whole pages between two addresses back. */
static void trimBetween(mema_Slab *slab, const char *from, const char *to) {
  uintptr_t page = mema_osPageSize(), start = ((uintptr_t)from + page - 1) & ~(page - 1), end = (uintptr_t)to & ~(page - 1);
  if (start >= end) return;
  size_t resident = mema_osResident((void *)start, end - start);
  if (resident != 0 && mema_sourcePurge(slab, (void *)start, end - start)) slab->purged += resident;
}

static void zeroPiece(char *piece) {
  if (mema_osResident(piece, sparsePiece) > sparsePiece / 2 || !mema_osPurge(piece, sparsePiece))
    memset(piece, 0, sparsePiece);
}

void mema_slabZero(const mema_Slab *slab, char *ptr, size_t bytes) {
  char *at = ptr, *end = ptr + bytes;
  if (bytes >= sparseFrom && !slab->committed && slab->source == NULL) {
    at += -(uintptr_t)ptr & (mema_osPageSize() - 1);
    memset(ptr, 0, (size_t)(at - ptr));
    for (; end - at >= sparsePiece; at += sparsePiece) zeroPiece(at);
  }
  memset(at, 0, (size_t)(end - at));
}

/* Pages of a span of slots on which no live chunk lies. */
static void trimSpan(mema_Slab *slab, const mema_Span *span, uint32_t unit) {
  const char *first = mema_unitAddress(slab, unit), *end = first + ((size_t)span->units << slab->unitShift);
  for (uint32_t slot = 0; slot < span->slots; slot++) {
    if (!mema_slotIsFree(span, slot)) continue;
    const char *from = first + (size_t)slot * span->slotSize;
    while (slot < span->slots && mema_slotIsFree(span, slot)) slot++;
    trimBetween(slab, from, slot < span->slots ? first + (size_t)slot * span->slotSize : end);
  }
}

static void trimSpans(mema_Slab *slab) {
  for (uint32_t unit = 0; unit < slab->frontier; unit += slab->spans[unit].units)
    if (slab->spans[unit].kind == mema_unitSlots) trimSpan(slab, &slab->spans[unit], unit);
}

/* Which whole pages of the records' own range hold something: a live Block, or the link of a range given back. */
typedef struct RecordPages {
  const mema_Slab *slab;
  uintptr_t start;
  size_t page, pages;
  char *held; /* one for each page */
} RecordPages;

static void hold(const RecordPages *all, const void *from, size_t size) {
  uintptr_t first = (uintptr_t)from, last = first + size - 1;
  if (last < all->start) return;
  size_t end = (last - all->start) / all->page;
  for (size_t i = first < all->start ? 0 : (first - all->start) / all->page; i <= end && i < all->pages; i++)
    all->held[i] = 1;
}

static void holdSpan(const RecordPages *all, const mema_Span *span) {
  const mema_Block *records = all->slab->records + span->firstRecord;
  if (span->kind == mema_unitLarge) hold(all, records, sizeof *records);
  if (span->kind != mema_unitSlots) return;
  for (uint32_t slot = 0; slot < span->slots; slot++)
    if (!mema_slotIsFree(span, slot)) hold(all, records + slot, sizeof *records);
}

static void holdLinks(const RecordPages *all) {
  const mema_Slab *slab = all->slab;
  for (unsigned class = 0; class <= mema_classCount; class ++)
    for (uint32_t next = slab->freeRecords[class]; next != 0; next = (uint32_t)slab->records[next - 1].size)
      hold(all, &slab->records[next - 1].size, sizeof slab->records->size);
}

/* Pages of the records' own range that hold nothing. Where chunks were freed at random they are few, since a page has 102 Blocks; where a
 * phase of the program is over, many. Where the system has no memory for the notes, nothing is given back. */
static void trimRecords(mema_Slab *slab) {
  if (slab->mainNext == slab->mainFirst) return;
  RecordPages all = {.slab = slab, .page = mema_osPageSize()};
  all.start = mema_roundUp((uintptr_t)(slab->records + slab->mainFirst), all.page);
  uintptr_t end = (uintptr_t)(slab->records + slab->mainNext) & ~(uintptr_t)(all.page - 1);
  if (end <= all.start) return;
  all.pages = (end - all.start) / all.page;
  size_t noted = mema_roundUp(all.pages, all.page);
  all.held = mema_osReserve(noted, all.page);
  if (all.held == NULL) return;
  for (uint32_t unit = 0; unit < slab->frontier; unit += slab->spans[unit].units) holdSpan(&all, &slab->spans[unit]);
  holdLinks(&all);
  for (size_t i = 0; i < all.pages; i++) {
    size_t first = i;
    while (i < all.pages && all.held[i] == 0) i++;
    trimBetween(slab, (char *)all.start + first * all.page, (char *)all.start + i * all.page);
  }
  mema_osRelease(all.held, noted);
}

size_t mema_slabTrim(mema_Slab *slab) {
  if (slab->committed) return 0;
  if (mema_isArena(slab)) {
    size_t bytes = mema_sourcePurgeBeyond(slab); /* of what was touched until now */
    return bytes + mema_arenaTrim(slab);
  }
  size_t before = slab->purged;
  mema_slabReleaseEmpty(slab);
  trimSpans(slab);
  trimRecords(slab);
  mema_runPurge(slab, 0);
  /* What a huge page holds beyond the frontier was never used. */
  size_t used = mema_roundUp((size_t)slab->frontier << slab->unitShift, mema_osPageSize());
  if (slab->hugeArea > used && mema_osPurge(slab->area + used, slab->hugeArea - used)) {
    slab->purged += slab->hugeArea - used;
    slab->hugeArea = used;
  }
  slab->purged += mema_sourcePurgeBeyond(slab);
  return slab->purged - before;
}

size_t mema_slabTrimWarm(void) {
  size_t bytes = 0;
  for (unsigned kind = 0; kind < arenaKind + mema_cellArenas; kind++) {
    if (kind == headerKind) continue;
    mema_CellShape shape = cellShapeOf((int)kind);
    for (mema_Cell cell; mema_takeWarmCell(kind, &shape, &cell);) {
      mema_Slab *slab = (mema_Slab *)(void *)cell.front;
      bytes += slab->warm;
      unwarm(slab);
      discard(slab);
    }
  }
  return bytes + dropWarmMappings(0);
}
