/* fixed.h - the fixed engine: pieces of a caller's buffer, found and joined in constant time. No system, no C library.
 *
 *   buffer:  mema_Fixed | bins' bits | map | bins' heads | grain 1 | grain 2 | ... | grain end-1
 *
 * The buffer is cut into grains of 16 bytes, and the grains into pieces, each live or free. Two bits per grain, out of line, say which:
 *
 *     bounds  a piece starts here                    bounds[0] == bounds[end] == 1: what lies around the heap counts as live
 *     live    where bounds is set: the piece is live. Elsewhere it means nothing,
 *
 * so that the `live` words that lie wholly inside of a piece are free to hold its length, in the first and in the last of them. A piece's
 * size is the distance to the next bound: 64 bits are looked at, which two words hold, or 65 grains and more are told by that length; and
 * backwards the same. Nothing of this lies in a chunk: one that overflows cannot damage it, and two free neighbours are always one piece.
 *
 *     bounds[g] & live[g]                        iff a live piece starts at grain g, or the `recent` one
 *     bounds[g] & ~live[g]                       iff a free piece starts at g: it is `hot`, or in the bin of its size
 *     not (free at g and free at g + size(g))
 *     end - 1 == sum of the sizes of all pieces
 *
 * The piece freed last is `recent`: neither joined nor binned, and the map has it as live still. A request of its size takes it back, and
 * nothing is written to the map by either; a smaller one may be carved from it; a chunk freed beside it makes it larger, which the map's
 * lengths do not say. It is joined and binned when a chunk is freed elsewhere, or a request finds no room.
 *
 * Free pieces are binned by size in two levels (two-level segregated fit; Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory
 * allocator for real-time systems", ECRTS 2004): 16 classes to a doubling, exact up to 31 grains. A request is rounded up to a class, and
 * the lowest class from there on that is not empty has a piece that serves: good fit. One free piece, the one joined last (or what a split
 * left, where there was none), is in no bin: `hot`. Requests are carved from it unless a bin has a better fit; what is freed next to it
 * joins it without a bin being touched.
 *
 * The bins' lists run through the free pieces' own memory, which a program may write to by mistake. So the map alone is believed: a link
 * is followed, and written through, only where the map has a free piece at the place it names, and a piece is handed out by the size that
 * the map gives. A list that fails this is dropped: its pieces are lost until a neighbour that is freed joins them, or until reset, and
 * `damaged` says so (mema_fixedCheck). Whatever is written there, the engine neither leaves the buffer nor touches a live chunk. */
#ifndef MEMA_HEAP_FIXED_FIXED_H
#define MEMA_HEAP_FIXED_FIXED_H

#include "../../base/base.h"

enum {
  mema_grainShift = 4, /* bytes of a grain: 16 */
  mema_grainSize = 1 << mema_grainShift,
  mema_fixedBufferLeast = 256, /* bytes: a smaller buffer is refused */
  mema_fixedStepShift = 4,     /* 16 classes to a doubling */
  mema_fixedNearby = 64        /* grains: longer pieces tell their length in the map */
};

/* 64 grains. */
typedef struct mema_FixedWord {
  uint64_t bounds, live;
} mema_FixedWord;

/* At the start of a piece that is in a bin. */
typedef struct mema_FixedLink {
  uint32_t next, prev; /* grains; next 0: the last; prev of the first of a bin says nothing */
} mema_FixedLink;

typedef struct mema_Fixed {
  uintptr_t generation;      /* of the pool that has it, plus mema_modeFixed; 0: none. Written by the pool above. */
  struct mema_Slab *outside; /* the pool's too: where it falls back on the system */
  uintptr_t firstPtr;        /* where the chunk of a piece at grain 1 begins */
  char *grains;              /* where grain 0 would be */
  mema_FixedWord *words; /* of the word before the first, and of that behind the last, the bounds may be read: ours, too */
  uint32_t *heads;       /* by class: the first piece of the bin; 0: none */
  uint64_t filled;       /* which words of binned are not 0 */
  uint32_t end;          /* grains 1 .. end - 1 are the heap */
  uint32_t recent, recentSize; /* both 0: none */
  uint32_t hot, hotSize;       /* the free piece that is in no bin, whose length the map does not tell; both 0: none */
  uint16_t classCount;
  bool tracked; /* a Block lies in front of each chunk, in its piece */
  bool fallback;
  bool damaged;
  /* How the pool above charges a chunk: by its size, or by its room and so many bytes. */
  bool bySize;
  uint8_t beside;
  uint64_t binned[]; /* by class: the bin is not empty */
} mema_Fixed;
_Static_assert(offsetof(mema_Fixed, generation) == 0, "a header begins with its generation: identity.h");

enum { mema_fixedFront = (sizeof(mema_Block) + mema_grainSize - 1) / mema_grainSize }; /* grains of a Block */

/* ---- fixed.c ------------------------------------------------------------------------------------------------------------- */

/* Lays an empty heap in a buffer; NULL iff that has no room for one grain and the records. The rest of it is not touched. */
MEMA_HIDDEN mema_Fixed *mema_fixedOpen(void *buffer, size_t size, bool tracked);
/* All pieces are free again, and one. */
MEMA_HIDDEN void mema_fixedClear(mema_Fixed *fixed);
/* The grain of a live piece of so many grains (not 0), whose chunk is aligned; 0 iff there is none to be had. */
MEMA_HIDDEN uint32_t mema_fixedTake(mema_Fixed *fixed, size_t grains);
MEMA_HIDDEN uint32_t mema_fixedTakeAligned(mema_Fixed *fixed, size_t grains, size_t alignment);
/* Takes a live piece of so many grains back, and joins and bins it; what lies before it is not the recent one. Always true, for a tail call. */
MEMA_HIDDEN bool mema_fixedGive(mema_Fixed *fixed, uint32_t grain, uint32_t grains);
/* Changes a live piece's size in place; false, with nothing changed, iff what lies behind it is not free, or too small. */
MEMA_HIDDEN bool mema_fixedStretch(mema_Fixed *fixed, uint32_t grain, uint32_t before, size_t after);
/* The most grains that mema_fixedTake would find. */
MEMA_HIDDEN uint32_t mema_fixedMost(mema_Fixed *fixed);
/* Bytes of a buffer, at whatever address, with a heap of so many grains; SIZE_MAX where that is more than any has. */
MEMA_HIDDEN size_t mema_fixedBytesFor(size_t grains);
/* The most grains that a heap can have. */
MEMA_HIDDEN size_t mema_fixedGrainsMost(void);

/* ---- fixedCheck.c -------------------------------------------------------------------------------------------------------- */

/* The invariant that is broken, or NULL; adds the live pieces and their grains. Linear in the pieces. */
MEMA_HIDDEN const char *mema_fixedCheck(const mema_Fixed *fixed, size_t *pieces, size_t *grains);

/* ---- sizes and classes ----------------------------------------------------------------------------------------------------- */

/* The number of the highest bit set; word is not 0. */
static inline uint32_t mema_highestBit(uint64_t word) {
  return 63u ^ (uint32_t)__builtin_clzll(word);
}

/* Sizes below 32 grains have a class each; from there on 16 classes share a doubling. */
static inline uint32_t mema_fixedShift(size_t grains) {
  return mema_highestBit(grains | 1u << mema_fixedStepShift) - mema_fixedStepShift;
}

/* The class whose bin a piece goes to: its least size is at most this. */
static inline uint32_t mema_fixedClass(size_t grains) {
  uint32_t shift = mema_fixedShift(grains);
  return (shift << mema_fixedStepShift) + (uint32_t)(grains >> shift);
}

/* The lowest class all of whose pieces have so many grains. */
static inline uint32_t mema_fixedClassUp(size_t grains) {
  uint32_t shift = mema_fixedShift(grains);
  return (shift << mema_fixedStepShift) + (uint32_t)((grains + ((size_t)1 << shift) - 1) >> shift);
}

/* The least size in the class of that number. */
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

/* Where a piece starts. */
static inline bool mema_fixedIsLive(const mema_Fixed *fixed, uint32_t grain) {
  return (fixed->words[grain / 64].live >> grain % 64 & 1) != 0;
}

/* Of a piece of more than mema_fixedNearby grains: the next bound is in the next word, or that is wholly within. */
static inline uint32_t mema_fixedLongSize(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *next = &fixed->words[grain / 64 + 1];
  return next->bounds != 0 ? 64 - grain % 64 + (uint32_t)__builtin_ctzll(next->bounds) : (uint32_t)next->live;
}

/* The size of the piece that starts there, which is not the hot one. */
static inline uint32_t mema_fixedSize(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *word = &fixed->words[grain / 64];
  uint32_t at = grain % 64;
  uint64_t behind = word[0].bounds >> at >> 1 | word[1].bounds << (63 - at);
  if (mema_unlikely(behind == 0)) return mema_fixedLongSize(fixed, grain);
  return (uint32_t)__builtin_ctzll(behind) + 1;
}

/* The grain where the live piece with that chunk starts; 0 iff there is none. Any value may be asked about. */
static inline uint32_t mema_fixedFind(const mema_Fixed *fixed, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - fixed->firstPtr;
  /* Rotated, so that what is no multiple of 16 is out of range, too. */
  uintptr_t index = offset >> mema_grainShift | offset << (sizeof offset * 8 - mema_grainShift);
  if (mema_unlikely(index >= fixed->end - 1)) return 0;
  uint32_t grain = (uint32_t)index + 1;
  const mema_FixedWord *word = &fixed->words[grain / 64];
  if (mema_unlikely(grain == fixed->recent)) return 0;
  return (word->bounds & word->live) >> grain % 64 & 1 ? grain : 0;
}

/* As mema_fixedSize, of any piece. */
static inline uint32_t mema_fixedAnySize(const mema_Fixed *fixed, uint32_t grain) {
  if (grain == fixed->recent && fixed->recentSize != 0) return fixed->recentSize;
  return grain == fixed->hot && fixed->hotSize != 0 ? fixed->hotSize : mema_fixedSize(fixed, grain);
}

/* Takes a live piece back, for now as the recent one. Always true, for a tail call. */
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
  return fixed->grains + ((size_t)grain << mema_grainShift);
}

static inline char *mema_fixedChunk(const mema_Fixed *fixed, uint32_t grain) {
  return (char *)fixed->firstPtr + ((size_t)(grain - 1) << mema_grainShift);
}

#endif
