/* heapList.c - see heapList.h. */
#include "heapList.h"

#include <string.h>

#include "slab/source.h"
#include "reservation.h"

/* Bytes: a slab outside has at least outsideMin if the system has them, and at most outsideMax unless one
 * request needs more. */
static const size_t outsideMin = (size_t)1 << 20, outsideMax = (size_t)1 << 40;
enum { step = 64 * 1024 };

/* Makes a slab outside, as large as all slabs outside so far. Their number stays small this way, and each
 * search walks them all. The system may give less. */
static mema_Slab *openOutside(const mema_Heap *first, size_t outside, size_t size, size_t alignment) {
  if (size > MEMA_UNLIMITED / 4 || alignment > MEMA_UNLIMITED / 4) return NULL;
  mema_SlabPlan plan = {.layout = &mema_slabLayout, .outside = true, .bound = (first->mode & mema_modeBound) != 0};
  first->ops->planOutside(first, &plan);
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

/* Adds a slab at the end of the list, so that older slabs are tried first. */
static mema_Heap *addOutside(mema_Heap *first, size_t size, size_t alignment) {
  mema_Heap *last = first;
  size_t outside = 0;
  for (; last->next != NULL; last = last->next) outside += mema_slabIn(last->next)->areaSize;
  mema_Slab *added = openOutside(first, outside, size, alignment);
  return last->next = added != NULL ? &added->heap : NULL;
}

/* Counts a chunk taken outside. Always true, for a tail call. */
static bool count(const mema_Chunk *chunk) {
  if (chunk->heap->outside) mema_slabIn(chunk->heap)->liveChunks++;
  return true;
}

bool mema_takeMemory(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Heap *each = first; /* the list is never empty */
  do {
    if (each->ops->take(each, size, alignment, chunk)) return count(chunk);
    each = each->next;
  } while (each != NULL);
  mema_Heap *added = addOutside(first, size, alignment);
  return added != NULL && added->ops->take(added, size, alignment, chunk) && count(chunk);
}

bool mema_takeGrown(mema_Heap *first, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  const mema_HeapOps *ops = from->heap->ops;
  if (ops->takeGrown != NULL && ops->takeGrown(from->heap, from, size, to)) return count(to);
  return mema_takeMemory(first, size, MEMA_ALIGNMENT, to);
}

size_t mema_liveOutside(const mema_Heap *heap) {
  return ((const mema_Slab *)(const void *)heap)->liveChunks;
}

void mema_pinOutside(mema_Heap *heap, bool pinned) {
  mema_slabIn(heap)->liveChunks += pinned ? 1 : SIZE_MAX;
}

/* When a slab becomes empty, another empty one is given back, but not the only one. Otherwise a chunk taken and
 * freed again and again would map and unmap each time. */
size_t mema_dropEmptyHeaps(mema_Heap *first, unsigned keep) {
  size_t bytes = 0;
  for (mema_Heap **link = &first->next; *link != NULL;) {
    mema_Heap *heap = *link;
    bool isEmpty = mema_slabIn(heap)->liveChunks == 0;
    if (!isEmpty || keep > 0) {
      if (isEmpty) keep--;
      link = &heap->next;
    } else {
      *link = heap->next;
      bytes += heap->ops->footprint(heap);
      heap->ops->close(heap);
    }
  }
  return bytes;
}

void mema_giveMemory(mema_Heap *first, const mema_Chunk *chunk) {
  mema_Heap *heap = chunk->heap;
  heap->ops->give(heap, chunk);
  if (heap->outside && --mema_slabIn(heap)->liveChunks == 0) mema_dropEmptyHeaps(first, 1);
}

void mema_closeAllOutside(mema_Heap *first) {
  while (first->next != NULL) {
    mema_Heap *heap = first->next;
    first->next = heap->next;
    heap->ops->close(heap);
  }
}

bool mema_moveBytes(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  const mema_HeapOps *ops = to->heap->ops;
  if (ops->move != NULL && ops == from->heap->ops) {
    bool moved = ops->move(to, from, bytes);
    if (!moved && to->heap->outside) mema_slabIn(to->heap)->liveChunks--;
    return moved;
  }
  memcpy(to->ptr, from->ptr, bytes);
  return true;
}

void mema_setHeapBudgets(mema_Heap *first, size_t bytes) {
  for (mema_Heap *heap = first; heap != NULL; heap = heap->next) heap->ops->setBudget(heap, bytes);
}

size_t mema_trimHeaps(mema_Heap *first) {
  size_t bytes = mema_dropEmptyHeaps(first, 0);
  for (mema_Heap *heap = first; heap != NULL; heap = heap->next) bytes += heap->ops->trim(heap);
  return bytes;
}
