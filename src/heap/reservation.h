/* reservation.h - the address space of a slab or an arena: how much, where it comes from, and how it is kept
 * warm.
 *
 * Small heaps (areas of 256 KiB to 16 MiB) are cells: many in one mapping. Larger heaps, and heaps of unusual
 * size, have a mapping of their own, except for the header, which is a small cell too. Header memory is never
 * unmapped, so a look at it tells a stale Pool from a live one.
 *
 *   cell      front: [header ...]      back: [records]            area: [chunks]
 *   mapping   front: [header]          mapping: [tables][records][guard][area][guard]
 *
 * A reservation is room: its parts are mapped as they are used (slab/source.h), and become memory when they are
 * touched. The guards are room that is never mapped.
 *
 * A closed heap is kept warm: its chunks are freed and its pages stay. The next heap of the same shape is then
 * made without a system call, and its memory is used without page faults. The bytes kept are bounded, for each
 * heap and for all together. A large heap waits for the next pool of its shape only until a large heap of
 * another shape is made. Then it is given back, so that a process does not hold the memory of both.
 */
#ifndef MEMA_HEAP_RESERVATION_H
#define MEMA_HEAP_RESERVATION_H

#include "slab/slab.h"
#include "slab/source.h"
#include "../memory/os.h"

/* The parts that an engine lays out in a reservation. */
typedef struct mema_Shape {
  uint8_t unitShift;
  uint8_t classCount;
  uint32_t units;
  uint32_t nearRecords;
  uint32_t mainRecords;
  uint8_t magazineSize;
  uint32_t rows;
  size_t depotOffset, pageMapOffset, linksOffset, statesOffset; /* in a slab for threads; else 0 */
  size_t sourceOffset;                                          /* of a cell's mema_Source, from the header; else 0 */
  /* Offsets: the first from the header, the others from the mapping if there is one. */
  size_t nearOffset, spansOffset, bitmapsOffset, magazinesOffset;
  size_t front, back; /* bytes of whole pages */
} mema_Shape;

/* How an engine lays itself out. Its kinds of cells have areas of 256 KiB and the next `sizes - 1` powers of
 * two. Kinds with records follow the kinds without. */
struct mema_Layout {
  const mema_HeapOps *ops;
  unsigned firstKind, sizes;
  mema_Shape (*shapeOf)(size_t area, uint8_t unitShift, bool records, bool compactRecords, bool cell);
  void (*layOut)(mema_Slab *slab, const mema_Shape *shape, char *tables, char *records, char *area, size_t areaSize);
  /* Sets the base and the size of each part of a slab with a source; the others are all 0. */
  void (*setParts)(const mema_Slab *slab, mema_Part part[mema_parts]);
  /* Makes ready what a slab with a source needs from the start; nothing in a cell (`plan` is NULL). False iff memory is
   * lacking. */
  bool (*begin)(mema_Slab *slab, const mema_SlabPlan *plan);
  /* Gives back all pages of a closed cell, or those of its front if the others are unmapped. The pages of the header
   * are last, since the header says how much there is. False iff the system refused. */
  bool (*purge)(mema_Slab *slab, bool frontOnly);
  /* Spreads tables over pages of their own, for memory that is made ready by parts, and adds the tables of a slab
   * for threads. NULL: the engine's tables are spread, and it serves no threads. */
  void (*extend)(mema_Shape *shape, const mema_SlabPlan *plan, size_t area);
  /* A live heap in a cell still counts its kept-warm memory, so a short life needs no atomic addition. */
  bool staysCounted;
};

enum {
  mema_cellAreaLog = 18, /* log2 of the area of the smallest cell: 256 KiB */
  mema_cellSizes = 7,    /* the sizes of cells: the largest area is 64 times the smallest */
};

MEMA_HIDDEN extern const mema_Layout mema_slabLayout, mema_arenaLayout;

/* ---- cache.c ----------------------------------------------------------------------------------------------------------- */

/* Opens a heap with no live chunk; NULL iff the system has no room. The caller sets the generation. */
MEMA_HIDDEN mema_Slab *mema_slabOpen(const mema_SlabPlan *plan);
/* Reserves `bytes` of the bound on warm memory for a heap that closes; false if they exceed it,
 * or in a program with the thread sanitizer: see cells.h. */
MEMA_HIDDEN bool mema_mayStayWarm(const mema_Slab *slab, size_t bytes);
/* Takes a heap's bytes off the sum of warm memory. */
MEMA_HIDDEN void mema_unwarm(mema_Slab *slab);
/* Keeps an empty heap warm, after mema_mayStayWarm reserved these bytes for it. */
MEMA_HIDDEN void mema_keepWarm(mema_Slab *slab, size_t bytes);
/* Gives a closed heap's memory back. */
MEMA_HIDDEN void mema_discard(mema_Slab *slab);
/* Gives back the memory of all warm heaps; returns its bytes. */
MEMA_HIDDEN size_t mema_trimWarm(void);

/* ---- inline ------------------------------------------------------------------------------------------------------------- */

static inline unsigned mema_logOf(size_t n) {
  return (unsigned)(sizeof(unsigned long long) * 8 - 1) - (unsigned)__builtin_clzll(n);
}

/* The unit size that cuts an area into about a thousand units, between 1 KiB and 64 KiB. Small pools then touch
 * little, and large ones have long spans. */
static inline uint8_t mema_unitShiftFor(size_t area) {
  unsigned log = mema_logOf(area);
  if (log < mema_unitShiftMin + 10) return mema_unitShiftMin;
  return log - 10 < mema_unitShiftMax ? (uint8_t)(log - 10) : mema_unitShiftMax;
}

static inline size_t mema_headerSize(uint8_t classCount) {
  return mema_roundUp(sizeof(mema_Slab) + (classCount + 1u) * sizeof(mema_SlotClass), 64);
}

/* The bytes of the header. In a cell, the tables begin in the header's page. */
static inline size_t mema_headerBytes(const mema_Slab *slab, size_t page) {
  return mema_likely(slab->cellKind >= 0) ? page : mema_sourceHeaderBytes();
}

/* The bytes that a huge page may hold beyond the used ones. */
static inline size_t mema_beyond(size_t settled, size_t used) {
  return settled > used ? settled - used : 0;
}

static inline bool mema_purgePages(void *base, size_t size) {
  return size == 0 || mema_osPurge(base, mema_roundUp(size, mema_osPageSize()));
}

#endif
