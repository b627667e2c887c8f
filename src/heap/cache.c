/* cache.c - see reservation.h: where a heap's address space comes from, and how it is kept warm. */
#include <stdatomic.h>

#include "slab/source.h"
#include "watch/watch.h"
#include "../memory/cells.h"
#include "../memory/os.h"
#include "reservation.h"

enum {
  headerKind = 2 * mema_cellSizes, /* behind all other kinds: mema_cellSlabs kinds in all */
  hugeAreas = 32 << 20,            /* areas from here on start at a huge page */
  warmLarge = 1 << 20,             /* a warm mapping may keep up to this though others are made */
  warmMappings = 16,
  tightShare = 4, /* under a tight limit on address space, a slab takes at most 1/tightShare of it */
  mappingAlignment = 64 * 1024,
  roomTries = 8,
};

static const size_t unitsMax = (size_t)1 << 26; /* the number of a word then fits behind that of a unit in 32 bits */
/* Limits below 64 GiB are tight; on a processor of 32 bits, any limit is. */
static const uint64_t roomyAddresses = sizeof(void *) > 4 ? UINT64_C(1) << 36 : SIZE_MAX;

/* Bytes kept warm: at most `each` of one heap, at most `all` in the process. */
typedef struct Warmth {
  const size_t each, all;
  _Atomic size_t now;
} Warmth;

static Warmth warmCells = {.each = 1 << 20, .all = 32 << 20};
static Warmth warmMapped = {.each = 128 << 20, .all = 128 << 20};
static _Atomic(mema_Slab *) warmSlabs[warmMappings];

/* The engines that lie in cells and mappings. */
enum { layoutCount = 2 };
static const mema_Layout *const layouts[layoutCount] = {&mema_slabLayout, &mema_arenaLayout};

/* The kind of cell for a heap, or -1 if it gets a mapping of its own. */
static int cellKindFor(const mema_SlabPlan *plan) {
  if (plan->neverCached || plan->committed || plan->outside || plan->threads) return -1;
  const mema_Layout *layout = plan->layout;
  unsigned log = mema_logOf(plan->area);
  if (plan->area != (size_t)1 << log || log < mema_cellAreaLog || log >= mema_cellAreaLog + layout->sizes) return -1;
  return (int)(layout->firstKind + log - mema_cellAreaLog + (plan->records ? layout->sizes : 0));
}

/* The shape of a kind of cell that heaps lie in. */
static mema_CellShape cellShapeOf(const mema_Layout *layout, unsigned kind) {
  unsigned number = kind - layout->firstKind;
  bool records = number >= layout->sizes;
  size_t area = (size_t)1 << (mema_cellAreaLog + (records ? number - layout->sizes : number));
  mema_Shape shape = layout->shapeOf(area, 0, records, false, true);
  return (mema_CellShape){.front = shape.front, .back = shape.back, .area = area};
}

static Warmth *warmthOf(const mema_Slab *slab) {
  return slab->cellKind >= 0 ? &warmCells : &warmMapped;
}

void mema_unwarm(mema_Slab *slab) {
  atomic_fetch_sub_explicit(&warmthOf(slab)->now, slab->warm, memory_order_relaxed);
  slab->warm = 0;
}

/* A slab in a cold cell, with its memory made ready if the cell is mapped, or as it is used. */
static mema_Slab *layCell(int kind, const mema_SlabPlan *plan, const mema_Cell *cell) {
  const mema_Layout *layout = plan->layout;
  mema_Slab *slab = (mema_Slab *)(void *)cell->front;
  slab->cellKind = (int8_t)kind;
  slab->cellIndex = cell->index;
  slab->mapping = cell->back;
  mema_Shape shape = layout->shapeOf(plan->area, 0, plan->records, false, true);
  layout->layOut(slab, &shape, cell->front, cell->back, cell->area, plan->area);
  if (!cell->mapped) mema_sourceFillCell(slab, layout, cell->front + shape.sourceOffset);
  return slab;
}

static mema_Slab *openCell(int kind, const mema_SlabPlan *plan) {
  const mema_Layout *layout = plan->layout;
  mema_CellShape cellShape = cellShapeOf(layout, (unsigned)kind);
  mema_Cell cell;
  if (!mema_takeCell((unsigned)kind, &cellShape, &cell)) return NULL;
  if (!cell.warm) return layCell(kind, plan, &cell);
  mema_Slab *slab = (mema_Slab *)(void *)cell.front;
  if (!layout->staysCounted) mema_unwarm(slab);
  return slab;
}

/* ---- slabs with a mapping of their own --------------------------------------------------------------------------------- */

static mema_Slab *takeHeader(void) {
  mema_CellShape shape = {.front = mema_sourceHeaderBytes()};
  mema_Cell cell;
  if (!mema_takeCell(headerKind, &shape, &cell)) return NULL;
  mema_Slab *slab = (mema_Slab *)(void *)cell.front;
  slab->cellKind = -1;
  slab->cellIndex = cell.index;
  return slab;
}

static void unmapSlab(mema_Slab *slab) {
  mema_revealHeap(&slab->heap);
  mema_sourceRelease(slab);
  mema_storeWord(&slab->heap.generation, 0);
  mema_giveCell(headerKind, slab->cellIndex);
}

static bool putWarmMapping(mema_Slab *slab) {
  for (unsigned i = 0; i < warmMappings; i++) {
    mema_Slab *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&warmSlabs[i], &none, slab, memory_order_release, memory_order_relaxed))
      return true;
  }
  return false;
}

/* Gives back warm mappings that keep more than `most` bytes; returns the bytes that they kept. */
static size_t dropWarmMappings(size_t most) {
  size_t bytes = 0;
  for (unsigned i = 0; i < warmMappings; i++) {
    if (atomic_load_explicit(&warmSlabs[i], memory_order_relaxed) == NULL) continue;
    mema_Slab *slab = atomic_exchange_explicit(&warmSlabs[i], NULL, memory_order_acquire);
    if (slab == NULL || (slab->warm <= most && putWarmMapping(slab))) continue;
    bytes += slab->warm;
    mema_unwarm(slab);
    unmapSlab(slab);
  }
  return bytes;
}

/* A warm slab of exactly this shape, or NULL. */
static mema_Slab *takeWarmMapping(const mema_SlabPlan *plan) {
  for (unsigned i = 0; i < warmMappings; i++) {
    if (atomic_load_explicit(&warmSlabs[i], memory_order_relaxed) == NULL) continue;
    mema_Slab *slab = atomic_exchange_explicit(&warmSlabs[i], NULL, memory_order_acquire);
    if (slab == NULL) continue;
    bool fits = slab->areaSize == plan->area && (slab->records != NULL) == plan->records &&
                (slab->shared.states != NULL) == plan->threads && slab->heap.ops == plan->layout->ops;
    if (!fits && putWarmMapping(slab)) continue;
    mema_unwarm(slab);
    if (fits) return slab;
    unmapSlab(slab); /* all places were filled in the meantime */
  }
  return NULL;
}

/* The alignment of a mapping. Memory from hooks may be scarce, so it is aligned only as units are. */
static size_t alignmentFor(const mema_SlabPlan *plan, size_t area, uint8_t unitShift) {
  size_t page = mema_osPageSize(), unit = (size_t)1 << unitShift;
  if (plan->hugePages) return mema_osHugeSize();
  if (plan->memory != NULL) return unit > page ? unit : page;
  return area >= hugeAreas ? mema_osHugeSize() : mappingAlignment;
}

/* *again: other mappings came to lie in the room meanwhile. */
static bool mapOnce(mema_Slab *slab, const mema_SlabPlan *plan, size_t area, bool compactRecords, bool *again) {
  mema_Shape shape = plan->layout->shapeOf(area, plan->unitShift, plan->records, compactRecords, false);
  if (plan->unitShift != 0) shape.unitShift = plan->unitShift; /* an arena takes the unit size of the slabs outside it */
  if (area >> shape.unitShift > unitsMax) return false;
  bool hooked = plan->memory != NULL, mapped;
  if (plan->layout->extend != NULL) plan->layout->extend(&shape, plan, area);
  size_t page = mema_osPageSize(), alignment = alignmentFor(plan, area, shape.unitShift);
  size_t tables = mema_roundUp(shape.front + shape.back + page, alignment);
  if (area > PTRDIFF_MAX - tables - page) return false;
  size_t size = hooked ? tables + area : tables + area + page;
  char *mapping = mema_sourceReserve(plan, size, alignment, &mapped);
  if (mapping == NULL) return false;
  if (mapped) {
    mema_osGuard(mapping + tables - page, page);
    mema_osGuard(mapping + tables + area, page);
  }
  slab->mapping = mapping;
  slab->mappingSize = size;
  plan->layout->layOut(slab, &shape, mapping, mapping + shape.front, mapping + tables, area);
  if (mema_sourceFill(slab, plan, mapped, (char *)slab + mema_headerSize(mema_classCount))) return true;
  *again = slab->source != NULL && !hooked && !slab->source->refused;
  mema_sourceRelease(slab);
  return false;
}

static bool mapSlab(mema_Slab *slab, const mema_SlabPlan *plan, size_t area, bool compactRecords) {
  bool again = true, done = false;
  for (int tries = roomTries; tries > 0 && again && !done; tries--) {
    again = false;
    done = mapOnce(slab, plan, area, compactRecords, &again);
  }
  return done;
}

/* Maps the planned area, or a smaller one if the limit on address space is tight or the system refuses. A
 * smaller area still serves many requests; another slab serves the rest. */
static bool mapWhatFits(mema_Slab *slab, const mema_SlabPlan *plan) {
  size_t limit = mema_osAddressLimit(), area = plan->area;
  bool compactRecords = plan->compactRecords || limit < roomyAddresses;
  if (limit < roomyAddresses) {
    size_t share = mema_roundUp(limit / tightShare / 2, mappingAlignment);
    if (area > share) area = share > plan->least ? share : plan->least;
  }
  while (!mapSlab(slab, plan, area, compactRecords)) {
    if (area <= plan->least) return false;
    compactRecords = true;
    area = mema_roundUp(area / 2, mappingAlignment);
    if (area < plan->least) area = plan->least;
  }
  return true;
}

static mema_Slab *openMapping(const mema_SlabPlan *plan) {
  mema_Slab *slab = plan->neverCached || plan->outside || plan->committed ? NULL : takeWarmMapping(plan);
  if (slab != NULL) return slab;
  dropWarmMappings(warmLarge);
  slab = takeHeader();
  if (slab == NULL) return NULL;
  slab->mappingSize = 0;
  if (mapWhatFits(slab, plan)) return slab;
  mema_giveCell(headerKind, slab->cellIndex);
  return NULL;
}

/* Some systems give huge pages unasked. Each table, and the area, would then hold more memory than is touched. */
static void bindMemory(mema_Slab *slab, const mema_SlabPlan *plan) {
  slab->heap.mode |= mema_modeBound;
  if (!plan->hugePages && slab->source == NULL) mema_osAvoidHuge(slab->mapping, slab->mappingSize);
}

static mema_Slab *openSlab(const mema_SlabPlan *plan) {
  int kind = cellKindFor(plan);
  mema_Slab *slab = kind >= 0 ? openCell(kind, plan) : NULL;
  if (slab == NULL) slab = openMapping(plan);
  if (slab == NULL) return NULL;
  slab->heap.next = NULL;
  slab->heap.outside = plan->outside;
  slab->heap.mode &= (uint8_t) ~(mema_modeFamily | mema_modeBound);
  if (plan->bound) bindMemory(slab, plan);
  __atomic_store_n(&slab->heap.share, NULL, __ATOMIC_RELAXED);
  slab->committed = slab->keepsDirty = plan->committed || (plan->memory != NULL && plan->memory->purge == NULL);
  slab->neverCached = plan->neverCached || plan->outside || plan->committed || slab->areaSize != plan->area;
  slab->heap.ops->setBudget(&slab->heap, plan->budget);
  return slab;
}

mema_Slab *mema_slabOpen(const mema_SlabPlan *plan) {
  if (plan->like == NULL) return openSlab(plan);
  mema_SlabPlan like = *plan;
  mema_sourceLike(&like);
  return openSlab(&like);
}

/* ---- closing ----------------------------------------------------------------------------------------------------------- */

static const mema_Layout *layoutOf(unsigned kind) {
  const mema_Layout *found = layouts[0];
  for (unsigned i = 0; i < layoutCount; i++)
    if (kind >= layouts[i]->firstKind) found = layouts[i];
  return found;
}

/* A cold cell reads as zero, or is unmapped. A cell that the system does not take back is never used again. */
void mema_discard(mema_Slab *slab) {
  if (slab->cellKind < 0) {
    unmapSlab(slab);
    return;
  }
  mema_revealHeap(&slab->heap);
  unsigned kind = (unsigned)slab->cellKind;
  uint32_t index = slab->cellIndex;
  bool stepped = slab->source != NULL;
  if (stepped && !mema_sourceRelease(slab)) return;
  if (layoutOf(kind)->purge(slab, stepped)) mema_giveCell(kind, index);
}

bool mema_mayStayWarm(const mema_Slab *slab, size_t bytes) {
  Warmth *warmth = warmthOf(slab);
  if (slab->neverCached || bytes > warmth->each || mema_isRaceChecked()) return false;
  if (atomic_fetch_add_explicit(&warmth->now, bytes, memory_order_relaxed) + bytes <= warmth->all) return true;
  atomic_fetch_sub_explicit(&warmth->now, bytes, memory_order_relaxed);
  return false;
}

void mema_keepWarm(mema_Slab *slab, size_t bytes) {
  slab->warm = bytes;
  if (slab->cellKind >= 0) {
    mema_giveWarmCell((unsigned)slab->cellKind, slab->cellIndex);
  } else if (!putWarmMapping(slab)) {
    mema_unwarm(slab);
    unmapSlab(slab);
  }
}

static size_t trimKind(const mema_Layout *layout, unsigned kind) {
  mema_CellShape shape = cellShapeOf(layout, kind);
  size_t bytes = 0;
  for (mema_Cell cell; mema_takeWarmCell(kind, &shape, &cell);) {
    mema_Slab *slab = (mema_Slab *)(void *)cell.front;
    bytes += slab->warm;
    mema_unwarm(slab);
    mema_discard(slab);
  }
  return bytes;
}

size_t mema_trimWarm(void) {
  size_t bytes = 0;
  for (unsigned i = 0; i < layoutCount; i++)
    for (unsigned kind = 0; kind < 2 * layouts[i]->sizes; kind++)
      bytes += trimKind(layouts[i], layouts[i]->firstKind + kind);
  return bytes + dropWarmMappings(0);
}
