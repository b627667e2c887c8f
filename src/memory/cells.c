/* cells.c - see cells.h. */
#include "cells.h"

#include <stdatomic.h>

#include "../base/checkers.h"
#include "../base/stack.h"
#include "os.h"

enum {
  manyCellsLog = 8,      /* log2 of the cells of a region: 256 */
  fewCellsLog = 4,       /* log2 of the cells of a region of large cells, of which few are needed: 16 */
  regionsPerKind = 4096, /* a million cells of most kinds */
  areaAlignment = 64 * 1024,
  regionShare = 16, /* a region takes at most 1/regionShare of the process's address space */
};

/* The number of a cell on a stack is its index plus 1. */
typedef struct Kind {
  mema_Stack warm;
  mema_Stack cold;
  _Atomic uint32_t fresh; /* cells from this index on were never used */
  _Atomic(char *) regions[regionsPerKind];
} Kind;

static Kind kinds[mema_cellKinds];

/* Rounds up; `multiple` is a power of two. */
static size_t roundUp(size_t n, size_t multiple) {
  return (n + multiple - 1) & ~(multiple - 1);
}

/* log2 of the cells of a region. */
static unsigned cellsLog(const Kind *kind) {
  return kind == &kinds[mema_cellCaches] ? fewCellsLog : manyCellsLog;
}

static uint32_t cellsPerRegion(const Kind *kind) {
  return UINT32_C(1) << cellsLog(kind);
}

static size_t linksSize(const Kind *kind) {
  return roundUp(cellsPerRegion(kind) * sizeof(uint32_t), mema_osPageSize());
}

/* The offset of the first area from the start of its region. */
static size_t areasOffset(const Kind *kind, const mema_CellShape *shape) {
  size_t records = linksSize(kind) + cellsPerRegion(kind) * (shape->front + shape->back);
  return shape->area == 0 ? records : roundUp(records + mema_osPageSize(), areaAlignment);
}

static size_t regionSize(const Kind *kind, const mema_CellShape *shape) {
  size_t guard = shape->area == 0 ? 0 : mema_osPageSize();
  return areasOffset(kind, shape) + cellsPerRegion(kind) * shape->area + guard;
}

static char *mapRegion(const Kind *kind, const mema_CellShape *shape) {
  size_t size = regionSize(kind, shape);
  /* Headers are exempt, since no pool can be made without one. */
  if (shape->area != 0 && size > mema_osAddressLimit() / regionShare) return NULL;
  char *region = mema_osReserve(size, areaAlignment);
  if (region == NULL || shape->area == 0) return region;
  size_t page = mema_osPageSize();
  mema_osGuard(region + areasOffset(kind, shape) - page, page);
  mema_osGuard(region + size - page, page);
  return region;
}

/* The region of this number, mapped now if necessary. Two threads may map it at once; the second one then
 * unmaps its own. */
static char *regionAt(Kind *kind, const mema_CellShape *shape, uint32_t number) {
  char *region = atomic_load_explicit(&kind->regions[number], memory_order_acquire);
  if (region != NULL) return region;
  char *mine = mapRegion(kind, shape);
  if (mine == NULL) return NULL;
  if (atomic_compare_exchange_strong_explicit(&kind->regions[number], &region, mine, memory_order_acq_rel,
                                              memory_order_acquire))
    return mine;
  mema_osRelease(mine, regionSize(kind, shape));
  return region;
}

static mema_StackLink *linkOf(void *owner, uint32_t number) {
  Kind *kind = owner;
  uint32_t index = number - 1;
  char *region = atomic_load_explicit(&kind->regions[index >> cellsLog(kind)], memory_order_acquire);
  return (mema_StackLink *)(void *)region + (index & (cellsPerRegion(kind) - 1));
}

static void push(Kind *kind, mema_Stack *stack, uint32_t index) {
  mema_pushNumber(stack, index + 1, linkOf(kind, index + 1));
}

static bool pop(Kind *kind, mema_Stack *stack, uint32_t *index) {
  uint32_t number = mema_popNumber(stack, linkOf, kind);
  if (number == 0) return false;
  *index = number - 1;
  return true;
}

static bool takeFresh(Kind *kind, const mema_CellShape *shape, uint32_t *index) {
  uint32_t fresh = atomic_load_explicit(&kind->fresh, memory_order_relaxed);
  do {
    if (fresh >= cellsPerRegion(kind) * regionsPerKind) return false;
    if (regionAt(kind, shape, fresh >> cellsLog(kind)) == NULL) return false;
  } while (
      !atomic_compare_exchange_weak_explicit(&kind->fresh, &fresh, fresh + 1, memory_order_relaxed, memory_order_relaxed));
  *index = fresh;
  return true;
}

static void locate(Kind *kind, const mema_CellShape *shape, mema_Cell *cell) {
  char *region = atomic_load_explicit(&kind->regions[cell->index >> cellsLog(kind)], memory_order_acquire);
  size_t within = cell->index & (cellsPerRegion(kind) - 1);
  cell->front = region + linksSize(kind) + within * shape->front;
  cell->back = region + linksSize(kind) + cellsPerRegion(kind) * shape->front + within * shape->back;
  cell->area = region + areasOffset(kind, shape) + within * shape->area;
}

char *mema_takeWarmFront(unsigned kind, size_t front) {
  Kind *k = &kinds[kind];
  uint32_t index;
  if (!pop(k, &k->warm, &index)) return NULL;
  char *region = atomic_load_explicit(&k->regions[index >> cellsLog(k)], memory_order_acquire);
  return region + linksSize(k) + (index & (cellsPerRegion(k) - 1)) * front;
}

bool mema_takeWarmCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell) {
  cell->warm = pop(&kinds[kind], &kinds[kind].warm, &cell->index);
  if (cell->warm) locate(&kinds[kind], shape, cell);
  return cell->warm;
}

bool mema_takeCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell) {
  if (mema_takeWarmCell(kind, shape, cell)) return true;
  Kind *k = &kinds[kind];
  if (!pop(k, &k->cold, &cell->index) && !takeFresh(k, shape, &cell->index)) return false;
  mema_noteAcquired(k);
  locate(k, shape, cell);
  return true;
}

void mema_giveWarmCell(unsigned kind, uint32_t index) {
  push(&kinds[kind], &kinds[kind].warm, index);
}

void mema_giveCell(unsigned kind, uint32_t index) {
  mema_noteReleasing(&kinds[kind]);
  push(&kinds[kind], &kinds[kind].cold, index);
}
