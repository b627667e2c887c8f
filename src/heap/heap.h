/* heap.h - the one interface between a pool and the memory under it.
 *
 * A heap hands out chunks and takes them back; it knows nothing of budgets, chains or owners. For any 64-bit value it answers
 * whether that is the start of one of its live chunks, and never touches the memory that the value points to. For each chunk of a
 * tracked pool it keeps room for one Block record, which the pool writes.
 *
 * Each engine has one table of operations. Its heaps begin with a mema_Heap that points to that table, so a general call needs no
 * question which engine it is. The common paths of palloc and pfree know the engine by the pool's mode and are inline; they make no
 * indirect call.
 *
 *   heap     -> next -> next ...       the pool's own heap first; the later ones lie outside, and serve what it has no room for
 */
#ifndef MEMA_HEAP_HEAP_H
#define MEMA_HEAP_HEAP_H

#include "../base/base.h"

typedef struct mema_HeapOps mema_HeapOps;

/* Of a slab that is to be made: slab.h. */
typedef struct mema_SlabPlan mema_SlabPlan;

struct mema_Heap {
  uintptr_t generation; /* of the pool that has it, plus its mode; 0: none. The pool writes it. */
  const mema_HeapOps *ops;
  mema_Heap *next;
  struct mema_Share *share; /* of the first heap of a pool that threads share; else NULL. The pool writes it. */
  uint8_t mode;             /* of taking and giving chunks: mema_modeRecords and those behind it */
  bool outside;             /* not the pool's own heap, but a later addition to it */
  bool threads;             /* each thread has slots of its own: a slab with states */
  /* The engine's own, for look-ups: they lie here so that one cache line has all that a look-up reads. */
  uint8_t unitQuantaLog; /* log2 of the eighths of a unit */
  uint32_t unitMask;     /* eighths of a unit, less one */
  char *area;            /* where its chunks lie, from here on */
};

/* The operations of an engine. Sizes are bytes, not 0, at most PTRDIFF_MAX; alignments are powers of two. */
struct mema_HeapOps {
  /* A heap with no live chunk, as the options ask, which were found good; NULL iff the system has no room. The pool sets its generation. */
  mema_Heap *(*open)(const mema_Options *options);
  /* Says how a slab outside is to be made that serves what this heap has no room for. */
  void (*planOutside)(const mema_Heap *heap, mema_SlabPlan *plan);

  /* Takes a chunk. False iff this heap has no room. */
  bool (*take)(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
  /* True iff ptr, any value, is the start of a live chunk of this heap. Constant time. */
  bool (*find)(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
  /* Takes a chunk that `find` or `take` described back. */
  void (*give)(mema_Heap *heap, const mema_Chunk *chunk);
  /* Changes a live chunk's size in place; false, with nothing changed, iff it cannot, or had better move. chunk->room follows. */
  bool (*stretch)(mema_Heap *heap, mema_Chunk *chunk, size_t size);
  /* Takes the place for a chunk of this heap that outgrows its own, where there is a better one than `take` gives; else false. NULL: never. */
  bool (*takeGrown)(mema_Heap *heap, const mema_Chunk *from, size_t size, mema_Chunk *to);
  /* Moves a chunk's first bytes to a new chunk of this engine. The old chunk is then to be given. False iff the system failed half-way:
   * the old chunk is intact, the new one's memory is lost, and must not be given. NULL: by a copy. */
  bool (*move)(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

  /* The bytes that a chunk of this size would occupy. */
  size_t (*room)(const mema_Heap *heap, size_t size, size_t alignment);
  /* The largest size for which that is at most `room`; 0: none. */
  size_t (*largest)(const mema_Heap *heap, size_t room);

  /* Frees all chunks. */
  void (*clear)(mema_Heap *heap);
  /* Frees all chunks; the heap's memory is then kept warm, or given back. */
  void (*close)(mema_Heap *heap);
  /* Gives free pages back; returns their bytes. */
  size_t (*trim)(mema_Heap *heap);
  /* Sets the footprint, in bytes, from which free pages are given back before fresh ones are taken. */
  void (*setBudget)(mema_Heap *heap, size_t bytes);

  /* Bytes held from the system for chunks and records: an upper bound. */
  size_t (*footprint)(const mema_Heap *heap);
  /* Bytes of address space for chunks. */
  size_t (*reservation)(const mema_Heap *heap);
  /* Bytes from the start of the heap's area that were handed out at some time. */
  size_t (*extent)(const mema_Heap *heap);
  /* The live chunk with the lowest address at or behind `offset`, from the start of the area; false: there is none. Chunks may be freed
   * between two calls. */
  bool (*walk)(mema_Heap *heap, size_t offset, mema_Chunk *chunk);
  /* NULL, or the invariant that does not hold. Adds the live chunks and what is charged for them. Linear in units and slots. */
  const char *(*check)(const mema_Heap *heap, size_t *chunks, size_t *charged);

  /* Marks of untracked pools: NULL where chunks do not lie in the order of allocation. `mark` returns the position of the next chunk;
   * `mayRewind` tells whether a position, any value, is one that the heap can go back to; `rewind` forgets all chunks behind it, and says
   * how many were live, and the bytes that they occupied. */
  uint32_t (*mark)(mema_Heap *heap);
  bool (*mayRewind)(const mema_Heap *heap, uintptr_t position);
  void (*rewind)(mema_Heap *heap, uint32_t position, size_t *bytes, size_t *chunks);

  /* Where in the header a word lies that keeps generations in store, since the header outlives its pools; 0: nowhere. */
  size_t livesOffset;

  /* An untracked chunk is charged what its size needs, though its place may be larger. */
  bool chargesBySize;
  /* Nearly every request is a new low of freeSize, so the pool notes its low-water mark before it credits, not when it charges. */
  bool notesLowLate;
};

#endif
