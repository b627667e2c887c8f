/* slabCheck.h - the check of a slab's invariants, and a walk over a slab for the reports. */
#ifndef MEMA_HEAP_SLAB_SLAB_CHECK_H
#define MEMA_HEAP_SLAB_SLAB_CHECK_H

#include "slab.h"

/* Returns NULL, or the invariant that does not hold. Adds the live chunks to *chunks, and the bytes charged for
 * them to *room. (With records these are the bytes in the Blocks. The check of an arena with records adds the
 * room of its chunks.) Linear in units and slots. */
MEMA_HIDDEN const char *mema_slabCheck(const mema_Heap *heap, size_t *chunks, size_t *room);

/* Checks, like the above, all that holds while threads have cached slots. */
MEMA_HIDDEN const char *mema_slabCheckCached(const mema_Heap *heap, size_t *chunks, size_t *room);

/* A slot span, a large chunk or a free run, for a walk in the order of addresses. */
typedef struct mema_SlabView {
  const mema_Span *span; /* of kind mema_unitSlots, mema_unitLarge or mema_unitFree */
  uint32_t unit;
  uint32_t units;
} mema_SlabView;

/* Describes the span or run that begins at `unit`; false at the frontier. */
MEMA_HIDDEN bool mema_slabNext(const mema_Slab *slab, uint32_t unit, mema_SlabView *view);

#endif
