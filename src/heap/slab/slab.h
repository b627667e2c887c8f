/* slab.h - the default engine: slots of one size side by side, all records out of line.
 *
 *   slab   one reservation: `units` units of 2^unitShift bytes, and beside them one Span record for each unit
 *   span   one or more units in a row that serve one purpose: slots of one size class, one large chunk, or nothing (a free run)
 *   slot   one chunk's place in a span
 *
 *          spans[]    [slots 48 B][slots 1 KiB][ free run, 3 units   ][large chunk, 2 units][untouched ...
 *                          |           |              |                      |
 *          area       [unit 0    ][unit 1     ][unit 2 | unit 3 | unit 4][unit 5 | unit 6  ][unit 7 ...
 *                                                                                          ^ frontier
 *
 * A pointer is looked up by arithmetic: its unit's Span, then its slot by a multiplication with the reciprocal of the slot size,
 * then one bit. The bitmap (a set bit is a free slot) is the only truth about which slots are live: lists and summaries
 * can be rebuilt from it. Chunks are never read or written here.
 *
 * Invariants, for all units u below the frontier and spans s:
 *     units         == usedUnits + freeUnits + (units - frontier)     freeUnits: in free runs; usedUnits: in all other spans
 *     dirtyUnits    == the sum of the free runs' dirtyUnits; no two free runs are neighbours
 *     s.remainders  is 0 for every unit that is not the first of a span of slots
 *     s.kind        of a unit that is neither the first of a span, nor inside a slot span, nor the end of a free run, is
 *                   mema_unitInside or mema_unitNone: never something that a lookup could take for a chunk
 *     a free run is on the list of runs of its length, bins[], and binMap tells which of these are not empty
 *     grownRuns     == the spans that are mema_placeGrown, at most mema_grownMost
 *     largeSlack    == the sum of mema_spanSlack over the large chunks
 *     a slot span is closed, or on its class's list of partial spans, or `active` for its class
 *     every free slot is in its class's magazine, or its word is at hand for its class, or its word is noted (bit w of s.summary
 *                   is set) and its span is not closed; a closed span has a summary of 0
 *     where slots freed are kept in magazines, no word is at hand; elsewhere magazines are empty
 *     of the spans on a list, the empty ones come first, but for those with slots in a magazine
 */
#ifndef MEMA_HEAP_SLAB_SLAB_H
#define MEMA_HEAP_SLAB_SLAB_H

#include <stdatomic.h>

#include "../heap.h"
#include "../../memory/os.h"
#include "sizeClasses.h"

typedef struct mema_Slab mema_Slab;

enum {
  mema_unitNone = 0, /* nothing that starts or is known here */
  mema_unitSlots,    /* first unit of a span of slots */
  mema_unitInside,   /* a later unit of a span of slots; `back` units after its first */
  mema_unitLarge,    /* first unit of a large chunk */
  mema_unitFree,     /* first or last unit of a free run */
};

/* Of a slot span: closed, on its class's list, serving its class. Of a large chunk: ordinary, grown out of a slot but not yet out of
 * all slots, its pages came from elsewhere by mema_osMove, its address range was lost to a failing system call (it is then never used
 * again). */
enum {
  mema_placeClosed = 0,
  mema_placePartial,
  mema_placeActive,
  mema_placeOrdinary,
  mema_placeGrown,
  mema_placeMoved,
  mema_placeLost,
};

enum {
  mema_unitShiftMin = 10,
  mema_unitShiftMax = 16,
  mema_spanUnitsMax = 8,
  mema_magazineMost = 32,
  mema_grownMost = 4,    /* chunks in runs of their own that slots would hold */
  mema_grownFrom = 4096, /* bytes of a slot */
  mema_runBins = 124,    /* four per doubling, up to 2^31 units */
  mema_noUnit = UINT32_MAX,
};

/* 64 bytes: one cache line holds all that a free needs to know, up to 64 slots the bitmap too. */
struct mema_Span {
  uint16_t slotSize;
  uint16_t remainders; /* slots: the remainders below this are those of starts of slots; else 0. See mema_slotAt. */
  uint32_t reciprocal; /* slots: floor(2^32 / (slotSize / 8)) + 1 */
  uint16_t slots;
  union {
    uint16_t classOffset; /* slots: bytes from the slab's header to the class */
    uint16_t back;        /* inside a span of slots: units after its first */
  };
  uint8_t kind;
  uint8_t class;
  uint8_t place;
  bool dirty;           /* large: the pages behind the chunk may hold old bytes */
  uint32_t next, prev;  /* units: neighbours on the list of partial spans, or of runs of this size */
  uint32_t units;       /* length of the span; of a free run in its first and last unit */
  uint32_t firstRecord; /* of the first slot's Block in slab->records; in a slab for threads, its first row of states */
  uint64_t lastMask;    /* the bits of the last bitmap word that stand for slots */
  uint64_t *bitmap;     /* set: free */
  uint64_t summary;
  union {
    uint64_t word; /* the bitmap of a span of up to 64 slots */
    size_t bytes;  /* large: bytes in use of the run: those of the slot that a grown one would have, else whole grains */
    uint32_t dirtyUnits; /* free run: at most so many of its units have pages, which may hold old bytes */
  };
};
_Static_assert(sizeof(mema_Span) == 64 || sizeof(void *) != 8, "a span record is one cache line");

/* Where slots are handed out to many threads, whether one is live is told by a byte of its own, its state: 0, or class + 1 while it is
 * live. (A set bit of a bitmap then says that no thread has the slot, live or spare.) States lie in rows of 64; a span of slots has as many
 * rows side by side as it needs, and when it ends they wait for another span of its class. */
typedef _Atomic uint8_t mema_State;

/* What lookers without a lock know of a unit, in one word; 0 where there are no slots.
 *     bits 0..7 class + 1    8..15 the span's tag (threads/slotRef.h)    16..36 the span's first row
 *          37..39 the unit's number in its span    40..63 reciprocal
 * The reciprocal of a unit that is a span by itself is ceil(2^24 / (slotSize / 8)), with which a slot is found as by mema_slotAt. Of a unit
 * that is not, it is 0.
 * A looker may go by what a unit was a moment ago, and looks at the states of a span that has ended: they are all 0 then, since
 * rows pass to another span only when no looker can still be busy with the one before (see mema_Slab.period). */
typedef _Atomic uint64_t mema_MapEntry;

enum { mema_stateRow = 64, mema_entryRowBits = 21, mema_entryShift = 24, mema_depotSlots = 16384 };

static inline uint8_t mema_entryState(uint64_t entry) {
  return (uint8_t)entry;
}
static inline uint8_t mema_entryOwner(uint64_t entry) {
  return (uint8_t)(entry >> 8);
}
/* The first state of the span, from the first of all. */
static inline size_t mema_entryStates(uint64_t entry) {
  return (size_t)(entry >> 16 << 6) & ((UINT64_C(1) << (mema_entryRowBits + 6)) - 1);
}
static inline uint32_t mema_entryBack(uint64_t entry) {
  return (uint32_t)(entry >> 37) & 7;
}
static inline uint32_t mema_entryReciprocal(uint64_t entry) {
  return (uint32_t)(entry >> 40);
}

/* Of the first of a range of rows that waits. */
typedef struct mema_RowLink {
  uint32_t next; /* + 1 */
  uint32_t period;
} mema_RowLink;

/* A slot that a thread has, but nobody uses. */
typedef struct mema_CachedSlot {
  char *ptr;
  mema_State *state;
} mema_CachedSlot;

/* A free slot: all that handing it out needs. */
typedef struct mema_FreeSlot {
  char *ptr;
  uint64_t *word;
  uint64_t mask;      /* its bit */
  mema_Block *record; /* where there are records */
} mema_FreeSlot;

/* Where a size class takes its next slots from: one bitmap word of its active span; or, in slabs of many spans, its magazine, a
 * stack of slots freed lately, whose memory and bits are likely to be in the caches still (Bonwick and Adams, "Magazines and Vmem",
 * USENIX 2001). Where frees and allocations all over a large heap alternate, a word would have no more than one or two free slots, and
 * branches that ask for the contents of words all over the heap would be mispredicted, and late. */
typedef struct mema_SlotClass {
  _Alignas(64) mema_FreeSlot *top; /* of the magazine: the first unused entry */
  mema_FreeSlot *bottom, *limit;
  uint64_t *word; /* never NULL: a constant 0 where there is none */
  char *base;     /* the slot of bit 0 */
  uint32_t slotSize;
  uint32_t firstRecord; /* index of the Block of bit 0 */
  uint32_t active;      /* the span's first unit, or mema_noUnit */
  uint32_t partialHead, partialTail;
  uint32_t idle; /* slots that are free in spans; told in slabs that threads share only */
} mema_SlotClass;
_Static_assert(sizeof(mema_SlotClass) == 64, "a size class is one cache line");

struct mema_Slab {
  /* What a look-up reads, in one cache line. */
  mema_Heap heap;
  size_t quanta; /* of the area: its bytes / 8 */
  mema_Span *spans;

  uint8_t unitShift;
  bool usedSinceReset; /* since its chunks were all freed, more happened than taking and giving slots of the words at hand */
  mema_Block *records; /* NULL: no records */
  /* The slot handed out last, while its word is at hand still: see mema_takeSlot. */
  char *lastPtr;
  uintptr_t lastSlot; /* the address of its class, which is a multiple of 64, and its bit */

  size_t areaSize;
  size_t hugeArea, hugeRecords; /* bytes of each up to which huge pages were asked for, or decided against */
  uint32_t grownRuns;           /* large chunks that are mema_placeGrown */
  uint32_t movedRuns;           /* large chunks with moved pages: each is a kernel mapping of its own */
  size_t largeSlack;            /* bytes of the runs of large chunks that lie behind the chunks, and are not touched */
  bool committed;               /* pages are kept */
  bool hugePages;               /* asked for from the start */
  bool locked;                  /* in memory */
  bool keepsDirty;              /* free pages are not given back now */
  bool neverCached;             /* not kept warm when it is closed */
  uint8_t magazineSize;
  uint8_t classCount;
  int8_t cellKind; /* below 0: mapped by itself */
  uint32_t cellIndex;
  mema_FreeSlot *magazines; /* magazineSize for each class */

  /* Runs of units: runs.c. */
  uint32_t units;
  uint32_t frontier;
  uint32_t freeUnits;
  uint32_t dirtyUnits;   /* of the free ones */
  uint32_t idleUnits;    /* the least dirtyUnits since `traffic` began to be counted */
  uint64_t traffic;      /* units taken and given */
  uint32_t deniedUnits;  /* a run so long was not to be had the last time; */
  uint32_t denied;       /* so many requests more are denied unseen, unless something becomes free */
  uint32_t settledUnits; /* in use when empty spans were given back the last time */
  size_t purged;         /* bytes given back so far */
  uint32_t budgetUnits;  /* footprint above which free pages are given back before fresh ones are taken */
  uint64_t binMap[2];
  uint32_t bins[mema_runBins];

  /* Records: a first few near the header, the rest in a range of their own. */
  uint32_t nearNext, nearEnd;                /* unused records near the header */
  uint32_t mainFirst, mainNext, mainEnd;     /* the range of its own: its first, its unused ones */
  uint32_t freeRecords[mema_classCount + 1]; /* ranges given back, by class (the last: large): index + 1, linked */

  /* Of a slab for threads; NULL otherwise. */
  mema_MapEntry *pageMap;             /* by unit */
  mema_State *states;                 /* rows of mema_stateRow */
  mema_CachedSlot *depot;             /* room for mema_depotSlots: the pool above uses it */
  mema_RowLink *rowLinks;             /* by row */
  uint32_t rows, usedRows;            /* those from usedRows on were never used */
  uint32_t freeRows[mema_classCount]; /* ranges of rows that wait for their class: the one that ended last, + 1 */
  uint32_t period;    /* counts times at which no thread was in the middle of a call; the pool above counts */
  uint32_t youngRows; /* ranges that could not be used again because they ended in this period */
  uint8_t ownerId;    /* for spans that are made now */

  char *bitmaps;
  uint32_t bitmapUnits; /* up to here the bitmaps may have been touched */
  uint32_t tablePages;  /* of the mapping: spans, bitmaps and records */
  uint32_t yield;       /* see chooseMode in slab.c */
  void *mapping;        /* of a cell: its back */
  size_t mappingSize;
  struct mema_Source *source;                    /* of memory from hooks (source.h); NULL: from the system */
  size_t liveChunks;                             /* kept by the pool above for slabs outside only */
  size_t warm;                                   /* bytes counted against the process's bound while it is warm */
  uintptr_t lives;                               /* generations of its own, by the pool above: the last one given */
  uint16_t classOffsets[mema_tableMax / 16 + 1]; /* by (size + 15) / 16: bytes from here to the class */
  mema_SlotClass classes[];                      /* and one more, whose word has nothing but free slots: see mema_giveLast */
};
_Static_assert(offsetof(struct mema_Slab, heap) == 0 && offsetof(mema_Heap, generation) == 0,
               "a header begins with its generation: identity.h");

typedef struct mema_Layout mema_Layout;

/* The engine's operations. */
MEMA_HIDDEN extern const mema_HeapOps mema_slabOps;

/* ---- life: slabLife.c -------------------------------------------------------------------------------------------------- */

struct mema_SlabPlan {
  size_t area; /* bytes wanted for chunks; less is taken where the system has less, but not less than `least` */
  size_t least;
  uint8_t unitShift; /* 0: by the area. All slabs of a pool have the same, so that sizes are rounded alike in all. */
  size_t budget;     /* bytes: see budgetUnits */
  bool records;
  bool threads; /* with homes and states */
  bool committed;
  bool compactRecords; /* memory is scarce: fewer records */
  bool outside;
  bool neverCached;                 /* an unusual reservation: neither from nor for the warm ones */
  const struct mema_Layout *layout; /* of which engine: reservation.h */
  bool hugePages;
  bool locked;
  bool bound;                /* memory is scarce: no huge pages unless asked for, nothing kept warm; mema_modeBound */
  const mema_Memory *memory; /* NULL: the system's */
  const mema_Slab *like;     /* of a slab outside: the pool's own, whose kind of memory it is to have */
};

/* Sets the footprint, in bytes, from which free pages are given back before fresh ones are taken. */
MEMA_HIDDEN void mema_slabSetBudget(mema_Heap *heap, size_t bytes);
/* Frees all its chunks; then it is kept warm or given back. */
MEMA_HIDDEN void mema_slabClose(mema_Heap *heap);
/* Frees all its chunks. */
MEMA_HIDDEN void mema_slabClear(mema_Heap *heap);
/* Gives free pages back; returns their bytes. */
MEMA_HIDDEN size_t mema_slabTrim(mema_Heap *heap);
/* Bytes held from the system for chunks and records: an upper bound. */
MEMA_HIDDEN size_t mema_slabFootprint(const mema_Heap *heap);

static inline mema_Slab *mema_slabIn(mema_Heap *heap) {
  return (mema_Slab *)(void *)heap;
}

static inline const mema_Slab *mema_constSlab(const mema_Heap *heap) {
  return (const mema_Slab *)(const void *)heap;
}

/* The heap that a slab is; NULL stays NULL. */
static inline mema_Heap *mema_heapIn(mema_Slab *slab) {
  return (mema_Heap *)(void *)slab;
}

/* The next slab outside. */
static inline mema_Slab *mema_nextSlab(const mema_Slab *slab) {
  return mema_slabIn(slab->heap.next);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

/* Takes a chunk of `size` bytes (not 0, at most PTRDIFF_MAX), aligned (a power of two). False iff this slab has no room. */
MEMA_HIDDEN bool mema_slabTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
/* True iff ptr, any value, is the start of a live chunk of this slab. */
MEMA_HIDDEN bool mema_slabFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
/* Brings slots of a class to hand, which has none there; false iff the slab has no room for another span. */
MEMA_HIDDEN bool mema_slabRefill(mema_Slab *slab, unsigned class);
/* Takes a chunk that mema_slabFind found back. */
MEMA_HIDDEN void mema_slabGive(mema_Heap *heap, const mema_Chunk *chunk);
/* Takes a run for a chunk of a size that a slot would hold, where mema_slabPrefersRun. False iff this slab has no room. */
MEMA_HIDDEN bool mema_slabTakeGrown(mema_Slab *slab, size_t size, mema_Chunk *chunk);
/* Takes up to `most` slots of a class from a slab for threads, in the order of their addresses, as they come to hand; they are spare. Where
 * slab->tag is not 0, they come from spans of that tag while there are any, or few of others. Returns how many: 0 iff the slab has no
 * room. */
MEMA_HIDDEN uint32_t mema_slabTakeCached(mema_Slab *slab, unsigned class, uint32_t most, mema_CachedSlot *cachedSlots);
/* Takes spare slots of a class back. */
MEMA_HIDDEN void mema_slabGiveCached(mema_Slab *slab, const mema_CachedSlot *cachedSlots, uint32_t count);
/* Whether the memory in use has grown by an eighth since empty spans were looked for the last time. (Empty spans, and those whose slots wait in
 * magazines, count as used.) Then they had better be given back before fresh units are taken: of a slab for threads by the pool above, which
 * has spare slots of them. */
MEMA_HIDDEN bool mema_slabHasGrown(const mema_Slab *slab);
/* The classes of which more than half of the slots are free, and more than a span's: a bit for each. */
MEMA_HIDDEN uint64_t mema_slabSparse(const mema_Slab *slab);
/* Gives empty spans of these classes back but for one of each; or, where the footprint is at the budget, all of all classes. */
MEMA_HIDDEN void mema_slabReleaseSparse(mema_Slab *slab, uint64_t sparse);
/* Marks all slots of a slab for threads as not live; nothing in others. */
MEMA_HIDDEN void mema_slabClearStates(mema_Slab *slab);
/* The bytes that a chunk of this size would occupy. */
MEMA_HIDDEN size_t mema_slabRoom(const mema_Heap *heap, size_t size, size_t alignment);
/* The largest size for which that is at most `room`; 0: none. */
MEMA_HIDDEN size_t mema_slabLargest(const mema_Heap *heap, size_t room);
/* Makes the bytes of a chunk zero. Of a large one, the pieces of which few pages are in memory give these back: to write zeros would bring
 * in all the others. */
MEMA_HIDDEN void mema_slabZero(const mema_Slab *slab, char *ptr, size_t bytes);
/* Changes a live chunk's size in place; false, with nothing changed, iff it cannot, or had better move. chunk->room follows. */
MEMA_HIDDEN bool mema_slabStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size);
/* The same for what stays in its run: the chunk has so many bytes now. */
MEMA_HIDDEN void mema_slabSetBytes(mema_Slab *slab, mema_Span *span, size_t bytes);
/* Moves a chunk's first bytes to a new chunk: pages where possible, else a copy. The old chunk is then to be given. False iff
 * the system failed half-way: the old chunk is intact, the new one's memory is lost, and must not be given. */
MEMA_HIDDEN bool mema_slabMove(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

/* ---- huge pages ahead of dense growth: hugePages.c -------------------------------------------------------------------------- */

MEMA_HIDDEN void mema_slabHugeArea(mema_Slab *slab, bool dense);
MEMA_HIDDEN void mema_slabHugeRecords(mema_Slab *slab);
/* Of an arena, of whose area (or records) so many bytes are used. Returns the bytes up to which it need not be asked again. */
MEMA_HIDDEN size_t mema_slabHugeAhead(mema_Slab *slab, bool records, size_t used);

/* ---- for the engine's own files, and the common path below --------------------------------------------------------------- */

/* Notes a word that has a free slot. Always true, for a tail call. */
MEMA_HIDDEN bool mema_slabNote(mema_Slab *slab, mema_Span *span, uint32_t word);
/* Gives a span back if it is empty and on a list with others. Always true. */
MEMA_HIDDEN bool mema_slabEmptied(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN void mema_slabResetClasses(mema_Slab *slab);
/* Frees all chunks where they are all in the words at hand, and nothing else has happened since they were last all freed (as a small pool's
 * life is, that of a request); false where that is not so. */
MEMA_HIDDEN bool mema_slabClearWords(mema_Slab *slab);
/* Gives all empty spans back. Returns bytes of units. */
MEMA_HIDDEN size_t mema_slabReleaseEmpty(mema_Slab *slab);
MEMA_HIDDEN uint32_t mema_slabGiveLarge(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN uint32_t mema_slabClearSpan(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN bool mema_spanIsEmpty(const mema_Span *span);

MEMA_HIDDEN void mema_runInit(mema_Slab *slab);
/* Whether the lists hold these free runs, so many there are, each where it is looked for: NULL, or what does not hold. */
MEMA_HIDDEN const char *mema_runCheck(const mema_Slab *slab, size_t runs);
/* `units` units in a row, the first at a multiple of `alignUnits` from the start of the area. Sets *zeroed. mema_noUnit: none. */
MEMA_HIDDEN uint32_t mema_runTake(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed);
/* Makes a run free, and one with its free neighbours. Returns the first unit behind the whole. */
MEMA_HIDDEN uint32_t mema_runGive(mema_Slab *slab, uint32_t first, uint32_t units, bool dirty);
/* Lengthens the run [first, first + units) to `wanted` units in place; false iff what follows is not free. */
MEMA_HIDDEN bool mema_runGrow(mema_Slab *slab, uint32_t first, uint32_t units, uint32_t wanted);
/* Gives idle pages back, now and then: see runs.c. */
MEMA_HIDDEN void mema_runMaybePurge(mema_Slab *slab);
/* Gives the pages of dirty free runs back, until at most `keep` dirty units are left. */
MEMA_HIDDEN void mema_runPurge(mema_Slab *slab, uint32_t keep);

static inline size_t mema_magazineBytes(uint8_t magazineSize, uint8_t classCount) {
  return (size_t)magazineSize * classCount * sizeof(mema_FreeSlot);
}

static inline size_t mema_tableBytes(const mema_Slab *slab) {
  return slab->tablePages * mema_osPageSize();
}

static inline size_t mema_unitSize(const mema_Slab *slab) {
  return (size_t)1 << slab->unitShift;
}

static inline uint32_t mema_unitOf(const mema_Slab *slab, const mema_Span *span) {
  return (uint32_t)(span - slab->spans);
}

static inline char *mema_unitAddress(const mema_Slab *slab, uint32_t unit) {
  return slab->heap.area + ((size_t)unit << slab->unitShift);
}

/* The span that an address inside a span of slots belongs to. */
static inline mema_Span *mema_slabSpanAt(const mema_Slab *slab, const char *address) {
  mema_Span *span = &slab->spans[(size_t)(address - slab->heap.area) >> slab->unitShift];
  return span->kind == mema_unitInside ? span - span->back : span;
}

/* The state of a slot in a slab for threads. */
static inline mema_State *mema_stateOf(const mema_Slab *slab, const mema_Span *span, uint32_t slot) {
  return slab->states + (size_t)span->firstRecord * mema_stateRow + slot;
}

/* The tag of the span that a unit belongs to. */
static inline uint8_t mema_ownerOf(const mema_Slab *slab, uint32_t unit) {
  return mema_entryOwner(atomic_load_explicit(&slab->pageMap[unit], memory_order_relaxed));
}

/* Whether the bitmap has a slot as free. */
static inline bool mema_slotIsFree(const mema_Span *span, uint32_t slot) {
  return (span->bitmap[slot / 64] >> slot % 64 & 1) != 0;
}

/* Of a span of slots, in any slab. */
static inline bool mema_slotIsLive(const mema_Slab *slab, const mema_Span *span, uint32_t slot) {
  if (slab->states == NULL) return !mema_slotIsFree(span, slot);
  return atomic_load_explicit(mema_stateOf(slab, span, slot), memory_order_acquire) == span->class + 1;
}

static inline uint32_t mema_usedUnits(const mema_Slab *slab) {
  return slab->frontier - slab->freeUnits;
}

/* Bytes at the end of a large chunk's run that are not the chunk's, and were never touched. */
static inline size_t mema_spanSlack(const mema_Slab *slab, const mema_Span *span) {
  if (span->dirty) return 0;
  size_t used = span->place == mema_placeGrown ? mema_roundUp(span->bytes, mema_osPageSize()) : span->bytes;
  return ((size_t)span->units << slab->unitShift) - used;
}

static inline uint32_t mema_spanWords(const mema_Span *span) {
  return (span->slots + 63u) / 64;
}

/* As the bitmap has it. */
static inline uint32_t mema_freeSlots(const mema_Span *span) {
  uint32_t count = 0;
  for (uint32_t w = 0; w * 64 < span->slots; w++) count += (uint32_t)__builtin_popcountll(span->bitmap[w]);
  return count;
}

/* The class that serves this request, or classCount where it takes a run of its own. Slots of a size that is a multiple of the
 * alignment are aligned, since spans start at units. */
static inline unsigned mema_slabClass(const mema_Slab *slab, size_t size, size_t alignment) {
  if (size > mema_slotMax || alignment > mema_unitSize(slab)) return slab->classCount;
  unsigned class = mema_classOf(size);
  if (alignment > MEMA_ALIGNMENT)
    while (class < slab->classCount && (mema_classSize(class) & (alignment - 1)) != 0) class ++;
  return class < slab->classCount ? class : slab->classCount;
}

/* The class of a span of slots. */
static inline mema_SlotClass *mema_spanClass(mema_Slab *slab, const mema_Span *span) {
  return (mema_SlotClass *)(void *)((char *)slab + span->classOffset);
}

/* As mema_slabClass, for sizes up to mema_tableMax and the usual alignment. */
static inline mema_SlotClass *mema_smallClass(mema_Slab *slab, size_t size) {
  return (mema_SlotClass *)(void *)((char *)slab + slab->classOffsets[(size + 15) / 16]);
}

/* Whether a chunk in a slot of this size stays there when its size changes: it must fit, and fill at least half of it. */
static inline bool mema_staysInSlot(size_t slotSize, size_t size) {
  return size <= slotSize && (size >= slotSize / 2 || slotSize <= 32);
}

/* Whether its chunk stays in a run, and takes as many units, when it has this size. */
static inline bool mema_staysInRun(const mema_Slab *slab, const mema_Span *span, size_t size) {
  bool grown = span->place == mema_placeGrown;
  if (grown ? size > mema_slotMax || size < span->bytes / 2 : size <= mema_slotMax) return false;
  return (size - 1) >> slab->unitShift == span->units - 1u;
}

/* Whether a chunk that outgrows its slot had better go to a run of its own, in which it can go on growing without being copied: it
 * is likely to do so, but not many of them are to take a unit each. Charged it is as in a slot. */
static inline bool mema_slabPrefersRun(const mema_Slab *slab, size_t slotSize, size_t size) {
  return slotSize >= mema_grownFrom && size > slotSize && size <= mema_slotMax && slab->unitShift == mema_unitShiftMax &&
         slab->grownRuns < mema_grownMost && !slab->committed;
}

/* ---- the common path, inline ------------------------------------------------------------------------------------------- */

/* Where a pointer leads, in eighths of bytes from the start of the area. What is not a multiple of 8 away is led far outside, so
 * that one comparison with slab->eighths tells all that cannot be a chunk's start. */
static inline size_t mema_quantumOf(const mema_Slab *slab, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)slab->heap.area;
  return offset >> 3 | offset << (sizeof offset * 8 - 3);
}

/* The run of the large chunk that starts at ptr, in this slab; NULL: there is none. */
static inline mema_Span *mema_largeAt(const mema_Slab *slab, const void *ptr) {
  size_t quantum = mema_quantumOf(slab, ptr), unit = quantum >> slab->heap.unitQuantaLog;
  if (quantum >= slab->quanta || unit >= slab->frontier || (quantum & slab->heap.unitMask) != 0) return NULL;
  mema_Span *span = &slab->spans[unit];
  return span->kind == mema_unitLarge && span->place != mema_placeLost ? span : NULL;
}

/* The slot that starts `eighths` into a slot span; false iff none does, or it is no span of slots. One multiplication answers what the
 * quotient is, whether there is a remainder (Lemire, Kaser and Kurz, "Faster remainder by direct computation", 2019), and whether the
 * slot is one of the span's: with n eighths, slots of d and c = floor(2^32 / d) + 1 let e = c * d - 2^32, which is 1 to d. For
 * n = q * d + r, r < d, the product n * c is q * 2^32 + q * e + r * c, and q * e + r * c < 2^32, since here n < 2^16 and d <= 2^12. So
 * the upper half is q. The lower half is q * e for the start of a slot, and at least c, which is above all of those, where
 * r > 0. It grows with q: that of the last slot, and one more, is the bound, below 2^16; a last partial slot is beyond. */
static inline bool mema_slotAt(const mema_Span *span, size_t quanta, size_t *slot) {
  uint64_t product = quanta * (uint64_t)span->reciprocal;
  *slot = product >> 32;
  return (uint32_t)product < span->remainders;
}

static inline uint32_t mema_reciprocalOf(uint32_t slotSize) {
  return (uint32_t)((UINT64_C(1) << 32) / (slotSize / 8)) + 1;
}

static inline uint16_t mema_remaindersOf(uint32_t slotSize, uint32_t slots) {
  uint32_t excess = mema_reciprocalOf(slotSize) * (slotSize / 8); /* less 2^32 */
  return (uint16_t)((slots - 1) * excess + 1);
}

/* Marks the magazine's top slot as taken. The magazine is not empty. */
static inline const mema_FreeSlot *mema_takeRecent(mema_SlotClass *class) {
  mema_FreeSlot *slot = --class->top;
  *slot->word ^= slot->mask;
  return slot;
}

static inline bool mema_slotAtHand(const mema_SlotClass *class) {
  return *class->word != 0 || class->top != class->bottom;
}

/* False iff the magazine is full. The slot's first cache line is asked for: the class hands it out soon, its memory will then be
 * written, and by then the line is there (random replacement in a heap larger than the caches took a third less time). */
static MEMA_INLINE bool mema_keepRecent(unsigned mode, mema_Slab *slab, const mema_Span *span, size_t slot, char *ptr,
                                        uint64_t *word, mema_Block *record) {
  mema_SlotClass *class = mema_spanClass(slab, span);
  mema_FreeSlot *top = class->top;
  if (mema_unlikely(top == class->limit)) return false;
  top->ptr = ptr;
  top->word = word;
  top->mask = UINT64_C(1) << slot % 64;
  if ((mode & mema_modeRecords) != 0) top->record = record;
  class->top = top + 1;
  __builtin_prefetch(ptr, 1);
  return true;
}

/* A slot's Block; NULL where there are no records. */
static inline mema_Block *mema_slotRecord(const mema_Slab *slab, const mema_Span *span, size_t slot) {
  return slab->records != NULL ? slab->records + span->firstRecord + slot : NULL;
}

/* The number of the slot that starts at ptr, in a span of slots. */
static inline uint32_t mema_slotNumber(const mema_Slab *slab, const mema_Span *span, const char *ptr) {
  size_t slot;
  mema_slotAt(span, (size_t)(ptr - mema_unitAddress(slab, mema_unitOf(slab, span))) / 8, &slot);
  return (uint32_t)slot;
}

/* The slot that starts at ptr, live or not, in the first unit of a span; NULL where there is none. */
static inline mema_Span *mema_anySlot(const mema_Slab *slab, const void *ptr, size_t *slot) {
  size_t quantum = mema_quantumOf(slab, ptr);
  if (mema_unlikely(quantum >= slab->quanta)) return NULL;
  mema_Span *span = &slab->spans[quantum >> slab->heap.unitQuantaLog];
  return mema_likely(mema_slotAt(span, quantum & slab->heap.unitMask, slot)) ? span : NULL;
}

/* The same for live ones. */
static inline mema_Span *mema_liveSlot(const mema_Slab *slab, const void *ptr, size_t *slot) {
  mema_Span *span = mema_anySlot(slab, ptr, slot);
  return span != NULL && (span->bitmap[*slot / 64] >> *slot % 64 & 1) == 0 ? span : NULL;
}

/* Takes the first free slot of the word at hand, of which `free` (not 0) says the free ones; returns its bit. It is remembered, and
 * the caller remembers its address in slab->lastPtr: freeing the youngest chunk is common, and then needs no look-up, whose chain of
 * dependent loads would begin with the address just computed. */
static inline uint64_t mema_takeSlot(mema_Slab *slab, mema_SlotClass *class, uint64_t *word, uint64_t free) {
  uint64_t bit = mema_lowestBit(free);
  *word = free & (free - 1);
  slab->lastSlot = (uintptr_t) class + bit;
  return bit;
}

/* From now on whatever mema_giveLast is asked of, it finds free already. */
static inline void mema_forgetLast(mema_Slab *slab) {
  uintptr_t none = (uintptr_t)&slab->classes[slab->classCount];
  if (slab->lastSlot != none) slab->lastSlot = none; /* other threads look at this line */
}

static inline mema_SlotClass *mema_lastClass(const mema_Slab *slab) {
  return (mema_SlotClass *)(slab->lastSlot & ~(uintptr_t)63);
}

/* Marks the slot handed out last free, if that is ptr and it is live still. Nothing follows from it: its word is at hand. False
 * says nothing about ptr. */
static inline bool mema_giveLast(mema_Slab *slab, const void *ptr) {
  if (ptr != slab->lastPtr) return false;
  uint64_t *word = mema_lastClass(slab)->word, after;
  if (mema_setBit(*word, slab->lastSlot, &after)) return false;
  *word = after;
  return true;
}

/* What follows from a slot marked free where there are no magazines; its word was `before`, and is `after`. A word with its first
 * free slot is noted; whether the span is empty is asked only when a word has nothing but free slots. */
static inline bool mema_noteGiven(mema_Slab *slab, mema_Span *span, size_t slot, uint64_t before, uint64_t after) {
  if (mema_unlikely(before == 0)) return mema_slabNote(slab, span, (uint32_t)(slot / 64));
  if (mema_unlikely(after == UINT64_MAX || after == span->lastMask)) return mema_slabEmptied(slab, span);
  return true;
}

/* Takes a slot from a class that has one at hand; record, unless it is NULL, is told its Block. */
static inline char *mema_takeAtHand(mema_Slab *slab, mema_SlotClass *class, mema_Block **record) {
  if ((slab->heap.mode & mema_modeMagazines) != 0) {
    const mema_FreeSlot *slot = mema_takeRecent(class);
    if (record != NULL) *record = slot->record;
    return slot->ptr;
  }
  uint64_t bit = mema_takeSlot(slab, class, class->word, *class->word);
  if (record != NULL) *record = slab->records + class->firstRecord + bit;
  return slab->lastPtr = class->base + bit * class->slotSize;
}

/* Takes a live slot back. */
static inline void mema_giveSlot(mema_Slab *slab, mema_Span *span, size_t slot, char *ptr) {
  uint64_t *word = &span->bitmap[slot / 64], before = *word, mask = UINT64_C(1) << slot % 64;
  *word = before | mask;
  if (mema_likely((slab->heap.mode & mema_modeMagazines) == 0)) {
    mema_noteGiven(slab, span, slot, before, before | mask);
  } else if (!mema_keepRecent(slab->heap.mode, slab, span, slot, ptr, word, mema_slotRecord(slab, span, slot))) {
    mema_slabNote(slab, span, (uint32_t)(slot / 64));
  }
}

#endif
