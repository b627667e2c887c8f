/* source.h - the source of a mapped slab's memory: the system, or hooks of the user.
 *
 * Memory from the system is usable from the start, and pages come when they are touched: nothing has to be asked
 * for. Memory from hooks must be committed before it is touched. It is divided into parts, laid out by layout.c.
 * Each part begins on a page of its own, and is ready from its start up to some byte:
 *
 *     for each part:  every byte that was ever touched lies below `ready`, and ready <= size
 *     slab->quanta    leads no look-up to a Span record that is not ready
 *
 * Two callers ask for memory: runs.c before its frontier rises, and slab.c before it takes records or rows that
 * were never used. A refusal there means that there is no run, or no records. Nothing has changed then, and the
 * pool goes on as with a full slab.
 */
#ifndef MEMA_HEAP_SLAB_SOURCE_H
#define MEMA_HEAP_SLAB_SOURCE_H

#include "slab.h"

enum {
  mema_partArea,
  mema_partSpans,
  mema_partBitmaps,
  mema_partRest, /* magazines; or depot and page map */
  mema_partLinks,
  mema_partStates,
  mema_partRecords,
  mema_parts
};

/* A range of the reservation, and how much of it is ready. */
typedef struct mema_Part {
  char *base;
  size_t size;
  size_t ready;
} mema_Part;

/* The hooks and parts of a slab with memory from hooks. It lies behind the slab's header. */
typedef struct mema_Source {
  mema_Memory memory;
  mema_Part parts[mema_parts];
  bool refused; /* the last commit was refused */
} mema_Source;

/* Completes the plan of a slab outside: gives it the kind of memory of plan->like. */
MEMA_HIDDEN void mema_sourceLike(mema_SlabPlan *plan);
/* Reserves `size` bytes, aligned. NULL iff the source has none. */
MEMA_HIDDEN char *mema_sourceReserve(const mema_SlabPlan *plan, size_t size, size_t alignment);
/* Makes a slab that was laid out in a reservation ready for use, as planned: committed, populated, locked, with
 * huge pages asked for. False iff memory is lacking. mema_sourceRelease gives all of it back, after a failure
 * too. `room` is the place for the mema_Source. */
MEMA_HIDDEN bool mema_sourceFill(mema_Slab *slab, const mema_SlabPlan *plan, void *room);
MEMA_HIDDEN void mema_sourceRelease(mema_Slab *slab);
/* The bytes of the header of a slab with a mapping of its own. */
MEMA_HIDDEN size_t mema_sourceHeaderBytes(void);
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
/* Returns NULL, or the invariant above that does not hold. */
MEMA_HIDDEN const char *mema_sourceCheck(const mema_Slab *slab);

/* Called by the inline functions below, for memory from hooks. */
MEMA_HIDDEN bool mema_sourceReachUnits(mema_Slab *slab, uint32_t units);
MEMA_HIDDEN bool mema_sourceReachRecords(mema_Slab *slab, uint32_t records);
MEMA_HIDDEN bool mema_sourceReachRows(mema_Slab *slab, uint32_t rows);

/* These make ready: the first `units` units with all their tables; the records below number `records`; the
 * first `rows` rows. False iff the memory was refused. */
static inline bool mema_readyUnits(mema_Slab *slab, uint32_t units) {
  return mema_likely(slab->source == NULL) || mema_sourceReachUnits(slab, units);
}
static inline bool mema_readyRecords(mema_Slab *slab, uint32_t records) {
  return mema_likely(slab->source == NULL) || mema_sourceReachRecords(slab, records);
}
static inline bool mema_readyRows(mema_Slab *slab, uint32_t rows) {
  return mema_likely(slab->source == NULL) || mema_sourceReachRows(slab, rows);
}

/* True if memory reads as zero after it was purged, or before it is first touched. */
static inline bool mema_cleanReadsZero(const mema_Slab *slab) {
  return slab->source == NULL || slab->source->memory.zeroed;
}

/* True if there was no room only because memory was refused. The next request may then succeed. */
static inline bool mema_sourceRefused(const mema_Slab *slab) {
  return slab->source != NULL && slab->source->refused;
}

#endif
