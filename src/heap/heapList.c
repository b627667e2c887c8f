/* heapList.c - see heapList.h. */
#include "heapList.h"

static MEMA_SLOW bool countTaken(const mema_Chunk *chunk) {
  mema_countOutside(chunk->heap, 1);
  return true;
}

/* Forgets a chunk whose memory is lost. Always false, for a tail call. */
static MEMA_SLOW bool countLost(const mema_Chunk *chunk) {
  if (chunk->heap->outside) mema_countOutside(chunk->heap, SIZE_MAX);
  return false;
}

/* Counts a chunk taken outside. Always true, for a tail call. */
static MEMA_INLINE bool count(const mema_Chunk *chunk) {
  return mema_likely(!chunk->heap->outside) || countTaken(chunk);
}

bool mema_takeMemory(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Heap *each = first; /* the list is never empty */
  do {
    if (each->ops->take(each, size, alignment, chunk)) return count(chunk);
    each = each->next;
  } while (each != NULL);
  mema_Heap *added = first->alone ? NULL : mema_addOutside(first, size, alignment);
  return added != NULL && added->ops->take(added, size, alignment, chunk) && count(chunk);
}

bool mema_takeGrown(mema_Heap *first, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  const mema_HeapOps *ops = from->heap->ops;
  if (ops->takeGrown != NULL && ops->takeGrown(from->heap, from, size, to)) return count(to);
  return mema_takeMemory(first, size, MEMA_ALIGNMENT, to);
}

/* When a slab becomes empty, another empty one is given back, but not the only one. Otherwise a chunk taken and
 * freed again and again would map and unmap each time. */
size_t mema_dropEmptyHeaps(mema_Heap *first, unsigned keep) {
  size_t bytes = 0;
  for (mema_Heap **link = &first->next; *link != NULL;) {
    mema_Heap *heap = *link;
    bool isEmpty = mema_liveOutside(heap) == 0;
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
  if (heap->outside && mema_countOutside(heap, SIZE_MAX) == 0) mema_dropEmptyHeaps(first, 1);
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
  if (ops->move != NULL && ops == from->heap->ops) return mema_likely(ops->move(to, from, bytes)) || countLost(to);
  __builtin_memcpy(to->ptr, from->ptr, bytes);
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
