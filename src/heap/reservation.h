/* reservation.h - the address space of a slab or an arena: how much, where it comes from, and how it is kept warm.
 *
 * Small heaps (areas of 256 KiB to 16 MiB) are cells: many in one mapping. Larger ones, and those of unusual size, are mapped by
 * themselves, but for the header, which is a small cell too: header memory is never unmapped, so that a stale Pool can be told
 * from a live one by looking at it.
 *
 *   cell      front: [header ...]      back: [records]            area: [chunks]
 *   mapping   front: [header]          mapping: [tables][records][guard][area][guard]
 *
 * Everything here is address space until it is touched.
 *
 * A closed heap is kept warm: its chunks are freed and its pages stay, so that the next heap of the same shape is made without a system
 * call, and its memory without page faults. How much may stay is bounded, for each heap and for all. A large one waits for the
 * next pool of its shape only until a large one of another shape is made: then it goes, so that a process does not hold the
 * memory of both.
 */
#ifndef MEMA_HEAP_RESERVATION_H
#define MEMA_HEAP_RESERVATION_H

#include "slab/slab.h"
#include "slab/source.h"
#include "../memory/os.h"

/* What an engine lays out in a reservation. */
typedef struct mema_Shape {
  uint8_t unitShift;
  uint8_t classCount;
  uint32_t units;
  uint32_t nearRecords;
  uint32_t mainRecords;
  uint8_t magazineSize;
  uint32_t rows;
  size_t depotOffset, pageMapOffset, linksOffset, statesOffset; /* of a slab for threads; else 0 */
  /* From the header; but for the first, from the mapping if separate. */
  size_t nearOffset, spansOffset, bitmapsOffset, magazinesOffset;
  size_t front, back; /* bytes, whole pages */
} mema_Shape;

/* How an engine lays itself out. Cells of its kinds have areas of 256 KiB and the next `sizes - 1` powers of two; kinds with
 * records follow those without. */
struct mema_Layout {
  const mema_HeapOps *ops;
  unsigned firstKind, sizes;
  mema_Shape (*shapeOf)(size_t area, uint8_t unitShift, bool records, bool compactRecords, bool cell);
  void (*layOut)(mema_Slab *slab, const mema_Shape *shape, char *tables, char *records, char *area, size_t areaSize);
  /* Gives all pages of a closed cell back, those of the header last, since it says how much there is. False iff the system refused. */
  bool (*purge)(mema_Slab *slab);
  /* Spreads tables over pages of their own, for memory that has to be committed, and adds those of a slab for threads. NULL: neither is
   * asked of this engine. */
  void (*extend)(mema_Shape *shape, const mema_SlabPlan *plan, size_t area);
  /* A live heap in a cell still counts its kept-warm memory, so a short life needs no atomic addition. */
  bool staysCounted;
};

enum {
  mema_cellAreaLog = 18, /* the smallest cell's area is 256 KiB, */
  mema_cellSizes = 7,    /* the largest one's 64 times that */
};

MEMA_HIDDEN extern const mema_Layout mema_slabLayout, mema_arenaLayout;

/* ---- cache.c ----------------------------------------------------------------------------------------------------------- */

/* A heap with no live chunk; NULL iff the system has no room. The caller sets the generation. */
MEMA_HIDDEN mema_Slab *mema_slabOpen(const mema_SlabPlan *plan);
/* Reserves room among the warm for `bytes` of a heap that closes. */
MEMA_HIDDEN bool mema_mayStayWarm(const mema_Slab *slab, size_t bytes);
/* The heap is warm no longer. */
MEMA_HIDDEN void mema_unwarm(mema_Slab *slab);
/* Keeps a heap warm that is empty, for which mema_mayStayWarm reserved so much. */
MEMA_HIDDEN void mema_keepWarm(mema_Slab *slab, size_t bytes);
/* Gives a closed heap's memory back. */
MEMA_HIDDEN void mema_discard(mema_Slab *slab);
/* Gives the memory of all warm heaps back; returns its bytes. */
MEMA_HIDDEN size_t mema_trimWarm(void);

/* ---- inline ------------------------------------------------------------------------------------------------------------- */

static inline unsigned mema_logOf(size_t n) {
  return (unsigned)(sizeof(unsigned long long) * 8 - 1) - (unsigned)__builtin_clzll(n);
}

/* About a thousand units to a slab, of 1 KiB to 64 KiB: small pools touch little, large ones have long spans. */
static inline uint8_t mema_unitShiftFor(size_t area) {
  unsigned log = mema_logOf(area);
  if (log < mema_unitShiftMin + 10) return mema_unitShiftMin;
  return log - 10 < mema_unitShiftMax ? (uint8_t)(log - 10) : mema_unitShiftMax;
}

static inline size_t mema_headerSize(uint8_t classCount) {
  return mema_roundUp(sizeof(mema_Slab) + (classCount + 1u) * sizeof(mema_SlotClass), 64);
}

/* Of a cell the tables begin in the header's page. */
static inline size_t mema_headerBytes(const mema_Slab *slab, size_t page) {
  return mema_likely(slab->cellKind >= 0) ? page : mema_sourceHeaderBytes();
}

/* Bytes that a huge page may hold beyond the used ones. */
static inline size_t mema_beyond(size_t settled, size_t used) {
  return settled > used ? settled - used : 0;
}

static inline bool mema_purgePages(void *base, size_t size) {
  return size == 0 || mema_osPurge(base, mema_roundUp(size, mema_osPageSize()));
}

#endif
