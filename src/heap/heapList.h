/* heapList.h - the heaps of one pool: its own first, then slabs outside, which serve requests that the first has
 * no room for.
 *
 *   every heap but the first is a slab with `outside` set, and counts its live chunks
 *   the slabs outside are a tree too, by their addresses
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
/* Changes a live chunk's size in place: the operation of its heap. */
MEMA_HIDDEN bool mema_stretchChunk(mema_Heap *first, mema_Chunk *chunk, size_t size);
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

/* Takes memory for a chunk from a slab outside, an old one or a new one. False iff the system has none. Logarithmic in
 * the slabs, unless the system has no room for a new one: then all of them are asked. */
MEMA_HIDDEN bool mema_takeOutside(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk);
/* Gives a chunk's memory back. Logarithmic in the slabs. */
MEMA_HIDDEN void mema_giveOutside(mema_Heap *first, const mema_Chunk *chunk);
/* Finds a live chunk in a slab outside. Logarithmic in the slabs. */
MEMA_HIDDEN bool mema_findOutside(const mema_Heap *first, const void *ptr, mema_Chunk *chunk);
/* As the operation, for a chunk outside: what it frees is found. */
MEMA_HIDDEN bool mema_stretchOutside(mema_Heap *first, mema_Chunk *chunk, size_t size);
/* Gives slabs outside without live chunks back to the system, except `keep` of them; returns their bytes. Linear in the
 * slabs. */
MEMA_HIDDEN size_t mema_dropEmptyHeaps(mema_Heap *first, unsigned keep);
/* Called after the slabs outside gave memory back by themselves. */
MEMA_HIDDEN void mema_renewOutside(mema_Heap *first);
/* The number of slabs outside, and a count of the changes of their units in use. */
MEMA_HIDDEN size_t mema_outsideCount(const mema_Heap *first);
MEMA_HIDDEN size_t mema_outsideChanges(const mema_Heap *first);
/* True if the list and the tree are sound: for mema_checkPool. */
MEMA_HIDDEN bool mema_isSoundOutside(const mema_Heap *first);
/* The number of live chunks in a heap outside. */
MEMA_HIDDEN size_t mema_liveOutside(const mema_Heap *heap);
/* Adds `change`, modulo SIZE_MAX + 1, to that number, and returns it. A caller that adds 1 for a while keeps the
 * heap even if it becomes empty. */
MEMA_HIDDEN size_t mema_countOutside(mema_Heap *heap, size_t change);

/* ---- any heap of the list ------------------------------------------------------------------------------------------------ */

/* Finds a live chunk in any heap of the list. Logarithmic in the heaps. */
static inline bool mema_findChunk(mema_Heap *first, const void *ptr, mema_Chunk *chunk) {
  return first->ops->find(first, ptr, chunk) || (first->next != NULL && mema_findOutside(first, ptr, chunk));
}

/* Moves a chunk's first bytes to a new chunk, between any two heaps. False iff the system failed half-way: the
 * new chunk is lost, and must not be given. */
MEMA_HIDDEN bool mema_moveBytes(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

#endif
