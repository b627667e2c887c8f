/* arena.h - the arena engine: chunks one behind the other, for many that end together.
 *
 *   grain  16 bytes: each chunk is a number of them in a row
 *   word   the bits of 64 grains: which begin a live chunk, which a dead piece, and where the last of either ends
 *
 *          words   [live 1..1..1. dead ...1....][live ....1... dead ........]
 *                        |  |  |       |                 |
 *          area    [chunk|ch|ch| dead  |chunk            |chunk   |never used, or used before ...
 *                                                                 ^ bump
 *
 * An arena is a slab (slab.h) without units. It shares the slab's header, and thus identity, warm reservations,
 * mappings and the list of slabs outside, but has no spans and no classes. When its area is used up, slabs
 * outside serve the pool; these reuse freed memory.
 *
 * A piece is dead when its chunk was freed, when it was cut off a chunk, or when it was skipped for an
 * alignment. Its memory becomes free when the piece is the last one (mema_arenaGive moves the bump back over the
 * dead pieces before it), or when nothing is live any more.
 *
 * Invariants, for all grains g and words w of 64 of them:
 *     pieces tile [0, bump)   each begins at a bit of `live` or of `dead`, never both, and ends where the next
 *                             one begins, or at bump
 *     no bit is set at or behind bump, and floor <= bump (mema_arenaMark)
 *     words[w].end            is the end of the last piece that begins in w, if any
 *     deadGrains              == the grains of dead pieces
 *     dead bits               are in the words firstDead to lastDead
 *     with records: pieces    == the bits set; words[w].last is the number of the last piece that begins in w,
 *                             counted from 0 over all words; the Block of a chunk is records[its number], so
 *                             Blocks are dense, in order of allocation
 *     grains from max(touched, bump) on were never written since the system gave them
 */
#ifndef MEMA_HEAP_ARENA_ARENA_H
#define MEMA_HEAP_ARENA_ARENA_H

#include "../slab/slab.h"

/* The operations of the arena engine. */
MEMA_HIDDEN extern const mema_HeapOps mema_arenaOps;

enum {
  mema_grainLog = 4,
  mema_wordGrains = 64,
  mema_arenaLookBack = 16, /* words searched when the bump goes back over dead pieces */
  mema_arenaRow = 8,       /* words cleared together; an arena has a multiple of this many */
};

typedef struct mema_ArenaWord {
  uint64_t live, dead;
  uint32_t end;    /* a grain */
  uint32_t last;   /* the number of a piece */
  uint64_t unused; /* makes a word half a cache line, which a shift finds */
} mema_ArenaWord;

/* The arena's own state. It lies where a slab has its classes. */
typedef struct mema_Arena {
  _Alignas(64) mema_ArenaWord *words;
  uint64_t limit;  /* grains that may be used before huge pages are asked for; at most `grains` */
  uint32_t bump;   /* the first free grain */
  uint32_t pieces; /* kept only in arenas with records */
  uint32_t pieceLimit;
  uint32_t deadGrains;
  uint32_t firstDead, lastDead; /* the first and last word with dead pieces */
  uint32_t floor;               /* see mema_arenaMark */
  uint32_t touched;
  uint32_t touchedPieces; /* max(touchedPieces, pieces) records may have been written */
  uint32_t grains;        /* the grains of the area */
  uint32_t records;       /* the number of records */
} mema_Arena;

static inline mema_Arena *mema_arenaOf(const mema_Slab *slab) {
  return (mema_Arena *)(uintptr_t)(const void *)slab->classes;
}

/* The grains of a chunk of this size, which may be any value. */
static inline size_t mema_grainsFor(size_t size) {
  return ((size - 1 + (size == 0)) >> mema_grainLog) + 1;
}

/* The words of an area of this many grains. */
static inline size_t mema_arenaWords(size_t grains) {
  return mema_roundUp((grains + mema_wordGrains - 1) / mema_wordGrains, mema_arenaRow);
}

static inline char *mema_grainAddress(const mema_Slab *slab, uint32_t grain) {
  return slab->heap.area + ((size_t)grain << mema_grainLog);
}

/* The grain that starts at ptr. The rotation moves an offset that is not a multiple of 16 far out of range. */
static inline size_t mema_grainOf(const mema_Slab *slab, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)slab->heap.area;
  return offset >> mema_grainLog | offset << (sizeof offset * 8 - mema_grainLog);
}

/* Hands out the grains from the bump, `grain`, up to `end`; the caller knows that they are free. In an arena
 * with records, takes a record too and returns its index. */
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

/* True if a live chunk begins at this grain, which may be any value. */
static inline bool mema_arenaIsLive(const mema_Arena *arena, size_t grain) {
  return grain < arena->bump && (arena->words[grain / 64].live >> grain % 64 & 1) != 0;
}

/* True if the bump, or the number of pieces, is higher than ever before. */
static inline bool mema_arenaGrew(const mema_Slab *slab) {
  const mema_Arena *arena = mema_arenaOf(slab);
  return arena->bump > arena->touched || (slab->records != NULL && arena->pieces > arena->touchedPieces);
}

/* The bits of the pieces that begin in a grain's word, behind the grain. */
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

/* Frees all chunks. The arena is then kept warm, or its memory is given back. */
MEMA_HIDDEN void mema_arenaClose(mema_Heap *heap);
/* An upper bound of the bytes held from the system for chunks and records. */
MEMA_HIDDEN size_t mema_arenaFootprint(const mema_Heap *heap);

/* ---- arena.c: as their namesakes in slab.h ---------------------------------------------------- */

MEMA_HIDDEN bool mema_arenaTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
MEMA_HIDDEN bool mema_arenaFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
/* Takes back the live chunk between two grains. Always true, for a tail call. Constant time, except when
 * nothing is live any more and the bits of dead pieces are cleared. */
MEMA_HIDDEN bool mema_arenaGive(mema_Slab *slab, uint32_t grain, uint32_t end);
MEMA_HIDDEN bool mema_arenaStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size);
/* Takes time in proportion to the words that pieces begin in, not to the pieces. */
MEMA_HIDDEN void mema_arenaClear(mema_Heap *heap);
MEMA_HIDDEN size_t mema_arenaTrim(mema_Heap *heap);
MEMA_HIDDEN const char *mema_arenaCheck(const mema_Heap *heap, size_t *chunks, size_t *room);

/* Makes an arena without chunks in a reservation: its header, a word for each 1024 bytes of the area, and this
 * many records. */
MEMA_HIDDEN void mema_arenaInit(mema_Slab *slab, mema_ArenaWord *words, uint32_t records);
/* Makes ready the first grains, with their words; the word behind the last one may be looked at, too. False iff memory
 * is lacking. */
MEMA_HIDDEN bool mema_arenaReady(mema_Slab *slab, size_t grains);
/* The bytes that may have been written, from the start of the words, of the records and of the area. */
MEMA_HIDDEN size_t mema_arenaWordBytes(const mema_Slab *slab);
MEMA_HIDDEN size_t mema_arenaRecordBytes(const mema_Slab *slab);
MEMA_HIDDEN size_t mema_arenaAreaBytes(const mema_Slab *slab);

/* A piece, for a walk in the order of addresses. */
typedef struct mema_Piece {
  uint32_t grain, end;
  bool live;
} mema_Piece;
/* Finds the first piece that begins at or behind `grain`; false if there is none. */
MEMA_HIDDEN bool mema_arenaNext(const mema_Slab *slab, uint32_t grain, mema_Piece *piece);

/* For marks of untracked arenas (pool/marks.c).
 *
 * Returns the position of the next chunk, for mema_arenaRewind, and fixes all older pieces in place: from now on
 * the bump does not go back behind the mark, and no piece that begins before the mark grows across it, until a
 * clear or a rewind.
 */
MEMA_HIDDEN uint32_t mema_arenaMark(mema_Heap *heap);
/* True if the arena can go back to this position, which may be any value. No piece lies across it, and none
 * will until then, since it is not behind the floor. All marks that have not expired are such positions. */
static inline bool mema_arenaMayRewind(const mema_Heap *heap, uintptr_t mark) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_Arena *arena = mema_arenaOf(slab);
  if (mark > arena->floor) return false;
  const mema_ArenaWord *word = &arena->words[mark / 64];
  return mark == arena->bump || ((word->live | word->dead) >> mark % 64 & 1) != 0;
}
/* Forgets all chunks younger than the mark, and returns the number of the live ones and the bytes that they
 * occupied. Does nothing if the mark is not below the bump. Takes time in proportion to the words behind the
 * mark and the dead pieces there. This mark and older marks stay valid. */
MEMA_HIDDEN void mema_arenaRewind(mema_Heap *heap, uint32_t mark, size_t *bytes, size_t *chunks);

#endif
