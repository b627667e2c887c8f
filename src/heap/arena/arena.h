/* arena.h - the arena engine: chunks one behind the other, for many that end together.
 *
 *   grain  16 bytes: each chunk is a number of them in a row
 *   word   what is known of 64 grains: which begin a live chunk, which a dead piece, and where the last of either ends
 *
 *          words   [live 1..1..1. dead ...1....][live ....1... dead ........]
 *                        |  |  |       |                 |
 *          area    [chunk|ch|ch| dead  |chunk            |chunk   |never used, or used before ...
 *                                                                 ^ bump
 *
 * An arena is a slab (slab.h) without units: it shares the header, and with it identity, warm reservations, mappings and the list of
 * slabs outside, but has no spans and no classes. Where its area is used up, slabs outside serve the pool, which reuse what is freed.
 *
 * A piece is dead when its chunk was freed, when it was cut off a chunk, or left out for an alignment. Its memory comes back when it
 * is the last one (mema_arenaGive goes back over dead pieces right before), or when there is nothing live any more.
 *
 * Invariants, for all grains g and words w of 64 of them:
 *     pieces tile [0, bump)   each begins at a bit of `live` or of `dead`, never both, and ends where the next one begins, or at bump
 *     no bit is set at or behind bump, and floor <= bump (mema_arenaMark)
 *     words[w].end            is the end of the last piece that begins in w, where there is one
 *     deadGrains              == the grains of dead pieces
 *     dead bits               are in the words firstDead to lastDead
 *     with records: pieces    == the bits set; words[w].last is the number of the last piece that begins in w, counted from the first
 *                             of all; the Block of a chunk is records[its number], so Blocks are dense, in order of allocation
 *     grains from `touched` and bump on, whichever is greater, were never written since the system gave them
 */
#ifndef MEMA_HEAP_ARENA_ARENA_H
#define MEMA_HEAP_ARENA_ARENA_H

#include "../slab/slab.h"

/* The engine's operations. */
MEMA_HIDDEN extern const mema_HeapOps mema_arenaOps;

enum {
  mema_grainLog = 4,
  mema_arenaLookBack = 16, /* words looked at, going back over dead pieces */
  mema_arenaRow = 8,       /* words that are cleared together: an arena has a multiple of them */
};

typedef struct mema_ArenaWord {
  uint64_t live, dead;
  uint32_t end;    /* grain */
  uint32_t last;   /* piece */
  uint64_t unused; /* half a cache line: a shift finds it */
} mema_ArenaWord;

/* In the place of a slab's classes. */
typedef struct mema_Arena {
  _Alignas(64) mema_ArenaWord *words;
  uint64_t limit;  /* grains that may be used without asking for huge pages first; at most `grains` */
  uint32_t bump;   /* the first grain that is free */
  uint32_t pieces; /* kept where there are records */
  uint32_t pieceLimit;
  uint32_t deadGrains;
  uint32_t firstDead, lastDead; /* words */
  uint32_t floor;               /* see mema_arenaMark */
  uint32_t touched;
  uint32_t touchedPieces; /* as many records may have been written; pieces, if that is more */
  uint32_t grains;        /* of the area */
  uint32_t records;       /* there are so many */
} mema_Arena;

static inline bool mema_isArena(const mema_Slab *slab) {
  return (slab->heap.mode & mema_modeArena) != 0;
}

static inline mema_Arena *mema_arenaOf(const mema_Slab *slab) {
  return (mema_Arena *)(uintptr_t)(const void *)slab->classes;
}

/* The grains of a chunk of this size, any number. */
static inline size_t mema_grainsFor(size_t size) {
  return ((size - 1 + (size == 0)) >> mema_grainLog) + 1;
}

static inline char *mema_grainAddress(const mema_Slab *slab, uint32_t grain) {
  return slab->heap.area + ((size_t)grain << mema_grainLog);
}

/* The grain that starts at ptr. What is no multiple of 16 away is led far outside. */
static inline size_t mema_grainOf(const mema_Slab *slab, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)slab->heap.area;
  return offset >> mema_grainLog | offset << (sizeof offset * 8 - mema_grainLog);
}

/* Hands out the grains from the bump, `grain`, to `end`, which the caller knows to be there; and, where there are records, one of these.
 * Returns its index. */
static inline uint32_t mema_arenaPut(mema_Arena *arena, bool records, uint32_t grain, uint32_t end) {
  uint32_t piece = 0;
  mema_ArenaWord *word = &arena->words[grain / 64];
  word->live |= UINT64_C(1) << grain % 64;
  word->end = end;
  arena->bump = end;
  if (records) {
    piece = arena->pieces;
    word->last = piece;
    arena->pieces = piece + 1;
  }
  return piece;
}

/* Whether a live chunk begins at this grain, any number. */
static inline bool mema_arenaIsLive(const mema_Arena *arena, size_t grain) {
  return grain < arena->bump && (arena->words[grain / 64].live >> grain % 64 & 1) != 0;
}

/* Whether the bump, or the pieces, have gone where they were not before. */
static inline bool mema_arenaGrew(const mema_Slab *slab) {
  const mema_Arena *arena = mema_arenaOf(slab);
  return arena->bump > arena->touched || (slab->records != NULL && arena->pieces > arena->touchedPieces);
}

/* The bits of the pieces that begin behind a grain, in its word. */
static inline uint64_t mema_piecesBehind(const mema_ArenaWord *word, uint32_t grain) {
  return (word->live | word->dead) & (UINT64_MAX << 1 << grain % 64);
}

/* The end of the piece that begins at a grain. */
static inline uint32_t mema_pieceEnd(const mema_Arena *arena, uint32_t grain) {
  const mema_ArenaWord *word = &arena->words[grain / 64];
  uint64_t behind = mema_piecesBehind(word, grain);
  return behind != 0 ? (grain & ~UINT32_C(63)) + (uint32_t)mema_lowestBit(behind) : word->end;
}

static inline mema_Block *mema_arenaRecord(const mema_Slab *slab, const mema_Arena *arena, uint32_t grain) {
  const mema_ArenaWord *word = &arena->words[grain / 64];
  return slab->records + word->last - (unsigned)__builtin_popcountll(mema_piecesBehind(word, grain));
}

/* ---- arenaLife.c -------------------------------------------------------------------------------------------------------- */

/* Frees all its chunks; then it is kept warm or given back. */
MEMA_HIDDEN void mema_arenaClose(mema_Heap *heap);
/* Bytes held from the system for chunks and records: an upper bound. */
MEMA_HIDDEN size_t mema_arenaFootprint(const mema_Heap *heap);

/* ---- arena.c: as their namesakes in slab.h ---------------------------------------------------- */

MEMA_HIDDEN bool mema_arenaTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
MEMA_HIDDEN bool mema_arenaFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
/* Takes the live chunk that lies between two grains back. Always true, for a tail call. Constant, but for clearing the bits of dead pieces
 * when nothing is live any more. */
MEMA_HIDDEN bool mema_arenaGive(mema_Slab *slab, uint32_t grain, uint32_t end);
MEMA_HIDDEN bool mema_arenaStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size);
/* Time grows with the words that pieces begin in, not with the pieces. */
MEMA_HIDDEN void mema_arenaClear(mema_Heap *heap);
MEMA_HIDDEN size_t mema_arenaTrim(mema_Heap *heap);
MEMA_HIDDEN const char *mema_arenaCheck(const mema_Heap *heap, size_t *chunks, size_t *room);

/* An arena without chunks in what is reserved: its header, a word for each 1024 bytes of the area, that many records. */
MEMA_HIDDEN void mema_arenaInit(mema_Slab *slab, mema_ArenaWord *words, uint32_t records);
/* The bytes at the start of the words, the records and the area that may have been written. */
MEMA_HIDDEN size_t mema_arenaWordBytes(const mema_Slab *slab);
MEMA_HIDDEN size_t mema_arenaRecordBytes(const mema_Slab *slab);
MEMA_HIDDEN size_t mema_arenaAreaBytes(const mema_Slab *slab);

/* One piece after another, in the order of addresses. */
typedef struct mema_Piece {
  uint32_t grain, end;
  bool live;
} mema_Piece;
/* The piece that begins at or behind `grain`; false where there is none. */
MEMA_HIDDEN bool mema_arenaNext(const mema_Slab *slab, uint32_t grain, mema_Piece *piece);

/* For marks of untracked arenas (family/marks.c).
 *
 * Where the next chunk will be, for mema_arenaRewind. What is older stays where it is from now on: nothing goes back behind the mark, and
 * nothing that began before it grows across it, until all is cleared or rewound. */
MEMA_HIDDEN uint32_t mema_arenaMark(mema_Heap *heap);
/* Whether it is safe to go back to this position, any number: no piece lies across it, and none will until then, since it is not behind the
 * floor. All marks that are not over are so. */
static inline bool mema_arenaMayRewind(const mema_Heap *heap, uintptr_t mark) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_Arena *arena = mema_arenaOf(slab);
  if (mark > arena->floor) return false;
  const mema_ArenaWord *word = &arena->words[mark / 64];
  return mark == arena->bump || ((word->live | word->dead) >> mark % 64 & 1) != 0;
}
/* Forgets all chunks younger than the mark, and says how many were live, and the bytes that they occupied. Nothing where the mark is not
 * below the bump. Time grows with the words behind the mark, and with the dead pieces there. Older marks stay good, and this one. */
MEMA_HIDDEN void mema_arenaRewind(mema_Heap *heap, uint32_t mark, size_t *bytes, size_t *chunks);

#endif
