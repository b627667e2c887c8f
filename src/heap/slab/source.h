/* source.h - where the memory of a slab comes from that is mapped by itself: the system, or hooks of the user's.
 *
 * Memory of the system is there from the start, and pages come when they are touched: nothing has to be asked for. Memory from
 * hooks has to be committed before it is touched. It is parted as slabLife.c draws it; each part begins on a page of its own, and
 * is ready up to some byte, from its start:
 *
 *     for each part:  every byte that was ever touched lies below `ready`, and ready <= size
 *     slab->eighths   leads no look-up to a Span record that is not ready
 *
 * What asks: runs.c before its frontier rises, slab.c before it takes records or rows that were never used. A refusal there
 * is one of a run, or of records: nothing has changed then, and the pool above goes on as where a slab is full.
 */
#ifndef MEMA_HEAP_SLAB_SOURCE_H
#define MEMA_HEAP_SLAB_SOURCE_H

#include "slab.h"

enum {
  mema_partArea,
  mema_partSpans,
  mema_partBitmaps,
  mema_partRest, /* magazines; or depot and homes */
  mema_partLinks,
  mema_partStates,
  mema_partRecords,
  mema_parts
};

/* A range of the reservation. */
typedef struct mema_Part {
  char *base;
  size_t size;
  size_t ready;
} mema_Part;

/* Lies behind the header of a slab with memory from hooks. */
typedef struct mema_Source {
  mema_Memory memory;
  mema_Part parts[mema_parts];
  bool refused; /* the last question */
} mema_Source;

/* The plan of a slab outside says whose kind of memory it is to have: that kind, filled in. */
MEMA_HIDDEN void mema_sourceLike(mema_SlabPlan *plan);
/* Reserves `size` bytes, aligned. NULL iff there are none. */
MEMA_HIDDEN char *mema_sourceReserve(const mema_SlabPlan *plan, size_t size, size_t alignment);
/* Makes a slab that is laid out in a reservation ready for use, as planned: committed, populated, locked, huge pages asked for. False iff
 * there is not the memory; mema_sourceRelease then gives it all back, as it does later. `room` is where the mema_Source may lie. */
MEMA_HIDDEN bool mema_sourceFill(mema_Slab *slab, const mema_SlabPlan *plan, void *room);
MEMA_HIDDEN void mema_sourceRelease(mema_Slab *slab);
/* The header of a slab that is mapped by itself has so much. */
MEMA_HIDDEN size_t mema_sourceHeaderBytes(void);
/* Gives pages back; they stay ready. False iff that cannot be: they are as they were. */
MEMA_HIDDEN bool mema_sourcePurge(const mema_Slab *slab, void *base, size_t size);
/* Of a slab with huge pages from the start: bytes that they may hold beyond what was used. 0 of others. */
MEMA_HIDDEN size_t mema_sourceBeyond(const mema_Slab *slab);
/* Gives those beyond the frontier back; returns their bytes. */
MEMA_HIDDEN size_t mema_sourcePurgeBeyond(const mema_Slab *slab);
/* Bytes that the source has handed out and not taken back, at most, but for pages that clean units share. Of memory from hooks. */
MEMA_HIDDEN size_t mema_sourceBytes(const mema_Slab *slab);
/* NULL, or the equation above that does not hold. */
MEMA_HIDDEN const char *mema_sourceCheck(const mema_Slab *slab);

/* See below. */
MEMA_HIDDEN bool mema_sourceReachUnits(mema_Slab *slab, uint32_t units);
MEMA_HIDDEN bool mema_sourceReachRecords(mema_Slab *slab, uint32_t records);
MEMA_HIDDEN bool mema_sourceReachRows(mema_Slab *slab, uint32_t rows);

/* Makes the first `units` units ready, with all that is kept for them; records up to number `records`; the first `rows` rows. False iff the
 * memory was refused. */
static inline bool mema_readyUnits(mema_Slab *slab, uint32_t units) {
  return mema_likely(slab->source == NULL) || mema_sourceReachUnits(slab, units);
}
static inline bool mema_readyRecords(mema_Slab *slab, uint32_t records) {
  return mema_likely(slab->source == NULL) || mema_sourceReachRecords(slab, records);
}
static inline bool mema_readyRows(mema_Slab *slab, uint32_t rows) {
  return mema_likely(slab->source == NULL) || mema_sourceReachRows(slab, rows);
}

/* Whether memory that was never touched, or was purged, reads as zero. */
static inline bool mema_cleanReadsZero(const mema_Slab *slab) {
  return slab->source == NULL || slab->source->memory.zeroed;
}

/* Whether there was no room only because memory was refused: then the next request may have it. */
static inline bool mema_sourceRefused(const mema_Slab *slab) {
  return slab->source != NULL && slab->source->refused;
}

#endif
