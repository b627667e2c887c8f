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
  if (first->ops->take(first, size, alignment, chunk)) return true;
  return !first->alone && mema_takeOutside(first, size, alignment, chunk);
}

bool mema_takeGrown(mema_Heap *first, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  const mema_HeapOps *ops = from->heap->ops;
  if (ops->takeGrown != NULL && ops->takeGrown(from->heap, from, size, to)) return count(to);
  return mema_takeMemory(first, size, MEMA_ALIGNMENT, to);
}

void mema_giveMemory(mema_Heap *first, const mema_Chunk *chunk) {
  if (mema_likely(!chunk->heap->outside)) {
    chunk->heap->ops->give(chunk->heap, chunk);
  } else {
    mema_giveOutside(first, chunk);
  }
}

bool mema_stretchChunk(mema_Heap *first, mema_Chunk *chunk, size_t size) {
  if (mema_likely(!chunk->heap->outside)) return chunk->heap->ops->stretch(chunk->heap, chunk, size);
  return mema_stretchOutside(first, chunk, size);
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
  if (ops->move != NULL && ops->move == from->heap->ops->move)
    return mema_likely(ops->move(to, from, bytes)) || countLost(to);
  __builtin_memcpy(to->ptr, from->ptr, bytes);
  return true;
}

void mema_setHeapBudgets(mema_Heap *first, size_t bytes) {
  for (mema_Heap *heap = first; heap != NULL; heap = heap->next) heap->ops->setBudget(heap, bytes);
}

size_t mema_trimHeaps(mema_Heap *first) {
  size_t bytes = mema_dropEmptyHeaps(first, 0);
  for (mema_Heap *heap = first; heap != NULL; heap = heap->next) bytes += heap->ops->trim(heap);
  mema_renewOutside(first);
  return bytes;
}
