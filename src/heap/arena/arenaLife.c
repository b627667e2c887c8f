/* arenaLife.c - an arena's life: the layout of its reservation, opening and closing, and its table of operations
 * (heap.h).
 *
 * An arena has the words of its bits where a slab has spans and bitmaps, and it has no near records.
 */
#include <string.h>

#include "../plan.h"
#include "../../memory/cells.h"
#include "../../memory/os.h"
#include "arena.h"
#include "../slab/source.h"

enum {
  headerEnd = (sizeof(mema_Slab) + sizeof(mema_Arena) + 7) / 8 * 8,
  arenaHeader = (headerEnd + mema_sourceCellBytes + 63) / 64 * 64, /* in a cell */
  firstKind = mema_cellSlabs,
  sizes = mema_cellArenas / 2, /* sizes of areas, from 256 KiB on */
};

static size_t frontOf(size_t area, size_t header) {
  size_t words = mema_arenaWords(area >> mema_grainLog);
  return mema_roundUp(header + words * sizeof(mema_ArenaWord), mema_osPageSize());
}

/* All pieces may be of 16 bytes. With compact records there are enough for pieces of 64 bytes on average. */
static mema_Shape shapeOf(size_t area, uint8_t unitShift, bool records, bool compactRecords, bool cell) {
  (void)unitShift;
  size_t page = mema_osPageSize();
  mema_Shape shape = {
      .unitShift = mema_unitShiftFor(area), .spansOffset = cell ? arenaHeader : 0, .sourceOffset = cell ? headerEnd : 0};
  uint64_t pieces = !records ? 0 : compactRecords ? area / 64 + 512 : area / 16;
  shape.mainRecords = pieces < UINT32_MAX - 4096 ? (uint32_t)pieces : UINT32_MAX - 4096;
  shape.front = frontOf(area, shape.spansOffset);
  shape.back = mema_roundUp(shape.mainRecords * sizeof(mema_Block), page);
  return shape;
}

/* Header memory may have served a slab before. This clears the fields that a slab's common paths read, so that
 * these find nothing here. */
static void layOut(mema_Slab *slab, const mema_Shape *shape, char *tables, char *records, char *area, size_t areaSize) {
  int8_t kind = slab->cellKind;
  uint32_t index = slab->cellIndex;
  void *mapping = slab->mapping;
  size_t mappingSize = slab->mappingSize;
  uintptr_t lives = slab->lives;
  memset((char *)slab + sizeof slab->heap.generation, 0, sizeof *slab - sizeof slab->heap.generation);
  slab->cellKind = kind;
  slab->cellIndex = index;
  slab->mapping = mapping;
  slab->mappingSize = mappingSize;
  slab->lives = lives;
  slab->heap.ops = &mema_arenaOps;
  slab->heap.area = area;
  slab->areaSize = areaSize;
  slab->unitShift = shape->unitShift;
  slab->tablePages = (uint32_t)((shape->front + shape->back) / mema_osPageSize());
  slab->heap.mode = mema_modeArena;
  if (shape->mainRecords != 0) {
    slab->records = (mema_Block *)(void *)records;
    slab->heap.mode |= mema_modeRecords;
  }
  mema_arenaInit(slab, (mema_ArenaWord *)(void *)(tables + shape->spansOffset), shape->mainRecords);
}

size_t mema_arenaFootprint(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  size_t page = mema_osPageSize(), area = mema_arenaAreaBytes(slab), records = mema_arenaRecordBytes(slab),
         words = mema_arenaWordBytes(slab);
  if (slab->committed) return mema_tableBytes(slab) + slab->areaSize + mema_headerBytes(slab, page);
  size_t front = slab->cellKind >= 0 ? mema_roundUp(arenaHeader + words, page)
                                     : mema_headerBytes(slab, page) + mema_roundUp(words, page);
  return front + mema_roundUp(area, page) + mema_beyond(slab->huge.area, area) + mema_sourceBeyond(slab) +
         mema_roundUp(records, page) + mema_beyond(slab->huge.records, records);
}

/* A live cell still counts its kept-warm memory, so a short life needs no atomic addition. */
static void closeCell(mema_Slab *slab) {
  size_t bytes = mema_arenaGrew(slab) || slab->warm == 0 ? mema_arenaFootprint(&slab->heap) : slab->warm;
  if (bytes > slab->warm) {
    mema_unwarm(slab);
    if (!mema_mayStayWarm(slab, bytes)) {
      mema_discard(slab);
      return;
    }
    slab->warm = bytes;
  }
  mema_arenaClear(&slab->heap);
  mema_giveWarmCell((unsigned)slab->cellKind, slab->cellIndex);
}

void mema_arenaClose(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_storeWord(&slab->heap.generation, 0);
  if (slab->cellKind >= 0) {
    closeCell(slab);
    return;
  }
  size_t bytes = mema_arenaFootprint(&slab->heap);
  if (!mema_mayStayWarm(slab, bytes)) {
    mema_discard(slab);
    return;
  }
  mema_arenaClear(&slab->heap);
  mema_keepWarm(slab, bytes);
}

/* Opens a small arena that is kept warm: it was cleared when it was closed, so nothing else is to be done. */
static mema_Slab *openWarm(size_t area, bool records) {
  unsigned log = mema_logOf(area), kind = firstKind + log - mema_cellAreaLog + (records ? sizes : 0);
  if (area != (size_t)1 << log || log < mema_cellAreaLog || log >= mema_cellAreaLog + sizes) return NULL;
  return (mema_Slab *)(void *)mema_takeWarmFront(kind, frontOf(area, arenaHeader));
}

/* Purges the header last, since it says how much there is to purge. */
static bool purge(mema_Slab *slab, bool frontOnly) {
  size_t front = (size_t)((char *)mema_arenaOf(slab)->words - (char *)slab) + mema_arenaWordBytes(slab);
  bool others = frontOnly || (mema_purgePages(slab->mapping, mema_arenaRecordBytes(slab)) &&
                              mema_purgePages(slab->heap.area, mema_arenaAreaBytes(slab)));
  return others && mema_purgePages(slab, front);
}

/* In a cell, the words lie in the front. */
static void setParts(const mema_Slab *slab, mema_Part part[mema_parts]) {
  const mema_Arena *arena = mema_arenaOf(slab);
  part[mema_partArea] = (mema_Part){.base = slab->heap.area, .size = slab->areaSize};
  part[mema_partRecords] = (mema_Part){.base = (char *)slab->records, .size = arena->records * sizeof(mema_Block)};
  part[mema_partWords] =
      (mema_Part){.base = (char *)arena->words, .size = mema_arenaWords(arena->grains) * sizeof(mema_ArenaWord)};
}

/* From now on the bump and the records ask for memory. */
static bool begin(mema_Slab *slab, const mema_SlabPlan *plan) {
  mema_arenaOf(slab)->limit = mema_arenaOf(slab)->pieceLimit = 0;
  return plan == NULL || mema_arenaReady(slab, 1);
}

const mema_Layout mema_arenaLayout = {.ops = &mema_arenaOps,
                                      .firstKind = firstKind,
                                      .sizes = sizes,
                                      .shapeOf = shapeOf,
                                      .layOut = layOut,
                                      .setParts = setParts,
                                      .begin = begin,
                                      .purge = purge,
                                      .staysCounted = true};

/* ---- the row of operations -------------------------------------------------------------------------------------------- */

/* The common case takes nanoseconds: an arena that is kept warm. */
static mema_Heap *open(const mema_Options *options) {
  mema_Slab *arena = NULL;
  if (options->reservation == 0 && !options->committed && !options->hugePages && !options->locked && !options->boundMemory)
    arena = openWarm(mema_arenaAreaFor(options->poolSize), !options->untracked);
  if (arena != NULL) {
    mema_slabSetBudget(&arena->heap, options->poolSize);
    arena->heap.mode &= (uint8_t)~mema_modeFamily; /* left from its life before */
    return &arena->heap;
  }
  mema_SlabPlan plan = mema_planFor(options, &mema_arenaLayout, true);
  arena = mema_slabOpen(&plan);
  return arena != NULL ? &arena->heap : NULL;
}

/* Chunks outside have a Block even in an untracked pool: it keeps their age, for marks. */
static void planOutside(const mema_Heap *heap, mema_OutsidePlan *plan) {
  const mema_Slab *arena = mema_constSlab(heap);
  plan->unitShift = arena->unitShift;
  plan->budget = (size_t)arena->runs.budgetUnits << arena->unitShift;
  plan->records = true;
  plan->like = arena;
}

static void give(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_arenaGive(mema_slabIn(heap), chunk->slot, chunk->slot + (uint32_t)(chunk->room >> mema_grainLog));
}

static size_t room(const mema_Heap *heap, size_t size, size_t alignment) {
  (void)heap;
  (void)alignment;
  return mema_grainsFor(size) << mema_grainLog;
}

static size_t largest(const mema_Heap *heap, size_t most) {
  (void)heap;
  return most >> mema_grainLog << mema_grainLog;
}

static size_t trim(mema_Heap *heap) {
  mema_Slab *arena = mema_slabIn(heap);
  if (arena->committed) return 0;
  size_t bytes = mema_sourcePurgeBeyond(arena); /* counts first, while the touched bytes are still known */
  return bytes + mema_arenaTrim(&arena->heap);
}

static size_t reservation(const mema_Heap *heap) {
  return mema_constSlab(heap)->areaSize;
}

static size_t extent(const mema_Heap *heap) {
  return (size_t)mema_arenaOf(mema_constSlab(heap))->bump << mema_grainLog;
}

static size_t touched(const mema_Heap *heap) {
  return mema_arenaAreaBytes(mema_constSlab(heap));
}

static bool walk(mema_Heap *heap, size_t offset, mema_Chunk *chunk) {
  mema_Slab *arena = mema_slabIn(heap);
  mema_Piece piece = {.end = (uint32_t)((offset + 15) >> mema_grainLog)};
  while (mema_arenaNext(arena, piece.end, &piece))
    if (piece.live) return mema_arenaFind(&arena->heap, mema_grainAddress(arena, piece.grain), chunk);
  return false;
}

const mema_HeapOps mema_arenaOps = {
    .kind.engine = MEMA_ARENA,
    .open = open,
    .planOutside = planOutside,
    .take = mema_arenaTake,
    .find = mema_arenaFind,
    .give = give,
    .stretch = mema_arenaStretch,
    .room = room,
    .largest = largest,
    .zero = mema_slabZero,
    .clear = mema_arenaClear,
    .close = mema_arenaClose,
    .trim = trim,
    .setBudget = mema_slabSetBudget,
    .footprint = mema_arenaFootprint,
    .reservation = reservation,
    .extent = extent,
    .touched = touched,
    .livesOffset = offsetof(mema_Slab, lives),
    .walk = walk,
    .check = mema_arenaCheck,
    .mark = mema_arenaMark,
    .mayRewind = mema_arenaMayRewind,
    .rewind = mema_arenaRewind,
    .tablesShift = mema_tablesShift,
    .beside = mema_besideChunk,
    .noShared = mema_arenaIsShared,
    .noHooks = mema_arenaHasHooks,
    .chargesBySize = true,
    .notesLowLate = true,
};
