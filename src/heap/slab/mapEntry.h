/* mapEntry.h - an entry of the page map of a slab for threads: what a look-up without a lock reads of a unit, in one word. */
#ifndef MEMA_HEAP_SLAB_MAP_ENTRY_H
#define MEMA_HEAP_SLAB_MAP_ENTRY_H

#include <stdatomic.h>

#include "../../base/base.h"

/* The page map entry of a unit: one word with all that a look-up without a lock reads; 0 where there are no
 * slots.
 *     bits 8..15 the span's owner id (threads/slotRef.h)    16..36 the span's first row
 *          37..39 the unit's number in its span
 *   a near unit, which is a span by itself:    0..7 class + 1    40..63 ceil(2^24 / (slotSize / 8))
 *   a far unit, in a span of several:          0..7 0            40..47 class + 1    48..63 0
 * The whole word of a near unit is a reciprocal: it exceeds 2^64 / (slotSize / 8) by less than its lower 41 bits. So one
 * multiplication with the quanta from the start of the unit yields the slot, in the upper word of the product,
 * and the remainder, in the lower word: a slot starts there iff that is less than the entry. In a unit without slots it
 * never is; in a far unit, at the unit's start only.
 * A look-up may read an entry that is out of date, and then read the states of a span that has ended. Those states are
 * all 0. Rows pass to another span only when no look-up of the former span can still be running (see
 * mema_SharedTables.period).
 */
typedef _Atomic uint64_t mema_MapEntry;

enum {
  mema_entryRowBits = 21,
  mema_entryShift = 40, /* of the reciprocal, and of a far unit's state */
};

static inline uint8_t mema_entryState(uint64_t entry) {
  return (uint8_t)entry;
}
static inline uint8_t mema_entryOwner(uint64_t entry) {
  return (uint8_t)(entry >> 8);
}
/* The index of the span's first state in slab->states. */
static inline size_t mema_entryStates(uint64_t entry) {
  return (size_t)(entry >> 16 << 6) & ((UINT64_C(1) << (mema_entryRowBits + 6)) - 1);
}
static inline uint32_t mema_entryBack(uint64_t entry) {
  return (uint32_t)(entry >> 37) & 7;
}
static inline bool mema_isNearEntry(uint64_t entry) {
  return entry >> (mema_entryShift + 8) != 0;
}
static inline uint8_t mema_farState(uint64_t entry) {
  return (uint8_t)(entry >> mema_entryShift);
}
/* The entry of a near unit, without the bits that both kinds have. */
static inline uint64_t mema_nearEntry(unsigned class, uint32_t slotSize) {
  uint32_t quanta = slotSize / 8;
  return (uint64_t)(((UINT32_C(1) << 24) + quanta - 1) / quanta) << mema_entryShift | (class + 1u);
}
static inline uint64_t mema_farEntry(unsigned class, uint32_t number) {
  return (uint64_t)(class + 1u) << mema_entryShift | (uint64_t)number << 37;
}

/* Multiplies a near unit's entry with a number of quanta, fewer than 8192: the slot, and what the remainder is told by. */
static MEMA_INLINE size_t mema_entrySlot(uint64_t entry, size_t quantum, uint64_t *remainder) {
#if defined(__SIZEOF_INT128__)
  unsigned __int128 product = (unsigned __int128)entry * quantum;
  *remainder = (uint64_t)product;
  return (size_t)(product >> 64);
#else
  uint64_t low = (entry & UINT32_MAX) * quantum, high = (entry >> 32) * quantum + (low >> 32);
  *remainder = high << 32 | (low & UINT32_MAX);
  return (size_t)(high >> 32);
#endif
}

#endif
