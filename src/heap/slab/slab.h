/* slab.h - the default engine: slots of one size side by side, all records out of line.
 *
 *   slab   one reservation: `units` units of 2^unitShift bytes, and beside them one Span record for each unit
 *   span   one or more units in a row that serve one purpose: slots of one size class, one large chunk, or nothing
 *          (a free run)
 *   slot   one chunk's place in a span
 *
 *          spans[]    [slots 48 B][slots 1 KiB][ free run, 3 units   ][large chunk, 2 units][untouched ...
 *                          |           |              |                      |
 *          area       [unit 0    ][unit 1     ][unit 2 | unit 3 | unit 4][unit 5 | unit 6  ][unit 7 ...
 *                                                                                          ^ frontier
 *
 * A pointer is looked up by arithmetic. Its unit gives the Span, a multiplication with the reciprocal of the
 * slot size gives the slot, and one bit says whether the slot is live. A set bit of the bitmap is a free slot.
 * Only the bitmap decides which slots are live: lists and summaries can be rebuilt from it. The engine never
 * reads or writes chunks.
 *
 * Invariants, for all units u below the frontier and spans s:
 *     runs.units      == usedUnits + runs.freeUnits + (runs.units - runs.frontier)     runs.freeUnits: in free runs;
 *                        usedUnits: in all other spans
 *     runs.dirtyUnits == the sum of the free runs' dirtyUnits; no two free runs are neighbours
 *     runs.cleanBytes == the sum of the slot spans' clean pages, which hold free slots only; an active span has none
 *     s.remainders  is 0 for every unit that is not the first of a span of slots
 *     s.kind        is mema_unitInside or mema_unitNone for a unit that is neither the first of a span, nor inside
 *                   a slot span, nor the end of a free run; so a look-up never takes such a unit for a chunk
 *     a free run is in runs.bins[], on the list for its length; runs.binMap says which of these lists are not empty
 *     runs.grown      == the number of spans that are mema_placeGrown, at most mema_grownMost
 *     runs.slack      == the sum of mema_spanSlack over the large chunks
 *     a slot span is closed, or on its class's list of partial spans, or `active` for its class
 *     every free slot is in its class's magazine, or its word is at hand for its class, or its word is noted
 *                   (bit w of s.summary is set) and its span is not closed; a closed span has a summary of 0
 *     in a slab that keeps freed slots in magazines no word is at hand; in all other slabs magazines are empty
 *     the lists of partial spans hold empty spans first, except spans with slots in a magazine
 */
#ifndef MEMA_HEAP_SLAB_SLAB_H
#define MEMA_HEAP_SLAB_SLAB_H

#include <stdatomic.h>

#include "../heap.h"
#include "../../memory/os.h"
#include "mapEntry.h"
#include "sizeClasses.h"

typedef struct mema_Slab mema_Slab;

enum {
  mema_unitNone = 0, /* no span starts here, and nothing is known of this unit */
  mema_unitSlots,    /* first unit of a span of slots */
  mema_unitInside,   /* a later unit of a span of slots; `back` units after its first */
  mema_unitLarge,    /* first unit of a large chunk */
  mema_unitFree,     /* first or last unit of a free run */
};

/* Places. A slot span is closed, on its class's list (partial), or serving its class (active). A large chunk is
 * ordinary; or grown: too large for its former slot, but not for every slot; or moved: mema_osMove brought its
 * pages from elsewhere; or lost: a system call failed and took the address range, which is never used again; or
 * emptied: its pages were given back, and it is about to be freed. */
enum {
  mema_placeClosed = 0,
  mema_placePartial,
  mema_placeActive,
  mema_placeOrdinary,
  mema_placeGrown,
  mema_placeMoved,
  mema_placeLost,
  mema_placeEmptied,
};

/* The pages of a large chunk's run that lie behind the chunk. */
typedef enum mema_Tail {
  mema_tailClean, /* never touched, or given back */
  mema_tailDirty, /* they may hold old bytes */
  mema_tailSeen,  /* the same, and a sweep has seen that: idle.c */
} mema_Tail;

/* No pages of the span are clean, and a sweep has seen the span since it last served its class: idle.c. */
enum { mema_cleanSeen = 255 };

enum {
  mema_unitShiftMin = 10,
  mema_unitShiftMax = 16,
  mema_spanUnitsMax = 8,
  mema_magazineMost = 32,
  mema_grownMost = 4,    /* chunks with a run of their own, though a slot would hold them */
  mema_grownFrom = 4096, /* bytes: a chunk that outgrows a slot of this size or more may get a run */
  mema_runBins = 124,    /* four lists per doubling, up to 2^31 units */
  mema_noUnit = UINT32_MAX,
};

/* 64 bytes: one cache line holds everything that a free reads; for up to 64 slots, the bitmap too. */
struct mema_Span {
  uint16_t slotSize;
  uint16_t remainders; /* slots: the remainders of starts of slots are below this; else 0. See mema_slotAt. */
  uint32_t reciprocal; /* slots: floor(2^32 / (slotSize / 8)) + 1 */
  uint16_t slots;
  union {
    uint16_t classOffset; /* slots: bytes from the slab's header to the class */
    uint16_t back;        /* inside a span of slots: units after its first */
  };
  uint8_t kind;
  uint8_t class;
  uint8_t place;
  union {
    uint8_t tail;  /* large: a mema_Tail */
    uint8_t clean; /* slots: clean pages (pages.c), or mema_cleanSeen */
  };
  uint32_t next, prev;  /* units: neighbours on the list of partial spans, or on the list of runs of this length */
  uint32_t units;       /* length of the span; a free run has it in its first and last unit */
  uint32_t firstRecord; /* the first slot's Block in slab->records; in a slab for threads, the first row of states */
  uint64_t lastMask;    /* the bits of the last bitmap word that stand for slots */
  uint64_t *bitmap;     /* a set bit is a free slot */
  uint64_t summary;
  union {
    uint64_t word; /* the bitmap of a span of up to 64 slots */
    size_t bytes;  /* large: bytes in use of the run; whole grains, or the size of the slot that would hold a grown chunk */
    uint32_t dirtyUnits; /* free run: at most this many of its units have pages, which may hold old bytes */
  };
};
_Static_assert(sizeof(mema_Span) == 64 || sizeof(void *) != 8, "a span record is one cache line");

/* The state of a slot: in a slab for threads, a byte of its own says whether the slot is live. The byte is 0,
 * or class + 1 while the slot is live. (A set bit of a bitmap then says that no thread has the slot, live or
 * cached.) States lie in rows of 64. A span of slots has as many rows side by side as it needs. When the span
 * ends, the rows wait for another span of its class. */
typedef _Atomic uint8_t mema_State;

enum { mema_stateRow = 64, mema_depotSlots = 16384 };

/* A look-up that began before a period ends in the next one at the latest. */
enum { mema_gracePeriods = 2 };

/* The link of a range of rows that waits for its class; it belongs to the first row of the range. */
typedef struct mema_RowLink {
  uint32_t next; /* the next range's first row + 1; 0: none */
  uint32_t period;
} mema_RowLink;

/* A cached slot: a thread has it, and no chunk uses it. */
typedef struct mema_CachedSlot {
  char *ptr;
  mema_State *state;
} mema_CachedSlot;

/* A free slot, with everything needed to hand it out. */
typedef struct mema_FreeSlot {
  char *ptr;
  uint64_t *word;
  uint64_t mask;      /* the slot's bit in *word */
  mema_Block *record; /* only in slabs with records */
} mema_FreeSlot;

/* A size class, and the slots that it hands out next. They come from one bitmap word of its active span. In
 * slabs of many spans they come from its magazine, a stack of recently freed slots, whose memory and bits are
 * likely to be in the caches still (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Where frees and
 * allocations alternate all over a large heap, a word has only one or two free slots. Branches on words all
 * over the heap are then mispredicted, and resolved late. */
typedef struct mema_SlotClass {
  _Alignas(64) mema_FreeSlot *top; /* the magazine: its first unused entry */
  mema_FreeSlot *bottom, *limit;
  uint64_t *word; /* the word at hand; a constant 0 if there is none, never NULL */
  char *base;     /* the address of the slot of bit 0 */
  uint32_t slotSize;
  uint32_t firstRecord; /* index of the Block of bit 0 */
  uint32_t active;      /* the first unit of the active span, or mema_noUnit */
  uint32_t partialHead, partialTail;
  uint32_t idle; /* free slots in the class's spans; kept only in slabs that threads share */
} mema_SlotClass;
_Static_assert(sizeof(mema_SlotClass) == 64, "a size class is one cache line");

/* Runs of units: runs.c. */
typedef struct mema_Runs {
  uint32_t units;
  uint32_t frontier; /* units from here on were never used */
  uint32_t freeUnits;
  uint32_t dirtyUnits;  /* dirty units of free runs */
  uint32_t deniedUnits; /* a run of this length was not available the last time; */
  uint32_t denied;      /* this many more such requests are denied without a search, unless units become free */
  uint32_t budgetUnits; /* above this footprint, free pages are given back before fresh ones are taken */
  uint32_t growAt;      /* used units, without clean pages, above which mema_slabHasGrown */
  uint32_t grown;       /* number of large chunks that are mema_placeGrown */
  uint32_t moved;       /* number of large chunks with moved pages: each is a kernel mapping of its own */
  size_t purged;        /* bytes given back so far */
  size_t slack;         /* bytes of runs that lie behind their large chunks, untouched or given back */
  size_t cleanBytes;    /* pages of slot spans that were given back, and hold no slot handed out since: pages.c */
  uint64_t binMap[2];
  uint32_t bins[mema_runBins];
} mema_Runs;

/* Memory that is not in use, and goes back by itself: idle.c. The fields are narrow, since a small slab's header shares
 * a page with its first Blocks. */
typedef struct mema_Idle {
  uint32_t work;      /* units taken and given since the window began */
  uint32_t given;     /* KiB given back lately because they were idle, */
  uint32_t again;     /* and KiB taken lately that had been given back */
  uint32_t squeezed;  /* units held after a squeeze that did not reach the budget; 0: the last one did */
  uint32_t second;    /* milliseconds: when the second began, */
  uint32_t seen;      /* and when the clock was last read; 0: never */
  uint32_t least;     /* the least runs.dirtyUnits in this window */
  uint32_t last;      /* runs.dirtyUnits when the clock was last read */
  uint32_t sweepAt;   /* the unit where the sweep goes on; the frontier or more: there is none */
  int8_t visits;      /* visits left until the next look at work and time */
  uint8_t fades;      /* times that the allowance was halved */
  uint8_t regrets;    /* times that windows were doubled */
  bool worked : 1;    /* a window has ended in this second */
  bool drains : 1;    /* most memory is free, and goes back as it becomes free */
  bool sweepsNow : 1; /* the sweep gives pages back without having seen them before */
  bool seesSpans : 1; /* some spans have clean pages, or were seen by a sweep */
} mema_Idle;

/* Records: the first few lie near the header, the others in a range of their own. */
typedef struct mema_RecordRanges {
  uint32_t nearNext, nearEnd;                /* unused records near the header */
  uint32_t mainFirst, mainNext, mainEnd;     /* the range of the others: its first record, and its unused ones */
  uint32_t freeRecords[mema_classCount + 1]; /* ranges given back, by class (last: large chunks): linked by index + 1 */
} mema_RecordRanges;

/* Huge pages: hugePages.c. */
typedef struct mema_Huge {
  size_t area, records; /* huge pages were asked for, or decided against, up to these bytes of each */
  bool always;          /* asked for from the start */
} mema_Huge;

/* The tables of a slab for threads; in other slabs all of them are NULL or 0. */
typedef struct mema_SharedTables {
  mema_MapEntry *pageMap;             /* one entry per unit */
  mema_State *states;                 /* rows of mema_stateRow states */
  mema_CachedSlot *depot;             /* room for mema_depotSlots; the pool uses it */
  mema_RowLink *rowLinks;             /* one link per row */
  uint32_t rows, usedRows;            /* rows from usedRows on were never used */
  uint32_t freeRows[mema_classCount]; /* ranges of rows that wait for their class: the latest one, + 1 */
  uint32_t period;    /* the pool counts it: in each period every thread is outside of all look-ups at some moment */
  uint32_t youngRows; /* ranges that were too young for reuse, since the period began */
  uint8_t ownerId;    /* owner id of spans made now */
} mema_SharedTables;

/* Requests by size: a bit for each class, and the sizes above all classes up to `largest`. */
typedef struct mema_Requests {
  uint64_t classes;
  size_t largest;
  bool empty; /* a slab without live chunks */
} mema_Requests;

/* A slab outside, among those of its pool. */
typedef struct mema_OutsideNode {
  mema_Slab *left, *right; /* with areas at lower and at higher addresses */
  mema_Slab *before;       /* in the list; NULL: the first */
  size_t liveChunks;
  mema_Requests own;   /* the requests that this slab may serve; all others have failed here */
  mema_Requests below; /* those that any slab of this branch may serve */
  /* Of all slabs outside; in the first of the list. */
  mema_Slab *root, *last;
  size_t count, bytes; /* slabs, and bytes of their areas */
  size_t changes;      /* of the units that are in use */
} mema_OutsideNode;

struct mema_Slab {
  /* The fields that a look-up reads lie in one cache line. */
  mema_Heap heap;
  size_t quanta; /* bytes of the area / 8 */
  mema_Span *spans;

  uint8_t unitShift;
  bool usedSinceReset; /* since its chunks were all freed, more happened than taking and giving slots of the words at hand */
  mema_Block *records; /* NULL in a slab without records */
  /* The slot handed out last, as long as its word is at hand: see mema_takeSlot. */
  char *lastPtr;
  uintptr_t lastSlot; /* the address of its class (a multiple of 64) plus its bit number */

  size_t areaSize;
  bool committed;   /* pages are never given back */
  bool locked;      /* its memory is locked */
  bool keepsDirty;  /* free pages are not given back at present */
  bool neverCached; /* its memory is given back when it closes */
  uint8_t magazineSize;
  uint8_t classCount;
  int8_t cellKind; /* below 0: it has a mapping of its own */
  uint32_t cellIndex;
  mema_FreeSlot *magazines; /* magazineSize entries for each class */

  mema_Huge huge;
  mema_Runs runs;
  mema_Idle idle;
  mema_RecordRanges recordRanges;
  mema_SharedTables shared;

  char *bitmaps;
  uint32_t bitmapUnits; /* bitmaps of units from here on were never touched */
  uint32_t tablePages;  /* pages of the mapping that hold spans, bitmaps and records */
  uint32_t yield;       /* see chooseMode in slab.c */
  void *mapping;        /* its mapping; for a cell, its back part */
  size_t mappingSize;
  struct mema_Source *source;                    /* what is ready of its memory (source.h); NULL: all of it */
  mema_OutsideNode outside;                      /* of a slab outside: outside.c */
  size_t warm;                                   /* bytes counted against the bound of the process while this slab is warm */
  uintptr_t lives;                               /* the last of the slab's own generations that the pool has given */
  uint16_t classOffsets[mema_tableMax / 16 + 1]; /* by (size + 15) / 16: bytes from the header to the class */
  mema_SlotClass classes[];                      /* and one more, whose word has free slots only: see mema_giveLast */
};
_Static_assert(offsetof(struct mema_Slab, heap) == 0 && offsetof(mema_Heap, generation) == 0,
               "a header begins with its generation: identity.h");

typedef struct mema_Layout mema_Layout;

/* How a slab is to be made. */
typedef struct mema_SlabPlan mema_SlabPlan;

/* The operations of the slab engine. */
MEMA_HIDDEN extern const mema_HeapOps mema_slabOps;

/* ---- life: slabLife.c -------------------------------------------------------------------------------------------------- */

/* The fields of the row of operations for a budget that bounds memory: a thirty-second of the room, at least the
 * chunk's part of the tables and of the unused ends of spans and pages; its Block; its bits. */
enum { mema_tablesShift = 5, mema_besideChunk = sizeof(mema_Block) + 1 };

struct mema_SlabPlan {
  size_t area; /* bytes wanted for chunks; where the system has less, less is taken, but at least `least` */
  size_t least;
  uint8_t unitShift; /* 0: derived from the area. All slabs of a pool have one unit size, so that all round sizes alike. */
  size_t budget;     /* in bytes: see budgetUnits */
  bool records;
  bool threads; /* with a page map and states */
  bool committed;
  bool compactRecords; /* memory is scarce: make fewer records */
  bool outside;
  bool neverCached;                 /* an unusual reservation: never taken from the warm heaps, and not kept warm */
  const struct mema_Layout *layout; /* the engine's layout: reservation.h */
  bool hugePages;
  bool locked;
  bool bound;                /* memory is scarce: huge pages only on request, nothing kept warm; mema_modeBound */
  const mema_Memory *memory; /* hooks; NULL: the system */
  const mema_Slab *like;     /* for a slab outside: the pool's own slab, whose kind of memory it gets */
};

/* Sets the footprint, in bytes, above which free pages are given back before fresh ones are taken. */
MEMA_HIDDEN void mema_slabSetBudget(mema_Heap *heap, size_t bytes);
/* Frees all chunks. The slab is then kept warm, or its memory is given back. */
MEMA_HIDDEN void mema_slabClose(mema_Heap *heap);
/* Frees all chunks. */
MEMA_HIDDEN void mema_slabClear(mema_Heap *heap);
/* Gives free pages back to the system; returns their bytes. */
MEMA_HIDDEN size_t mema_slabTrim(mema_Heap *heap);
/* An upper bound of the bytes held from the system for chunks and records. */
MEMA_HIDDEN size_t mema_slabFootprint(const mema_Heap *heap);

static inline mema_Slab *mema_slabIn(mema_Heap *heap) {
  return (mema_Slab *)(void *)heap;
}

static inline const mema_Slab *mema_constSlab(const mema_Heap *heap) {
  return (const mema_Slab *)(const void *)heap;
}

/* The heap of a slab; NULL stays NULL. */
static inline mema_Heap *mema_heapIn(mema_Slab *slab) {
  return (mema_Heap *)(void *)slab;
}

/* The next slab in the list of heaps: a slab outside. */
static inline mema_Slab *mema_nextSlab(const mema_Slab *slab) {
  return mema_slabIn(slab->heap.next);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

/* Takes a chunk of `size` bytes (not 0, at most PTRDIFF_MAX), aligned to a power of two. False iff this slab
 * has no room. */
MEMA_HIDDEN bool mema_slabTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
/* True iff ptr, which may be any value, is the start of a live chunk of this slab. */
MEMA_HIDDEN bool mema_slabFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk);
/* Brings slots of a class to hand when none is there. False iff the slab has no room for another span. */
MEMA_HIDDEN bool mema_slabRefill(mema_Slab *slab, unsigned class);
/* Takes back a chunk that mema_slabFind or mema_slabTake described. */
MEMA_HIDDEN void mema_slabGive(mema_Heap *heap, const mema_Chunk *chunk);
/* Takes a run for a chunk that a slot would hold; called only if mema_slabPrefersRun. False iff this slab has
 * no room. */
MEMA_HIDDEN bool mema_slabTakeGrown(mema_Slab *slab, size_t size, mema_Chunk *chunk);
/* Takes up to `most` slots of a class from a slab for threads, in the order of their addresses, as they come to
 * hand. They become cached slots, which are stored downwards from `end`: the first lies below it. If slab->ownerId is not 0, they come from spans of that owner while there are
 * any, or while others have few free slots. Returns their number: 0 iff the slab has no room. */
MEMA_HIDDEN uint32_t mema_slabTakeCached(mema_Slab *slab, unsigned class, uint32_t most, mema_CachedSlot *end);
/* Takes back cached slots of a class. */
MEMA_HIDDEN void mema_slabGiveCached(mema_Slab *slab, const mema_CachedSlot *cachedSlots, uint32_t count);
/* True if the memory in use has grown by an eighth since empty spans were last given back. (Empty spans, and
 * spans whose slots wait in magazines, count as used.) Empty spans should then be given back before fresh units
 * are taken. In a slab for threads the pool does this, since it has cached slots of these spans. */
MEMA_HIDDEN bool mema_slabHasGrown(const mema_Slab *slab);
/* A bit for each class whose free slots are more than half its slots, and more than the slots of one span. */
MEMA_HIDDEN uint64_t mema_slabSparse(const mema_Slab *slab);
/* Gives back the empty spans of these classes, except one of each class. If the footprint is at the budget,
 * gives back all empty spans of all classes. */
MEMA_HIDDEN void mema_slabReleaseSparse(mema_Slab *slab, uint64_t sparse);
/* In a slab for threads, marks all slots as not live; does nothing in other slabs. */
MEMA_HIDDEN void mema_slabClearStates(mema_Slab *slab);
/* The bytes that a chunk of this size would occupy. */
MEMA_HIDDEN size_t mema_slabRoom(const mema_Heap *heap, size_t size, size_t alignment);
/* The largest size whose chunk would occupy at most `room` bytes; 0: none. */
MEMA_HIDDEN size_t mema_slabLargest(const mema_Heap *heap, size_t room);
/* Makes the bytes of a chunk zero. In a large chunk, a piece with few pages in memory gives these back, because
 * writing zeros would bring in all its other pages. */
MEMA_HIDDEN void mema_slabZero(const mema_Heap *heap, char *ptr, size_t bytes);
/* Changes a live chunk's size in place, and chunk->room with it. False, with nothing changed, if it cannot, or
 * if the chunk should move. */
MEMA_HIDDEN bool mema_slabStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size);
/* Sets the bytes of a large chunk that stays in its run: see mema_staysInRun. */
MEMA_HIDDEN void mema_slabSetBytes(mema_Slab *slab, mema_Span *span, size_t bytes);
/* Moves a chunk's first bytes to a new chunk: by its pages if possible, else by a copy. The caller then gives
 * the old chunk. False iff the system failed half-way: the old chunk is intact; the new one's memory is lost,
 * and must not be given. */
MEMA_HIDDEN bool mema_slabMove(const mema_Chunk *to, const mema_Chunk *from, size_t bytes);

/* ---- huge pages ahead of dense growth: hugePages.c -------------------------------------------------------------------------- */

MEMA_HIDDEN void mema_slabHugeArea(mema_Slab *slab, bool dense);
MEMA_HIDDEN void mema_slabHugeRecords(mema_Slab *slab);
/* Asks for huge pages in an area (or in records) of `limit` bytes, of which `used` are used from the start.
 * Returns the bytes up to which no further call is needed. */
MEMA_HIDDEN size_t mema_slabHugeAhead(mema_Slab *slab, bool records, size_t used, size_t limit);

/* ---- for the engine's own files, and the common path below --------------------------------------------------------------- */

/* Notes a word that has a free slot. Always true, for a tail call. */
MEMA_HIDDEN bool mema_slabNote(mema_Slab *slab, mema_Span *span, uint32_t word);
/* Gives a span back if it is empty and not the only one on its list. Always true. */
MEMA_HIDDEN bool mema_slabEmptied(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN void mema_slabResetClasses(mema_Slab *slab);
/* Frees all chunks if all of them are in the words at hand, and no other change has happened since all chunks
 * were last freed (a small pool that serves one request lives like this). Otherwise returns false. */
MEMA_HIDDEN bool mema_slabClearWords(mema_Slab *slab);
/* Gives all empty spans back. Returns the bytes of their units. */
MEMA_HIDDEN size_t mema_slabReleaseEmpty(mema_Slab *slab);
MEMA_HIDDEN uint32_t mema_slabGiveLarge(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN uint32_t mema_slabClearSpan(mema_Slab *slab, mema_Span *span);
MEMA_HIDDEN bool mema_spanIsEmpty(const mema_Span *span);

/* ---- pages that hold no live byte: pages.c ------------------------------------------------------------------------------- */

/* The pages of a slot span that hold free slots only, by its bitmap. */
MEMA_HIDDEN uint32_t mema_spanFreePages(const mema_Slab *slab, const mema_Span *span);
/* Gives back the pages of free slots of a span that is not active and has no slot in a magazine. Returns the bytes that
 * were not clean before; 0 if there are none. */
MEMA_HIDDEN size_t mema_spanPurge(mema_Slab *slab, mema_Span *span);
/* Gives back the pages behind a large chunk. Returns their bytes. */
MEMA_HIDDEN size_t mema_tailPurge(mema_Slab *slab, mema_Span *span);
/* Counts a span's clean pages as touched. */
MEMA_HIDDEN void mema_spanForget(mema_Slab *slab, mema_Span *span);
/* As above, for all spans. */
MEMA_HIDDEN void mema_slabForgetPages(mema_Slab *slab);
/* Like the above, before the span's slots are handed out. Makes room for these pages in the budget. */
MEMA_HIDDEN void mema_spanReuse(mema_Slab *slab, mema_Span *span);
/* Gives back the pages of free slots, behind large chunks, and of Blocks of dead chunks, with all that the system has
 * of them. Slots in magazines count as free, so all magazines are empty. */
MEMA_HIDDEN void mema_slabTrimPages(mema_Slab *slab);
/* Gives back the tables of a slab with memory from the system, without spans, whose first `units` units were in use. */
MEMA_HIDDEN void mema_slabTrimTables(mema_Slab *slab, uint32_t units);

MEMA_HIDDEN void mema_runInit(mema_Slab *slab);
/* Checks that the lists hold exactly `runs` free runs, each on the list of its length. Returns NULL, or the
 * invariant that does not hold. */
MEMA_HIDDEN const char *mema_runCheck(const mema_Slab *slab, size_t runs);
/* Takes `units` units in a row; the address of the first is a multiple of `alignUnits` units. Sets *zeroed.
 * mema_noUnit: there are none. */
MEMA_HIDDEN uint32_t mema_runTake(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed);
/* Makes a run free and joins it with its free neighbours. Returns the first unit behind the joined run. */
MEMA_HIDDEN uint32_t mema_runGive(mema_Slab *slab, uint32_t first, uint32_t units, bool dirty);
/* Lengthens the run [first, first + units) to `wanted` units in place. False iff the units behind it are not
 * free, too few, or refused by the hooks. */
MEMA_HIDDEN bool mema_runGrow(mema_Slab *slab, uint32_t first, uint32_t units, uint32_t wanted);
/* Takes all units for never used again. False iff some are in use or dirty, or there are none. */
MEMA_HIDDEN bool mema_runForgetAll(mema_Slab *slab);
/* Makes room in the footprint for `units` clean units, before they are used. */
MEMA_HIDDEN void mema_runMakeRoom(mema_Slab *slab, uint32_t units);
/* Gives back pages of dirty free runs until at most `keep` dirty units are left. */
MEMA_HIDDEN void mema_runPurge(mema_Slab *slab, uint32_t keep);

/* ---- memory that goes back by itself: idle.c ------------------------------------------------------------------------------ */

/* Reads the clock for all slabs of the process. From then on no slab reads it by itself. */
MEMA_HIDDEN void mema_idleTellTime(void);
/* Looks at work and time, and gives back what was idle. */
MEMA_HIDDEN void mema_idleLook(mema_Slab *slab);
/* Begins to count work and time anew. */
MEMA_HIDDEN void mema_idleRestart(mema_Slab *slab);
/* Notes the memory in use, from which mema_slabHasGrown counts. */
MEMA_HIDDEN void mema_idleSettle(mema_Slab *slab);
/* Gives back the pages of free slots of these classes. */
MEMA_HIDDEN void mema_idleSweepClasses(mema_Slab *slab, uint64_t classes);
/* Gives back pages of used spans, so that the slab has room for `bytes` more within its budget. */
MEMA_HIDDEN void mema_idleSqueeze(mema_Slab *slab, size_t bytes);

/* Counts a call that takes longer anyhow. No list and no span may be between two states: pages may go back here. */
static inline void mema_idleVisit(mema_Slab *slab) {
  if (mema_unlikely(--slab->idle.visits <= 0)) mema_idleLook(slab);
}

/* The number of a span's clean pages. */
static inline uint32_t mema_cleanPages(const mema_Span *span) {
  return span->clean == mema_cleanSeen ? 0 : span->clean;
}

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

/* The slot span that contains this address. */
static inline mema_Span *mema_slabSpanAt(const mema_Slab *slab, const char *address) {
  mema_Span *span = &slab->spans[(size_t)(address - slab->heap.area) >> slab->unitShift];
  return span->kind == mema_unitInside ? span - span->back : span;
}

/* The state of a slot in a slab for threads. */
static inline mema_State *mema_stateOf(const mema_Slab *slab, const mema_Span *span, uint32_t slot) {
  return slab->shared.states + (size_t)span->firstRecord * mema_stateRow + slot;
}

/* The owner id of the span that a unit belongs to. */
static inline uint8_t mema_ownerOf(const mema_Slab *slab, uint32_t unit) {
  return mema_entryOwner(atomic_load_explicit(&slab->shared.pageMap[unit], memory_order_relaxed));
}

/* True if the slot is free in the bitmap. */
static inline bool mema_slotIsFree(const mema_Span *span, uint32_t slot) {
  return (span->bitmap[slot / 64] >> slot % 64 & 1) != 0;
}

/* True if the slot is live; for a span of slots in any slab. */
static inline bool mema_slotIsLive(const mema_Slab *slab, const mema_Span *span, uint32_t slot) {
  if (slab->shared.states == NULL) return !mema_slotIsFree(span, slot);
  return atomic_load_explicit(mema_stateOf(slab, span, slot), memory_order_acquire) == span->class + 1;
}

static inline uint32_t mema_usedUnits(const mema_Slab *slab) {
  return slab->runs.frontier - slab->runs.freeUnits;
}

/* The bytes of units that have pages: used ones without their clean pages, and dirty free ones. */
static inline size_t mema_heldBytes(const mema_Slab *slab) {
  return ((size_t)(mema_usedUnits(slab) + slab->runs.dirtyUnits) << slab->unitShift) - slab->runs.cleanBytes;
}

/* Bytes of a large chunk's run that lie behind the chunk, and were never touched, or given back. */
static inline size_t mema_spanSlack(const mema_Slab *slab, const mema_Span *span) {
  if (span->tail != mema_tailClean) return 0;
  size_t used = span->place == mema_placeGrown ? mema_roundUp(span->bytes, mema_osPageSize()) : span->bytes;
  return ((size_t)span->units << slab->unitShift) - used;
}

static inline uint32_t mema_spanWords(const mema_Span *span) {
  return (span->slots + 63u) / 64;
}

/* The free slots of a span, counted in its bitmap. */
static inline uint32_t mema_freeSlots(const mema_Span *span) {
  uint32_t count = 0;
  for (uint32_t w = 0; w * 64 < span->slots; w++) count += (uint32_t)__builtin_popcountll(span->bitmap[w]);
  return count;
}

/* The class that serves this request, or classCount if it takes a run of its own. Spans start at units, so
 * slots are aligned if their size is a multiple of the alignment. */
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

/* As mema_slabClass, for sizes up to mema_tableMax and the default alignment. */
static inline mema_SlotClass *mema_smallClass(mema_Slab *slab, size_t size) {
  return (mema_SlotClass *)(void *)((char *)slab + slab->classOffsets[(size + 15) / 16]);
}

/* True if a chunk in a slot stays there when its size changes: the new size must fit, and fill at least half
 * the slot. */
static inline bool mema_staysInSlot(size_t slotSize, size_t size) {
  return size <= slotSize && (size >= slotSize / 2 || slotSize <= 32);
}

/* True if a chunk in a run stays there, with an unchanged number of units, when it gets this size. */
static inline bool mema_staysInRun(const mema_Slab *slab, const mema_Span *span, size_t size) {
  bool grown = span->place == mema_placeGrown;
  if (grown ? size > mema_slotMax || size < span->bytes / 2 : size <= mema_slotMax) return false;
  return (size - 1) >> slab->unitShift == span->units - 1u;
}

/* True if a chunk that outgrows its slot should move to a run of its own, where it can go on growing without a
 * copy. Such a chunk is likely to grow again, but only a few of them may take whole units. It is charged as in
 * a slot. */
static inline bool mema_slabPrefersRun(const mema_Slab *slab, size_t slotSize, size_t size) {
  return slotSize >= mema_grownFrom && size > slotSize && size <= mema_slotMax && slab->unitShift == mema_unitShiftMax &&
         slab->runs.grown < mema_grownMost && !slab->committed;
}

/* ---- the common path, inline ------------------------------------------------------------------------------------------- */

/* The quantum (8 bytes) of the area that ptr is the start of. The rotation moves an offset that is not a
 * multiple of 8 far out of range, so one comparison with slab->quanta rejects every pointer that cannot start a
 * chunk. */
static inline size_t mema_quantumOf(const mema_Slab *slab, const void *ptr) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)slab->heap.area;
  return offset >> 3 | offset << (sizeof offset * 8 - 3);
}

/* The run of the large chunk that starts at ptr in this slab; NULL if there is none. */
static inline mema_Span *mema_largeAt(const mema_Slab *slab, const void *ptr) {
  size_t quantum = mema_quantumOf(slab, ptr), unit = quantum >> slab->heap.unitQuantaLog;
  if (quantum >= slab->quanta || unit >= slab->runs.frontier || (quantum & slab->heap.unitMask) != 0) return NULL;
  mema_Span *span = &slab->spans[unit];
  return span->kind == mema_unitLarge && span->place != mema_placeLost ? span : NULL;
}

/* Finds the slot that starts `quanta` into a slot span. False iff none starts there, or the span has no slots.
 * One multiplication gives the quotient, says whether there is a remainder (Lemire, Kaser and Kurz, "Faster
 * remainder by direct computation", 2019), and whether the slot is one of the span's. Let n be the quanta, d
 * the quanta of a slot, c = floor(2^32 / d) + 1 and e = c * d - 2^32, which is 1 to d. For n = q * d + r, r <
 * d, the product n * c is q * 2^32 + q * e + r * c. Here n < 2^16 and d <= 2^12, so q * e + r * c < 2^32. So
 * the upper half is q. The lower half is q * e at the start of a slot. If r > 0 it is at least c, which is
 * above all of those. It grows with q, so the bound is one more than its value for the last slot; the bound is
 * below 2^16. A last partial slot is beyond it. */
static inline bool mema_slotAt(const mema_Span *span, size_t quanta, size_t *slot) {
  uint64_t product = quanta * (uint64_t)span->reciprocal;
  *slot = product >> 32;
  return (uint32_t)product < span->remainders;
}

static inline uint32_t mema_reciprocalOf(uint32_t slotSize) {
  return (uint32_t)((UINT64_C(1) << 32) / (slotSize / 8)) + 1;
}

static inline uint16_t mema_remaindersOf(uint32_t slotSize, uint32_t slots) {
  uint32_t excess = mema_reciprocalOf(slotSize) * (slotSize / 8); /* minus 2^32 */
  return (uint16_t)((slots - 1) * excess + 1);
}

/* Takes the top slot from a magazine that is not empty, and marks it as taken. */
static inline const mema_FreeSlot *mema_takeRecent(mema_SlotClass *class) {
  mema_FreeSlot *slot = --class->top;
  *slot->word ^= slot->mask;
  return slot;
}

static inline bool mema_slotAtHand(const mema_SlotClass *class) {
  return *class->word != 0 || class->top != class->bottom;
}

/* Puts a freed slot into the magazine. False iff the magazine is full. Prefetches the slot's first cache line:
 * the class hands the slot out soon, and its memory is then written (random replacement in a heap larger than
 * the caches took a third less time). */
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

/* A slot's Block; NULL in a slab without records. */
static inline mema_Block *mema_slotRecord(const mema_Slab *slab, const mema_Span *span, size_t slot) {
  return slab->records != NULL ? slab->records + span->firstRecord + slot : NULL;
}

/* The number of the slot that starts at ptr, in a span of slots. */
static inline uint32_t mema_slotNumber(const mema_Slab *slab, const mema_Span *span, const char *ptr) {
  size_t slot;
  mema_slotAt(span, (size_t)(ptr - mema_unitAddress(slab, mema_unitOf(slab, span))) / 8, &slot);
  return (uint32_t)slot;
}

/* The slot that starts at ptr, live or not, if it starts in the first unit of a span; else NULL. */
static inline mema_Span *mema_anySlot(const mema_Slab *slab, const void *ptr, size_t *slot) {
  size_t quantum = mema_quantumOf(slab, ptr);
  if (mema_unlikely(quantum >= slab->quanta)) return NULL;
  mema_Span *span = &slab->spans[quantum >> slab->heap.unitQuantaLog];
  return mema_likely(mema_slotAt(span, quantum & slab->heap.unitMask, slot)) ? span : NULL;
}

/* The live slot that starts at ptr, if it starts in the first unit of a span; else NULL. */
static inline mema_Span *mema_liveSlot(const mema_Slab *slab, const void *ptr, size_t *slot) {
  mema_Span *span = mema_anySlot(slab, ptr, slot);
  return span != NULL && (span->bitmap[*slot / 64] >> *slot % 64 & 1) == 0 ? span : NULL;
}

/* Takes the first free slot of the word at hand and returns its bit. `free` (not 0) is the value of the word.
 * The slab remembers the slot, and the caller stores its address in slab->lastPtr. Freeing the youngest chunk
 * is common, and then needs no look-up, whose chain of dependent loads would begin with the address just
 * computed. */
static inline uint64_t mema_takeSlot(mema_Slab *slab, mema_SlotClass *class, uint64_t *word, uint64_t free) {
  uint64_t bit = mema_lowestBit(free);
  *word = free & (free - 1);
  slab->lastSlot = (uintptr_t) class + bit;
  return bit;
}

/* Makes mema_giveLast fail from now on: lastSlot names a slot that is always free. */
static inline void mema_forgetLast(mema_Slab *slab) {
  uintptr_t none = (uintptr_t)&slab->classes[slab->classCount];
  if (slab->lastSlot != none) slab->lastSlot = none; /* other threads read this cache line */
}

static inline mema_SlotClass *mema_lastClass(const mema_Slab *slab) {
  return (mema_SlotClass *)(slab->lastSlot & ~(uintptr_t)63);
}

/* Marks the slot handed out last as free, if it is at ptr and still live. No list changes, since its word is at
 * hand. False does not say that ptr is bad. */
static inline bool mema_giveLast(mema_Slab *slab, const void *ptr) {
  if (ptr != slab->lastPtr) return false;
  uint64_t *word = mema_lastClass(slab)->word, after;
  if (mema_setBit(*word, slab->lastSlot, &after)) return false;
  *word = after;
  return true;
}

/* Updates notes and lists after a slot was marked free in a slab without magazines; the slot's word was
 * `before` and is `after`. A word with its first free slot is noted. Whether the span is empty is asked only
 * when all slots of the word are free. */
static inline bool mema_noteGiven(mema_Slab *slab, mema_Span *span, size_t slot, uint64_t before, uint64_t after) {
  if (mema_unlikely(before == 0)) return mema_slabNote(slab, span, (uint32_t)(slot / 64));
  if (mema_unlikely(after == UINT64_MAX || after == span->lastMask)) return mema_slabEmptied(slab, span);
  return true;
}

/* Takes a slot from a class that has one at hand; stores its Block in *record unless record is NULL. */
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
