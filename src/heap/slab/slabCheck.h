/* slabCheck.h - a slab's invariants, and a walk over what lies in it, for the reports. */
#ifndef MEMA_HEAP_SLAB_SLAB_CHECK_H
#define MEMA_HEAP_SLAB_SLAB_CHECK_H

#include "slab.h"

/* NULL, or the invariant that does not hold. Adds the live chunks and what is charged for them to *chunks and *room.
 * (An arena with records adds their room.) Linear in units and slots. */
MEMA_HIDDEN const char *mema_slabCheck(const mema_Heap *heap, size_t *chunks, size_t *room);

/* One thing after another, in the order of addresses: a slot span, a large chunk or a free run. */
typedef struct mema_SlabView {
  const mema_Span *span; /* of kind mema_unitSlots, mema_unitLarge or mema_unitFree */
  uint32_t unit;
  uint32_t units;
} mema_SlabView;

/* What begins at `unit`; false at the frontier. */
MEMA_HIDDEN bool mema_slabNext(const mema_Slab *slab, uint32_t unit, mema_SlabView *view);

#endif
