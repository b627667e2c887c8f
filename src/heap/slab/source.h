/* source.h - the source of a slab's memory: the system, or hooks of the user.
 *
 * Memory is asked for before it is touched: mapped in room of address space that holds nothing (os.h), or committed
 * by hooks. So a slab costs what it uses, in a core dump, for mlockall, and against the limits of the process, and
 * not what it may use at most. The slab's memory is divided into parts, laid out by layout.c. Each part begins on a
 * page of its own, and is ready from its start up to some byte:
 *
 *     for each part:  every byte that was ever touched lies below `ready`, and ready <= size
 *     slab->quanta    leads no look-up to a Span record, or an entry of the page map, that is not ready
 *
 * The callers ask before the frontier rises (runs.c), before records or rows are taken that were never used (slab.c),
 * before the bump of an arena rises (arena.c), and before a huge page is asked for (hugePages.c). They get more than
 * they need, an eighth of what is ready, so calls to the system are few. A refusal means that there is no run, or no
 * records. Nothing has changed then, and the pool goes on as with a full slab. A slab in a cell has two parts, since
 * all else is mapped with its header. Slabs without a source are mapped in full: committed ones, and cells of
 * processes that have many.
 */
#ifndef MEMA_HEAP_SLAB_SOURCE_H
#define MEMA_HEAP_SLAB_SOURCE_H

#include "slab.h"

enum {
  mema_partArea,
  mema_partRecords,
  mema_cellParts,
  mema_partSpans = mema_cellParts,
  mema_partBitmaps,
  mema_partRest, /* magazines; or the depot */
  mema_partPageMap,
  mema_partLinks,
  mema_partStates,
  mema_parts,
  mema_partWords = mema_partSpans, /* of an arena */
};

/* A range of the reservation, and how much of it is ready. */
typedef struct mema_Part {
  char *base;
  size_t size; /* less where another mapping of the process lies in the way */
  size_t ready;
} mema_Part;

/* The ready parts of a slab. The record lies behind the slab's header, with the hooks behind it if there are any. */
typedef struct mema_Source {
  const mema_Memory *memory; /* NULL: the system */
  bool refused;              /* the last request was refused for lack of memory */
  bool avoidsHuge;           /* asks for no huge pages */
  bool prefersHuge;          /* asks for huge pages in its area, */
  bool hugeTables;           /* and in its tables */
  uint8_t parts;             /* parts from this number on are always ready */
  mema_Part part[];
} mema_Source;

/* Completes the plan of a slab outside: gives it the kind of memory of plan->like. */
MEMA_HIDDEN void mema_sourceLike(mema_SlabPlan *plan);
/* Reserves `size` bytes, aligned. *mapped: they are mapped in full; else only mema_sourceFill makes them usable. NULL
 * iff the source has none. */
MEMA_HIDDEN char *mema_sourceReserve(const mema_SlabPlan *plan, size_t size, size_t alignment, bool *mapped);
/* Makes a slab that was laid out in a reservation ready for use, as planned: committed, populated, locked, with
 * huge pages asked for. False iff memory is lacking. mema_sourceRelease gives all of it back, after a failure
 * too. `place` is the place for the mema_Source. */
MEMA_HIDDEN bool mema_sourceFill(mema_Slab *slab, const mema_SlabPlan *plan, bool mapped, void *place);
/* As mema_sourceFill, for a slab in a cell whose parts are not mapped. */
MEMA_HIDDEN void mema_sourceFillCell(mema_Slab *slab, const struct mema_Layout *layout, void *place);
/* Gives back the reservation of a slab with a mapping of its own, or unmaps the parts of a cell. False iff the system
 * refuses to unmap: the pages are given back. */
MEMA_HIDDEN bool mema_sourceRelease(mema_Slab *slab);
/* The bytes of the header of a slab with a mapping of its own. */
MEMA_HIDDEN size_t mema_sourceHeaderBytes(void);
/* The bytes of the mema_Source of a slab in a cell. */
enum { mema_sourceCellBytes = sizeof(mema_Source) + mema_cellParts * sizeof(mema_Part) };
/* As mema_osRenew, of units. */
MEMA_HIDDEN bool mema_sourceRenew(const mema_Slab *slab, void *base, size_t size);
/* Gives pages back; they stay ready. False iff the source refuses: the pages are unchanged. */
MEMA_HIDDEN bool mema_sourcePurge(const mema_Slab *slab, void *base, size_t size);
/* In a slab with huge pages from the start, the bytes that these may hold beyond the used ones; 0 in other
 * slabs. */
MEMA_HIDDEN size_t mema_sourceBeyond(const mema_Slab *slab);
/* Gives back the bytes of huge pages beyond the frontier; returns those that were resident. */
MEMA_HIDDEN size_t mema_sourcePurgeBeyond(const mema_Slab *slab);
/* For a slab with memory from hooks: an upper bound of the bytes that the source has handed out and not taken
 * back, without the pages that clean units share. */
MEMA_HIDDEN size_t mema_sourceBytes(const mema_Slab *slab);
/* Returns NULL, or the invariant above that does not hold; `touched` are the bytes of each part that were ever
 * touched. */
MEMA_HIDDEN const char *mema_sourceCheck(const mema_Slab *slab, const size_t touched[mema_parts]);
/* The bytes of the records part up to record number `records`. The first record may begin behind the part's start. */
MEMA_HIDDEN size_t mema_sourceRecordBytes(const mema_Slab *slab, uint32_t records);

/* Called by the inline functions below, for a slab with a source. */
MEMA_HIDDEN bool mema_sourceReachUnits(mema_Slab *slab, uint32_t units);
MEMA_HIDDEN bool mema_sourceReachRecords(mema_Slab *slab, uint32_t records);
MEMA_HIDDEN bool mema_sourceReachRows(mema_Slab *slab, uint32_t rows);
MEMA_HIDDEN bool mema_sourceReachBytes(mema_Slab *slab, unsigned part, size_t bytes);
/* Sets the quanta of a slab, below which a look-up may read the Span record of any address, and the page map entry, to
 * the units whose Span records and entries are ready. */
MEMA_HIDDEN void mema_sourceOpenLookUps(mema_Slab *slab);
/* Makes a part ready in full. */
MEMA_HIDDEN bool mema_sourceReachWhole(mema_Slab *slab, unsigned part);

/* These make ready: the first `units` units with all their tables; the records below number `records`; the
 * first `rows` rows; the first bytes of a part. False iff the memory was refused. */
static inline bool mema_readyUnits(mema_Slab *slab, uint32_t units) {
  return slab->source == NULL || mema_sourceReachUnits(slab, units);
}
static inline bool mema_readyRecords(mema_Slab *slab, uint32_t records) {
  return slab->source == NULL || mema_sourceReachRecords(slab, records);
}
static inline bool mema_readyRows(mema_Slab *slab, uint32_t rows) {
  return slab->source == NULL || mema_sourceReachRows(slab, rows);
}
static inline bool mema_readyBytes(mema_Slab *slab, unsigned part, size_t bytes) {
  return slab->source == NULL || mema_sourceReachBytes(slab, part, bytes);
}

/* The bytes of a part that are ready; all of a slab without a source are. */
static inline size_t mema_bytesReady(const mema_Slab *slab, unsigned part) {
  return slab->source == NULL || part >= slab->source->parts ? SIZE_MAX : slab->source->part[part].ready;
}

static inline bool mema_isHooked(const mema_Slab *slab) {
  return slab->source != NULL && slab->source->memory != NULL;
}

/* True if memory reads as zero after it was purged, or before it is first touched. */
static inline bool mema_cleanReadsZero(const mema_Slab *slab) {
  return !mema_isHooked(slab) || slab->source->memory->zeroed;
}

/* True if there was no room only because memory was refused. The next request may then succeed. */
static inline bool mema_sourceRefused(const mema_Slab *slab) {
  return slab->source != NULL && slab->source->refused;
}

#endif
