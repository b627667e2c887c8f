/* cells.c - see cells.h. */
#include "cells.h"

#include <stdatomic.h>

#include "../base/checkers.h"
#include "../base/stack.h"
#include "os.h"

enum {
  firstCellsLog = 4, /* log2 of the cells of a kind's first region: 16 */
  mostCellsLog = 15, /* log2 of the cells of its largest regions: 32,768 */
  firstRegions = mostCellsLog - firstCellsLog,
  regionsPerKind = firstRegions + 32, /* a million cells */
  areaAlignment = 64 * 1024,
  regionShare = 16, /* a region takes at most 1/regionShare of the process's address space */
  stepped = 512,    /* cells of each kind whose holders map them step by step: at most 23,552 kernel mappings in all */
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

/* The place of a cell. The first region has 16 cells, and each of the next eleven as many as there were before;
 * all others have 32,768. */
typedef struct Place {
  uint32_t region;
  uint32_t cells;  /* of that region */
  uint32_t within; /* the number of the cell in it */
} Place;

static Place placeOf(uint32_t index) {
  const uint32_t first = UINT32_C(1) << firstCellsLog, most = UINT32_C(1) << mostCellsLog;
  if (index < first) return (Place){.region = 0, .cells = first, .within = index};
  if (index >= most)
    return (Place){.region = firstRegions + (index >> mostCellsLog), .cells = most, .within = index & (most - 1)};
  unsigned log = 31 - (unsigned)__builtin_clz(index);
  return (Place){.region = log - firstCellsLog + 1, .cells = UINT32_C(1) << log, .within = index - (UINT32_C(1) << log)};
}

static size_t linksSize(uint32_t cells) {
  return roundUp(cells * sizeof(uint32_t), mema_osPageSize());
}

/* The offset of the first area from the start of its region. */
static size_t areasOffset(uint32_t cells, const mema_CellShape *shape) {
  size_t records = linksSize(cells) + cells * (shape->front + shape->back);
  return shape->area == 0 ? records : roundUp(records + mema_osPageSize(), areaAlignment);
}

static size_t regionSize(uint32_t cells, const mema_CellShape *shape) {
  size_t guard = shape->area == 0 ? 0 : mema_osPageSize();
  return areasOffset(cells, shape) + cells * shape->area + guard;
}

/* The value in Kind.regions: the address of the region, plus 1 if all of it is mapped. */
static char *addressOf(const char *region) {
  return (char *)((uintptr_t)region & ~(uintptr_t)1);
}

static bool isMapped(const char *region) {
  return ((uintptr_t)region & 1) != 0;
}

/* Finds room for a region, and maps its links, which come first. */
static char *makeRegion(uint32_t cells, const mema_CellShape *shape) {
  size_t size = regionSize(cells, shape);
  bool mapped;
  /* Headers are exempt, since no pool can be made without one. */
  if (shape->area != 0 && size > mema_osAddressLimit() / regionShare) return NULL;
  char *region = mema_osFindRoom(size, areaAlignment, linksSize(cells), &mapped);
  return region != NULL && mapped ? region + 1 : region;
}

static void dropRegion(uint32_t cells, const mema_CellShape *shape, char *region) {
  mema_osRelease(addressOf(region), isMapped(region) ? regionSize(cells, shape) : linksSize(cells));
}

static char *loadRegion(const Kind *kind, uint32_t number) {
  return atomic_load_explicit(&kind->regions[number], memory_order_acquire);
}

/* The region of a cell, made now if necessary. Two threads may make it at once; the second one then drops its
 * own. */
static char *regionFor(Kind *kind, const mema_CellShape *shape, uint32_t index) {
  Place place = placeOf(index);
  char *region = loadRegion(kind, place.region);
  if (region != NULL) return region;
  char *mine = makeRegion(place.cells, shape);
  if (mine == NULL) return NULL;
  if (atomic_compare_exchange_strong_explicit(&kind->regions[place.region], &region, mine, memory_order_acq_rel,
                                              memory_order_acquire))
    return mine;
  dropRegion(place.cells, shape, mine);
  return region;
}

static mema_StackLink *linkOf(void *owner, uint32_t number) {
  Kind *kind = owner;
  Place place = placeOf(number - 1);
  return (mema_StackLink *)(void *)addressOf(loadRegion(kind, place.region)) + place.within;
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

static void locate(Kind *kind, const mema_CellShape *shape, mema_Cell *cell) {
  Place place = placeOf(cell->index);
  char *value = loadRegion(kind, place.region), *fronts = addressOf(value) + linksSize(place.cells);
  cell->front = fronts + place.within * shape->front;
  if (shape->area == 0) return;
  cell->back = fronts + place.cells * shape->front + place.within * shape->back;
  cell->area = addressOf(value) + areasOffset(place.cells, shape) + place.within * shape->area;
  cell->mapped = isMapped(value) || cell->index >= stepped;
}

static mema_Claim claim(char *base, size_t size) {
  return size == 0 ? mema_claimDone : mema_osClaim(base, size);
}

/* Maps a part of a cell in full. Its neighbours merge with it, and would get huge pages where the system gives these
 * unasked. */
static mema_Claim claimWhole(char *base, size_t size) {
  mema_Claim claimed = claim(base, size);
  if (claimed == mema_claimDone && size != 0) mema_osAvoidHuge(base, size);
  return claimed;
}

static void release(char *base, size_t size) {
  if (size != 0) mema_osRelease(base, size);
}

/* Maps a cell that was never used; if a part of it is not to be had, nothing of it. */
static mema_Claim claimCell(const Kind *kind, const mema_CellShape *shape, const mema_Cell *cell) {
  if (isMapped(loadRegion(kind, placeOf(cell->index).region))) return mema_claimDone;
  mema_Claim claimed = claim(cell->front, shape->front);
  if (claimed != mema_claimDone || shape->area == 0 || !cell->mapped) return claimed;
  claimed = claimWhole(cell->back, shape->back);
  if (claimed == mema_claimDone) {
    claimed = claimWhole(cell->area, shape->area);
    if (claimed == mema_claimDone) return claimed;
    release(cell->back, shape->back);
  }
  release(cell->front, shape->front);
  return claimed;
}

/* Moves the index of the first cell that was never used, unless it was moved meanwhile. */
static void moveFresh(Kind *kind, uint32_t from, uint32_t to) {
  atomic_compare_exchange_strong_explicit(&kind->fresh, &from, to, memory_order_relaxed, memory_order_relaxed);
}

/* Takes a cell that was never used. If the system refuses its memory, another try may take it, unless a later cell
 * was taken meanwhile: then it is lost. If another mapping of the process lies in its place, the rest of its region is
 * given up, since more of it may be taken, and a cell of the next region serves. */
static bool takeFresh(Kind *kind, const mema_CellShape *shape, mema_Cell *cell) {
  for (;;) {
    uint32_t fresh = atomic_load_explicit(&kind->fresh, memory_order_relaxed);
    do {
      if (placeOf(fresh).region >= regionsPerKind) return false;
      if (regionFor(kind, shape, fresh) == NULL) return false;
    } while (
        !atomic_compare_exchange_weak_explicit(&kind->fresh, &fresh, fresh + 1, memory_order_relaxed, memory_order_relaxed));
    cell->index = fresh;
    locate(kind, shape, cell);
    mema_Claim claimed = claimCell(kind, shape, cell);
    if (claimed == mema_claimDone) return true;
    if (claimed == mema_claimRefused) {
      moveFresh(kind, fresh + 1, fresh);
      return false;
    }
    Place place = placeOf(fresh);
    moveFresh(kind, fresh + 1, fresh - place.within + place.cells);
  }
}

char *mema_takeWarmFront(unsigned kind, size_t front) {
  Kind *k = &kinds[kind];
  uint32_t index;
  if (!pop(k, &k->warm, &index)) return NULL;
  Place place = placeOf(index);
  return addressOf(loadRegion(k, place.region)) + linksSize(place.cells) + place.within * front;
}

bool mema_takeWarmCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell) {
  cell->warm = pop(&kinds[kind], &kinds[kind].warm, &cell->index);
  if (cell->warm) locate(&kinds[kind], shape, cell);
  return cell->warm;
}

bool mema_takeCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell) {
  if (mema_takeWarmCell(kind, shape, cell)) return true;
  Kind *k = &kinds[kind];
  if (!pop(k, &k->cold, &cell->index)) return takeFresh(k, shape, cell);
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
