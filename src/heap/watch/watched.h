/* watched.h - the state of a watched heap, and its two ways: in place, and plain. See watch.h.
 *
 * The heap's operations are a copy of its engine's row, with some replaced. The state lies behind that copy, so the
 * heap's `ops` lead to it. A slab outside of a watched heap has a second row in the same state. */
#ifndef MEMA_HEAP_WATCH_WATCHED_H
#define MEMA_HEAP_WATCH_WATCHED_H

#include "../slab/slab.h"
#include "shadow.h"

/* A chunk that is a malloc of its own. */
typedef struct mema_PlainChunk {
  char *ptr;       /* NULL: no chunk */
  char *place;     /* where the engine has the chunk */
  mema_Heap *heap; /* the heap of that place */
  size_t size;     /* the bytes that the program may use */
  size_t bytes;    /* the bytes of the block: more, if the pool is untracked */
} mema_PlainChunk;

/* In place, every chunk has a Block, even in an untracked pool:
 *     live       block.ptr == the chunk; untracked: block.prev holds the bytes that the program may use
 *     kept       block.ptr == NULL; block.size is the chunk's size, block.prev the chunk; block.next is kept after it
 *     the guard  block.ptr == NULL: a chunk at the start of the area, which no program gets
 *     live + keptBytes <= budget, unless nothing is kept; keptRoom <= keptMost */
typedef struct mema_Watch {
  mema_HeapOps row, outsideRow;
  const mema_HeapOps *engine; /* of `first`, the pool's own heap */
  mema_Heap *first;
  bool plain, untracked;
  bool leaks;   /* plain: a block that is live when its pool ends is not freed, so that a leak checker reports it */
  bool leaving; /* such a pool, which uses the heap of its parent, is ending */
  size_t budget;
  size_t live; /* bytes of the live chunks */
  mema_Block *oldest, *youngest;
  size_t kept, keptBytes, keptRoom, keptMost;
  bool guarded;
  bool sites;             /* Blocks have the numbers of the places where chunks were allocated */
  char name[22];          /* of the pool */
  size_t root;            /* the bytes of the area in which the leak sanitizer looks for pointers */
  mema_PlainChunk *table; /* by address; plainLog is the log2 of its length */
  size_t plainCount;
  unsigned plainLog;
} mema_Watch;

static inline mema_Watch *mema_watchOf(const mema_Heap *heap) {
  size_t offset = heap->outside ? offsetof(mema_Watch, outsideRow) : offsetof(mema_Watch, row);
  return (mema_Watch *)((uintptr_t)heap->ops - offset);
}

/* The engine's own operations of a watched heap, or of a slab outside of one. */
static inline const mema_HeapOps *mema_engineBehind(const mema_Heap *heap) {
  return heap->outside ? &mema_slabOps : mema_watchOf(heap)->engine;
}

/* Replace operations in a row. */
MEMA_HIDDEN void mema_watchInPlace(mema_HeapOps *row);
MEMA_HIDDEN void mema_watchPlain(mema_HeapOps *row);

/* ---- inPlace.c ----------------------------------------------------------------------------------------------------------- */

/* Tells a checker of a heap that begins, or ends, without chunks that live on. */
MEMA_HIDDEN void mema_beginPlaces(mema_Heap *heap);
MEMA_HIDDEN void mema_endPlaces(mema_Heap *heap);

/* ---- plain.c ------------------------------------------------------------------------------------------------------------- */

/* Ends the blocks of all chunks of a heap whose places are at or behind `from`. `leaks`: the blocks are not freed. */
MEMA_HIDDEN void mema_plainDrop(const mema_Heap *heap, const char *from, bool leaks);

/* ---- quarantine.c -------------------------------------------------------------------------------------------------------- */

/* Keeps a freed chunk of the first heap for a while. False: it is too large. */
MEMA_HIDDEN bool mema_keepFreed(mema_Heap *heap, const mema_Chunk *chunk, size_t size);
/* Gives kept chunks to the engine, the oldest first, until `bytes` more fit in the budget beside the others. */
MEMA_HIDDEN void mema_makeRoomInKept(mema_Heap *heap, size_t bytes);
/* Gives all kept chunks to the engine. */
MEMA_HIDDEN void mema_giveKept(mema_Heap *heap);
/* Forgets the kept chunks at or behind `from`, which the engine is about to forget. */
MEMA_HIDDEN void mema_forgetKept(mema_Heap *heap, const char *from);

/* ---- describe.c ---------------------------------------------------------------------------------------------------------- */

/* Lists a pool's own heap that is watched in place, for the reports of the address sanitizer. */
MEMA_HIDDEN void mema_enlistHeap(mema_Heap *heap);
MEMA_HIDDEN void mema_delistHeap(mema_Heap *heap);

#endif
