/* fixed.h - the fixed engine: pieces of a caller's buffer, found and joined in constant time. It needs no system
 * and no C library.
 *
 *   buffer:  mema_Fixed | bins' bits | map | bins' heads | grain 1 | grain 2 | ... | grain end-1
 *
 * The buffer is cut into grains of 16 bytes, and the grains into pieces, each live or free. The map has two bits
 * per grain, out of line:
 *
 *     bounds  a piece starts here                bounds[0] == bounds[end] == 1: everything around the heap counts as live
 *     live    the piece that starts here is live; without a bound here the bit means nothing
 *
 * A `live` word that lies wholly inside a piece is therefore free for other use: the first and the last such
 * word of a piece hold the piece's length. The size of a piece is the distance to the next bound. A look at 64
 * bits, which two words hold, finds it; a piece of 65 grains or more is found by its length. The search
 * backwards works alike. Nothing of this lies in a chunk, so a chunk that overflows cannot damage it. Free
 * neighbours are always one piece.
 *
 *     bounds[g] & live[g]                        iff a live piece starts at grain g, or the `recent` one
 *     bounds[g] & ~live[g]                       iff a free piece starts at g: it is `hot`, or in the bin of its size
 *     not (free at g and free at g + size(g))
 *     end - 1 == sum of the sizes of all pieces
 *
 * The piece freed last is `recent`: it is neither joined nor binned, and the map still shows it as live. A
 * request of its size takes it back; neither step writes to the map. A smaller request may be carved from it. A
 * chunk freed beside it makes it larger, though the lengths in the map do not say so. It is joined and binned
 * when a chunk is freed elsewhere, or when a request finds no room.
 *
 * Free pieces are binned by size in two levels (two-level segregated fit; Masmano, Ripoll, Crespo and Real,
 * "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004): 16 classes to a doubling, exact up
 * to 31 grains. A request is rounded up to a class, and the lowest class from there on that is not empty has a
 * piece that serves: good fit. One free piece is in no bin: the `hot` one. It is the piece joined last, or, if
 * there was none, the rest of a split. Requests are carved from it unless a bin has a better fit. A piece freed
 * next to it joins it without a change to a bin.
 *
 * The lists of the bins run through the memory of the free pieces, which a program may write to by mistake. So
 * the engine trusts the map alone. It follows a link, and writes through it, only if the map has a free piece at
 * the place that the link names; it hands out a piece by the size that the map gives. A list that fails this
 * test is dropped, and `damaged` says so (mema_fixedCheck). The pieces of a dropped list are lost until a freed
 * neighbour joins them, or until reset. Whatever a program writes there, the engine neither leaves the buffer
 * nor touches a live chunk.
 */
#ifndef MEMA_HEAP_FIXED_FIXED_H
#define MEMA_HEAP_FIXED_FIXED_H

#include "../heap.h"

/* The operations of the fixed engine. */
MEMA_HIDDEN extern const mema_HeapOps mema_fixedOps;

enum {
  mema_grainShift = 4, /* log2 of the bytes of a grain: 16 */
  mema_grainSize = 1 << mema_grainShift,
  mema_fixedBufferLeast = 256, /* bytes: a smaller buffer is refused */
  mema_fixedStepShift = 4,     /* 16 classes to a doubling */
  mema_fixedNearby = 64        /* grains: the map holds the length of a longer piece */
};

/* The bits of 64 grains in the map. */
typedef struct mema_FixedWord {
  uint64_t bounds, live;
} mema_FixedWord;

/* The link of a piece in a bin; it lies at the start of the piece. */
typedef struct mema_FixedLink {
  uint32_t next, prev; /* grains; next is 0 in the last piece; prev means nothing in the first */
} mema_FixedLink;

enum { mema_fixedFront = (sizeof(mema_Block) + mema_grainSize - 1) / mema_grainSize }; /* the grains of a Block */

typedef struct mema_Fixed {
  mema_Heap heap;              /* its area begins at grain 1 */
  uintptr_t firstPtr;          /* the address of the chunk whose piece starts at grain 1 */
  mema_FixedWord *words;       /* the bounds of the words before the first and behind the last may be read, too */
  uint32_t *heads;             /* by class: the first piece of its bin; 0: none */
  uint32_t filled;             /* a bit for each word of binned that is not 0 */
  uint32_t budget;             /* that of slabs outside, in units of 1 KiB */
  uint32_t end;                /* the heap has grains 1 to end - 1 */
  uint32_t recent, recentSize; /* the piece freed last; both 0: none */
  uint32_t hot, hotSize;       /* the free piece in no bin, whose length is not in the map; both 0: none */
  uint16_t classCount;
  uint8_t front; /* the grains in front of each chunk: mema_fixedFront if the pool is tracked, else 0 */
  bool damaged;
  uint64_t binned[]; /* by class: a bit for each bin that is not empty */
} mema_Fixed;
_Static_assert(offsetof(mema_Fixed, heap) == 0, "a header begins with its generation: identity.h");

/* ---- fixed.c ------------------------------------------------------------------------------------------------------------- */

/* Makes an empty heap in a buffer of at least mema_fixedBufferLeast bytes, and leaves the rest of the buffer
 * untouched. NULL iff the buffer has no room for one grain and the records. */
MEMA_HIDDEN mema_Fixed *mema_fixedOpen(void *buffer, size_t size, bool tracked);
/* Frees all pieces and joins them to one. */
MEMA_HIDDEN void mema_fixedClear(mema_Fixed *fixed);
/* Takes a piece of `grains` grains (not 0), whose chunk is aligned as asked. Returns its first grain; 0 iff
 * there is no such piece. */
MEMA_HIDDEN uint32_t mema_fixedTake(mema_Fixed *fixed, size_t grains);
MEMA_HIDDEN uint32_t mema_fixedTakeAligned(mema_Fixed *fixed, size_t grains, size_t alignment);
/* Takes back a live piece of `grains` grains, joins it with its free neighbours, and bins it. The piece in
 * front of it must not be the recent one. Always true, for a tail call. */
MEMA_HIDDEN bool mema_fixedGive(mema_Fixed *fixed, uint32_t grain, uint32_t grains);
/* Changes a live piece's size in place. False, with nothing changed, iff the piece behind it is not free, or
 * too small. */
MEMA_HIDDEN bool mema_fixedStretch(mema_Fixed *fixed, uint32_t grain, uint32_t before, size_t after);
/* The bytes of a buffer, at any address, that has room for a heap of `grains` grains; SIZE_MAX if no heap can
 * have so many. */
MEMA_HIDDEN size_t mema_fixedBytesFor(size_t grains);
/* The most grains that a heap can have. */
MEMA_HIDDEN size_t mema_fixedGrainsMost(void);

/* The size, in bytes, of the largest chunk that `take` would find now. */
MEMA_HIDDEN size_t mema_fixedLongest(mema_Heap *heap);

/* ---- fixedCheck.c -------------------------------------------------------------------------------------------------------- */

/* Returns the invariant that is broken, or NULL. Adds the number of live pieces and their bytes. Linear in the
 * pieces. */
MEMA_HIDDEN const char *mema_fixedCheck(const mema_Heap *heap, size_t *pieces, size_t *bytes);
/* Finds the live chunk with the lowest address at or behind an offset from the area: see heap.h. */
MEMA_HIDDEN bool mema_fixedWalk(mema_Heap *heap, size_t offset, mema_Chunk *chunk);

/* ---- fixedOps.c ---------------------------------------------------------------------------------------------------------- */

/* The operations of heap.h on a chunk. libmema-fixed.a calls them directly, so that a program has no code of calls that it
 * does not make. */
MEMA_HIDDEN bool mema_fixedTakeChunk(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
MEMA_HIDDEN bool mema_fixedFindChunk(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
MEMA_HIDDEN bool mema_fixedStretchChunk(mema_Heap *heap, mema_Chunk *chunk, size_t size);
MEMA_HIDDEN void mema_fixedGiveChunk(mema_Heap *heap, const mema_Chunk *chunk);
/* Describes the chunk of a live piece. */
MEMA_HIDDEN void mema_fixedDescribe(mema_Fixed *fixed, uint32_t grain, uint32_t grains, mema_Chunk *chunk);

/* ---- sizes and classes ----------------------------------------------------------------------------------------------------- */

/* The number of the highest set bit of a word that is not 0. */
static inline uint32_t mema_highestBit(uint64_t word) {
  return 63u ^ (uint32_t)__builtin_clzll(word);
}

/* The shift of a size: 0 below 32 grains, where each size has a class; from there on 16 classes share a
 * doubling. */
static inline uint32_t mema_fixedShift(size_t grains) {
  return mema_highestBit(grains | 1u << mema_fixedStepShift) - mema_fixedStepShift;
}

/* The class of a piece: the highest class whose least size is at most this size. */
static inline uint32_t mema_fixedClass(size_t grains) {
  uint32_t shift = mema_fixedShift(grains);
  return (shift << mema_fixedStepShift) + (uint32_t)(grains >> shift);
}

/* The lowest class whose pieces all have this many grains. */
static inline uint32_t mema_fixedClassUp(size_t grains) {
  uint32_t shift = mema_fixedShift(grains);
  return (shift << mema_fixedStepShift) + (uint32_t)((grains + ((size_t)1 << shift) - 1) >> shift);
}

/* The least size in a class. */
static inline size_t mema_fixedLeastOf(uint32_t class) {
  uint32_t steps = 1u << mema_fixedStepShift;
  if (class < 2 * steps) return class;
  uint32_t shift = (class >> mema_fixedStepShift) - 1;
  return (size_t)(steps + class % steps) << shift;
}

/* ---- the map ----------------------------------------------------------------------------------------------------------------- */

static inline bool mema_fixedIsBound(const mema_Fixed *fixed, uint32_t grain) {
  return (fixed->words[grain / 64].bounds >> grain % 64 & 1) != 0;
}

/* True if the piece that starts at this grain is live. */
static inline bool mema_fixedIsLive(const mema_Fixed *fixed, uint32_t grain) {
  return (fixed->words[grain / 64].live >> grain % 64 & 1) != 0;
}

/* The size of a piece of more than mema_fixedNearby grains. The next bound is in the next word, or that whole
 * word lies inside the piece and holds the length. */
static inline uint32_t mema_fixedLongSize(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *next = &fixed->words[grain / 64 + 1];
  return next->bounds != 0 ? 64 - grain % 64 + (uint32_t)__builtin_ctzll(next->bounds) : (uint32_t)next->live;
}

/* The size of the piece that starts at this grain and is not the hot one. */
static inline uint32_t mema_fixedSize(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *word = &fixed->words[grain / 64];
  uint32_t at = grain % 64;
  uint64_t behind = word[0].bounds >> at >> 1 | word[1].bounds << (63 - at);
  if (mema_unlikely(behind == 0)) return mema_fixedLongSize(fixed, grain);
  return (uint32_t)__builtin_ctzll(behind) + 1;
}

/* The grain where the live piece of this chunk starts; 0 iff there is none. ptr may be any value. */
static inline uint32_t mema_fixedFind(const mema_Fixed *fixed, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - fixed->firstPtr;
  /* The rotation moves an offset that is not a multiple of 16 out of range. */
  uintptr_t index = offset >> mema_grainShift | offset << (sizeof offset * 8 - mema_grainShift);
  if (mema_unlikely(index >= fixed->end - 1)) return 0;
  uint32_t grain = (uint32_t)index + 1;
  const mema_FixedWord *word = &fixed->words[grain / 64];
  if (mema_unlikely(grain == fixed->recent)) return 0;
  return (word->bounds & word->live) >> grain % 64 & 1 ? grain : 0;
}

/* As mema_fixedSize, for any piece. */
static inline uint32_t mema_fixedAnySize(const mema_Fixed *fixed, uint32_t grain) {
  if (grain == fixed->recent && fixed->recentSize != 0) return fixed->recentSize;
  return grain == fixed->hot && fixed->hotSize != 0 ? fixed->hotSize : mema_fixedSize(fixed, grain);
}

/* Takes back a live piece and makes it the recent one. Always true, for a tail call. */
static inline bool mema_fixedGiveRecent(mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  uint32_t recent = fixed->recent, recentSize = fixed->recentSize;
  if (recent + recentSize == grain) {
    fixed->words[grain / 64].bounds &= ~(UINT64_C(1) << grain % 64);
    fixed->recentSize = recentSize + grains;
    return true;
  }
  fixed->recent = grain;
  fixed->recentSize = grains;
  if (recentSize == 0) return true;
  if (grain + grains != recent) return mema_fixedGive(fixed, recent, recentSize);
  fixed->words[recent / 64].bounds &= ~(UINT64_C(1) << recent % 64);
  fixed->recentSize = recentSize + grains;
  return true;
}

static inline char *mema_fixedAt(const mema_Fixed *fixed, uint32_t grain) {
  return fixed->heap.area + ((size_t)(grain - 1) << mema_grainShift);
}

static inline mema_Fixed *mema_fixedIn(mema_Heap *heap) {
  return (mema_Fixed *)(void *)heap;
}

static inline const mema_Fixed *mema_constFixed(const mema_Heap *heap) {
  return (const mema_Fixed *)(const void *)heap;
}

static inline char *mema_fixedChunk(const mema_Fixed *fixed, uint32_t grain) {
  return (char *)fixed->firstPtr + ((size_t)(grain - 1) << mema_grainShift);
}

#endif
