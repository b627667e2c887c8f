/* outside.c - slabs outside: opened when a pool's own heap has no room, and counted. libmema-fixed.a, whose heaps
 * are alone, has none. */
#include "heapList.h"

#include "reservation.h"

/* Bytes: a slab outside has at least outsideMin if the system has them, and at most outsideMax unless one
 * request needs more. */
static const size_t outsideMin = (size_t)1 << 20, outsideMax = (size_t)1 << 40;
enum { step = 64 * 1024 };

/* Makes a slab outside, as large as all slabs outside so far. Their number stays small this way, and each
 * search walks them all. The system may give less. */
static mema_Slab *openOutside(const mema_Heap *first, size_t outside, size_t size, size_t alignment) {
  if (size > MEMA_UNLIMITED / 4 || alignment > MEMA_UNLIMITED / 4) return NULL;
  mema_OutsidePlan own = {0};
  first->ops->planOutside(first, &own);
  mema_SlabPlan plan = {.layout = &mema_slabLayout,
                        .outside = true,
                        .bound = (first->mode & mema_modeBound) != 0,
                        .unitShift = own.unitShift,
                        .budget = own.budget,
                        .records = own.records,
                        .like = own.like};
  size_t least = mema_roundUp(size + (alignment > mema_osPageSize() ? alignment : 0), step), area = outside;
  size_t span = mema_spanUnitsMax << plan.unitShift; /* room for a span of any class */
  if (least < span) least = span;
  if (area < outsideMin) area = outsideMin;
  if (area > outsideMax) area = outsideMax;
  if (area < least) area = least;
  plan.area = mema_roundUp(area, step);
  plan.least = least;
  return mema_slabOpen(&plan);
}

mema_Heap *mema_addOutside(mema_Heap *first, size_t size, size_t alignment) {
  mema_Heap *last = first;
  size_t outside = 0;
  for (; last->next != NULL; last = last->next) outside += mema_slabIn(last->next)->areaSize;
  mema_Slab *added = openOutside(first, outside, size, alignment);
  return last->next = added != NULL ? &added->heap : NULL;
}

size_t mema_liveOutside(const mema_Heap *heap) {
  return ((const mema_Slab *)(const void *)heap)->liveChunks;
}

size_t mema_countOutside(mema_Heap *heap, size_t change) {
  return mema_slabIn(heap)->liveChunks += change;
}
