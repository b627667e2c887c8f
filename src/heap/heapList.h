/* heapList.h - the heaps of one pool: its own first, then slabs outside, which serve requests that the first has
 * no room for.
 *
 *   every heap but the first is a slab with `outside` set, and its liveChunks is the number of its live chunks
 */
#ifndef MEMA_HEAP_HEAP_LIST_H
#define MEMA_HEAP_HEAP_LIST_H

#include "heap.h"

/* Takes memory for a chunk from the first heap in the list that has room, or from a new slab outside. False iff
 * the system has none. */
MEMA_HIDDEN bool mema_takeMemory(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk);
/* Takes memory for a chunk that outgrows its place: from its own heap if that has a better place, else as
 * mema_takeMemory. */
MEMA_HIDDEN bool mema_takeGrown(mema_Heap *first, const mema_Chunk *from, size_t size, mema_Chunk *to);
/* Gives a chunk's memory back. */
MEMA_HIDDEN void mema_giveMemory(mema_Heap *first, const mema_Chunk *chunk);
/* Keeps a heap outside even if it becomes empty; with `pinned` false, lets it go again. */
MEMA_HIDDEN void mema_pinOutside(mema_Heap *heap, bool pinned);
/* The number of live chunks in a heap outside. */
MEMA_HIDDEN size_t mema_liveOutside(const mema_Heap *heap);
/* Gives slabs outside without live chunks back to the system, except `keep` of them; returns their bytes. */
MEMA_HIDDEN size_t mema_dropEmptyHeaps(mema_Heap *first, unsigned keep);
/* Sets, for each heap, the footprint above which it gives free pages back before it takes fresh ones. */
MEMA_HIDDEN void mema_setHeapBudgets(mema_Heap *first, size_t bytes);
/* Gives free pages and empty slabs outside back; returns their bytes. */
MEMA_HIDDEN size_t mema_trimHeaps(mema_Heap *first);
/* Gives back the memory of all heaps that are kept warm; returns its bytes. */
MEMA_HIDDEN size_t mema_trimWarm(void);
/* Closes all slabs outside. */
MEMA_HIDDEN void mema_closeAllOutside(mema_Heap *first);
static inline void mema_closeOutside(mema_Heap *first) {
  if (mema_unlikely(first->next != NULL)) mema_closeAllOutside(first);
}

/* Finds a live chunk in any heap of the list. Linear in the heaps. */
static inline bool mema_findChunk(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  for (; heap != NULL; heap = heap->next)
    if (heap->ops->find(heap, ptr, chunk)) return true;
  return false;
}

/* Moves a chunk's first bytes to a new chunk, between any two heaps. False iff the system failed half-way: the
 * new chunk is lost, and must not be given. */
MEMA_HIDDEN bool mema_moveBytes(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

#endif
