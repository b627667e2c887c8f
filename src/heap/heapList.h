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

/* ---- outside.c ----------------------------------------------------------------------------------------------------------- */

/* Adds a slab at the end of the list, so that older slabs are tried first. NULL: the system has no room. */
MEMA_HIDDEN mema_Heap *mema_addOutside(mema_Heap *first, size_t size, size_t alignment);
/* The number of live chunks in a heap outside. */
MEMA_HIDDEN size_t mema_liveOutside(const mema_Heap *heap);
/* Adds `change`, modulo SIZE_MAX + 1, to that number, and returns it. A caller that adds 1 for a while keeps the
 * heap even if it becomes empty. */
MEMA_HIDDEN size_t mema_countOutside(mema_Heap *heap, size_t change);

/* ---- any heap of the list ------------------------------------------------------------------------------------------------ */

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
