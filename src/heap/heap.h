/* heap.h - the one interface between a pool and the memory under it.
 *
 * A heap hands out chunks and takes them back; it knows nothing of budgets, chains or owners. For any 64-bit
 * value it says whether the value is the start of one of its live chunks, and never touches the memory that the
 * value points to. For each chunk of a tracked pool it keeps room for one Block record, which the pool writes.
 *
 * Each engine has one table of operations. Its heaps begin with a mema_Heap that points to that table, so a
 * general call does not ask for the engine. The common paths of palloc and pfree know the engine by the pool's
 * mode and are inline; they make no indirect call. An engine without common paths of its own has the mode
 * mema_modeGeneral. docs/adding-an-engine.md lists what a further engine needs.
 *
 *   heap     -> next -> next ...       the pool's own heap first; the later ones lie outside, and serve when it is full
 */
#ifndef MEMA_HEAP_HEAP_H
#define MEMA_HEAP_HEAP_H

#include "../base/base.h"
#include "../base/faults.h"

typedef struct mema_HeapOps mema_HeapOps;

/* Whether a checker sees the chunks of a heap, and how: watch/watch.h. */
typedef enum mema_Watching { mema_unwatched, mema_watchedInPlace, mema_watchedPlain } mema_Watching;

struct mema_Heap {
  uintptr_t generation; /* that of its pool, plus the mode; 0: no pool. The pool writes it. */
  const mema_HeapOps *ops;
  mema_Heap *next;
  struct mema_Share *share; /* in the first heap of a pool that threads share; else NULL. The pool writes it. */
  uint8_t mode;             /* how chunks are taken and given: bits of mema_Mode */
  bool outside : 1;         /* this heap is not the pool's own, but was added later */
  bool alone : 1;           /* nothing is added outside: a request without room here is refused as fragmented */
  bool threads;             /* threads have cached slots: this is a slab with states */
  /* Fields of the engine for look-ups. They lie here so that one cache line holds all that a look-up reads. */
  uint8_t unitQuantaLog; /* log2 of the quanta of a unit */
  uint32_t unitMask;     /* the quanta of a unit, minus one */
  char *area;            /* the start of the memory for chunks */
};

/* The properties that a slab outside takes over from the pool's own heap. */
typedef struct mema_OutsidePlan {
  size_t budget;                /* bytes: see setBudget */
  uint8_t unitShift;            /* 0: derived from the area */
  bool records;                 /* chunks have Blocks */
  const struct mema_Slab *like; /* a slab whose kind of memory it gets; NULL: the system's */
  size_t beside;                /* bytes that a chunk needs beside its size */
} mema_OutsidePlan;

/* The properties of a heap that reports tell. */
typedef struct mema_HeapKind {
  mema_Engine engine;     /* as mema_Options names it */
  mema_Watching watching; /* mema_unwatched in every engine */
} mema_HeapKind;

/* The operations of an engine. Sizes are bytes, not 0, at most PTRDIFF_MAX; alignments are powers of two. */
struct mema_HeapOps {
  mema_HeapKind kind; /* mema_unwatched in every engine */
  /* Judges what this engine alone asks of options; the caller has judged the rest. False, and the failure noted,
   * iff they are bad. NULL: nothing. */
  bool (*judge)(const mema_Options *options);
  /* Makes a heap with no live chunk from options that were checked. NULL iff the system has no room. The pool
   * sets its generation. */
  mema_Heap *(*open)(const mema_Options *options);
  /* Plans a slab outside that serves requests this heap has no room for. NULL: all its heaps are alone. */
  void (*planOutside)(const mema_Heap *heap, mema_OutsidePlan *plan);

  /* Takes a chunk. False iff this heap has no room. */
  bool (*take)(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
  /* True iff ptr, which may be any value, is the start of a live chunk of this heap. Constant time. */
  bool (*find)(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
  /* Takes back a chunk that `find` or `take` described. */
  void (*give)(mema_Heap *heap, const mema_Chunk *chunk);
  /* Changes a live chunk's size in place, and chunk->room with it. False, with nothing changed, if it cannot,
   * or if the chunk should move. */
  bool (*stretch)(mema_Heap *heap, mema_Chunk *chunk, size_t size);
  /* Takes a place for a chunk of this heap that outgrows its own, if there is a better one than `take` gives;
   * else false. NULL: there never is. */
  bool (*takeGrown)(mema_Heap *heap, const mema_Chunk *from, size_t size, mema_Chunk *to);
  /* Moves a chunk's first bytes to a new chunk of this engine. The caller then gives the old chunk. False iff
   * the system failed half-way: the old chunk is intact; the new one's memory is lost, and must not be given.
   * NULL: the caller copies. */
  bool (*move)(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

  /* The bytes that a chunk of this size would occupy. */
  size_t (*room)(const mema_Heap *heap, size_t size, size_t alignment);
  /* The largest size whose chunk would occupy at most `room` bytes; 0: none. */
  size_t (*largest)(const mema_Heap *heap, size_t room);
  /* The size of the largest chunk that `take` would find now. Needed only if heaps can be alone. */
  size_t (*longest)(mema_Heap *heap);
  /* Makes the bytes of a chunk zero. NULL: the caller writes them. */
  void (*zero)(const mema_Heap *heap, char *ptr, size_t bytes);

  /* Frees all chunks. */
  void (*clear)(mema_Heap *heap);
  /* Frees all chunks. The heap's memory is then kept warm, or given back. */
  void (*close)(mema_Heap *heap);
  /* Gives free pages back to the system; returns their bytes. */
  size_t (*trim)(mema_Heap *heap);
  /* Sets the footprint, in bytes, above which free pages are given back before fresh ones are taken. */
  void (*setBudget)(mema_Heap *heap, size_t bytes);

  /* An upper bound of the bytes held from the system for chunks and records. */
  size_t (*footprint)(const mema_Heap *heap);
  /* The bytes of address space for chunks. */
  size_t (*reservation)(const mema_Heap *heap);
  /* The bytes, from the start of the heap's area, that the engine has begun to use. */
  size_t (*extent)(const mema_Heap *heap);
  /* The bytes, from the start of the area, that chunks may have been written to since the pages were last given
   * back. Needed only of heaps in a reservation (reservation.h). */
  size_t (*touched)(const mema_Heap *heap);
  /* Finds the live chunk with the lowest address at or behind `offset`, counted from the start of the area;
   * false if there is none. Chunks may be freed between two calls. */
  bool (*walk)(mema_Heap *heap, size_t offset, mema_Chunk *chunk);
  /* Returns NULL, or the invariant that does not hold. Adds the number of live chunks and the bytes charged for
   * them. Linear in units and slots. */
  const char *(*check)(const mema_Heap *heap, size_t *chunks, size_t *charged);
  /* True iff `block`, which may be any pointer, can be the Block of a live chunk of this heap. Only then may it be
   * read. Needed if the engine exposes Blocks, and of slabs. */
  bool (*holdsBlock)(const mema_Heap *heap, const mema_Block *block);

  /* Marks of untracked pools; NULL in engines whose chunks do not lie in the order of allocation. `mark`
   * returns the position of the next chunk, in units of MEMA_ALIGNMENT from the start of the area. `mayRewind` says whether the heap can go back to a position, which
   * may be any value. `rewind` forgets all chunks behind a position, and returns the number of the live ones
   * and the bytes that they occupied. */
  uint32_t (*mark)(mema_Heap *heap);
  bool (*mayRewind)(const mema_Heap *heap, uintptr_t position);
  void (*rewind)(mema_Heap *heap, uint32_t position, size_t *bytes, size_t *chunks);

  /* NULL in every engine; the operations of a watched heap (watch/watch.h). `reveal`: the program is about to be told
   * that all bytes that an untracked chunk is charged are its own. `watchOutside`: a slab outside was added.
   * `setLeaving`: a sub-pool that uses the heap begins to end, or has freed its chunks. */
  void (*reveal)(mema_Heap *heap, const mema_Chunk *chunk);
  void (*watchOutside)(mema_Heap *first, mema_Heap *added);
  void (*setLeaving)(mema_Heap *heap, bool leaving);

  /* The offset in the header of a word that keeps generations in store, since the header outlives its pools; 0:
   * there is none. */
  size_t livesOffset;

  /* Where the budget bounds memory, a chunk with `room` bytes is charged room + (room >> tablesShift) + beside:
   * its part of the tables, its Block and its bits. */
  uint8_t tablesShift, beside;
  /* The faults of options with `shared` and with `memory`; mema_noFault: the engine can have them. */
  mema_Fault noShared, noHooks;

  /* A Block lies where a chunk that overflows can write over it: pool/intact.c examines it before its use. */
  bool exposesBlocks;
  /* The heap lies in options->buffer. Options may leave poolSize 0: the budget is then the heap's reservation. */
  bool inBuffer;
  /* Its pools are neither parents nor sub-pools. */
  bool noFamily;
  /* Tracked sub-pools can take their chunks from their parent's heap: pool/tree.h. */
  bool servesSubPools;
  /* An untracked chunk is charged by its size, though its place may be larger. */
  bool chargesBySize;
  /* Nearly every request is a new low of freeSize. The pool therefore notes its low-water mark before a credit,
   * not at a charge. */
  bool notesLowLate;
};

/* Calls of operations that a program without a check, or without mema_largestChunk, need not link: alone.h has the
 * functions themselves in place of the row. */
static inline const char *mema_checkHeap(const mema_Heap *heap, size_t *chunks, size_t *charged) {
  return heap->ops->check(heap, chunks, charged);
}
static inline void mema_setLeaving(mema_Heap *heap, bool leaving) {
  if (mema_unlikely(heap->ops->setLeaving != NULL)) heap->ops->setLeaving(heap, leaving);
}
static inline size_t mema_longestIn(mema_Heap *heap) {
  return heap->ops->longest(heap);
}

#endif
