/* slotRef.h - which slot a pointer is the start of, and whose it becomes when it is freed.
 *
 * A slot's state goes from live to 0 once for each life: whoever does that has freed the chunk. Two threads may try at once, so it takes an
 * atomic compare-and-exchange; which costs as much as all the rest of a free. Most chunks are freed by the thread that allocated
 * them. So each span has a tag, that of the shard for which it was made, and as long as only that shard's thread has
 * freed chunks of a class in spans of its tag, it does so by a plain load and store. The first other thread that wants to revokes
 * that: it takes the lock, waits until the owner is out of its shard (share.h), and sets the class's bit for the tag; from then on chunks of
 * that class in spans of that tag are freed by compare-and-exchange, by all threads (biased locks, of Kawachiya, Koseki and Onodera, OOPSLA 2002,
 * for states). The owner has its privileges back when it did without for thousands of frees; the next time they go all at once, and it waits for
 * twice as long (as in Russell and Detlefs, "Eliminating synchronization-related atomic operations with biased locking and bulk rebiasing",
 * OOPSLA 2006). So little is lost where others come again and again, and what a thread hands on to one that ends costs the next nothing for ever.
 *
 * A tag must not come to stand for a plain owner while another thread is still about to compare and exchange by what it read before. So
 * rows of states pass from span to span only when a period has ended in between (slab.h), and a tag passes on to another shard only while
 * all threads are kept out. */
#ifndef MEMA_THREADS_SLOT_REF_H
#define MEMA_THREADS_SLOT_REF_H

#include "share.h"

/* A place where a slot may start: its state is `live` iff it is a live chunk. */
typedef struct mema_SlotRef {
  mema_State *state;
  uint16_t whose; /* both of these: */
  uint8_t live;   /* class + 1 */
  uint8_t ownerId;
} mema_SlotRef;

enum { mema_unitQuantaLog = mema_unitShiftMax - 3, mema_entryMask = (1 << mema_entryShift) - 1 };

/* The slot that starts `eighth` eighths into the area, in a unit that is a span by itself. False iff it is none, or no such unit. */
static MEMA_INLINE bool mema_findNearSlot(const mema_MapEntry *pageMap, mema_State *states, size_t quantum,
                                          mema_SlotRef *place) {
  uint64_t entry = atomic_load_explicit(&pageMap[quantum >> mema_unitQuantaLog], memory_order_acquire);
  uint64_t reciprocal = mema_entryReciprocal(entry), product = (quantum & ((1u << mema_unitQuantaLog) - 1)) * reciprocal;
  place->whose = (uint16_t)entry;
  place->live = mema_entryState(entry);
  place->ownerId = mema_entryOwner(entry);
  place->state = states + mema_entryStates(entry) + (product >> mema_entryShift);
  return mema_likely((product & mema_entryMask) < reciprocal);
}

/* The same for any unit in a span of slots. */
static inline bool mema_findAny(const mema_MapEntry *pageMap, mema_State *states, size_t quantum, mema_SlotRef *place) {
  if (mema_findNearSlot(pageMap, states, quantum, place)) return true;
  size_t unit = quantum >> mema_unitQuantaLog;
  uint64_t entry = atomic_load_explicit(&pageMap[unit], memory_order_acquire);
  if (entry == 0 || mema_entryReciprocal(entry) != 0) return false;
  size_t slotQuanta = mema_classSize(mema_entryState(entry) - 1u) / 8;
  size_t first = unit - mema_entryBack(entry), into = quantum - (first << mema_unitQuantaLog);
  place->whose = (uint16_t)entry;
  place->live = mema_entryState(entry);
  place->ownerId = mema_entryOwner(entry);
  place->state = states + mema_entryStates(entry) + into / slotQuanta;
  return into % slotQuanta == 0;
}

/* The slot that starts at ptr; false iff there is none. With the lock, */
static inline bool mema_findSlot(const mema_Slab *slab, const void *ptr, mema_SlotRef *place) {
  size_t quantum = mema_quantumOf(slab, ptr);
  return quantum < slab->quanta && mema_findAny(slab->pageMap, slab->states, quantum, place);
}

/* or from within a shard: where its pool's area is, it knows. */
static MEMA_INLINE bool mema_quantumHere(const mema_ThreadCache *cache, const void *ptr, size_t *quantum) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)cache->area;
  *quantum = offset >> 3 | offset << (sizeof offset * 8 - 3); /* see mema_quantumOf */
  return *quantum < cache->quanta;
}

static inline bool mema_findHere(const mema_ThreadCache *cache, const void *ptr, mema_SlotRef *place) {
  size_t quantum;
  return mema_quantumHere(cache, ptr, &quantum) && mema_findAny(cache->pageMap, cache->states, quantum, place);
}

static inline bool mema_isLive(mema_SlotRef place) {
  return atomic_load_explicit(place.state, memory_order_acquire) == place.live;
}

/* For the thread whose shard has the tag, and has not lost the class: nobody else may try meanwhile. */
static MEMA_INLINE bool mema_claimOwn(mema_SlotRef place) {
  if (mema_unlikely(MEMA_DIFFERS("b", place.state, place.live))) return false;
  atomic_store_explicit(place.state, 0, memory_order_relaxed);
  return true;
}

/* Of all that try it for one life of a chunk, one succeeds: its slot is then the caller's. */
static MEMA_INLINE bool mema_claim(mema_SlotRef place) {
  uint8_t live = place.live;
  return atomic_compare_exchange_strong_explicit(place.state, &live, 0, memory_order_acq_rel, memory_order_relaxed);
}

/* Whether all threads compare and exchange there. */
static MEMA_INLINE bool mema_isRevoked(const _Atomic uint64_t *revoked, mema_SlotRef place) {
  return (atomic_load_explicit(&revoked[place.ownerId], memory_order_acquire) >> (place.live - 1u) & 1) != 0;
}

/* From within a shard, with the lock or without: the slot, if it is live, is the caller's. False also where that is not for here to say. */
static inline bool mema_claimHere(const mema_ThreadCache *cache, mema_SlotRef place) {
  if (place.whose == cache->magazines[place.live].own) return mema_claimOwn(place);
  return mema_isRevoked(cache->revoked, place) && mema_claim(place);
}

/* No shard has the tag, or none that comes for slots: see mema_sendBack. */
static inline bool mema_isNobodys(const _Atomic uint64_t *revoked, uint8_t ownerId) {
  return (atomic_load_explicit(&revoked[ownerId], memory_order_relaxed) & mema_nobodys) != 0;
}

/* Where a slot goes that was freed by the shard's thread: in a span of another, it returns there. */
static inline mema_Magazine *mema_magazineFor(mema_ThreadCache *cache, mema_SlotRef place) {
  bool returns = place.ownerId != cache->ownerId && !mema_isNobodys(cache->revoked, place.ownerId);
  return returns ? &cache->returns[place.live] : &cache->magazines[place.live];
}

#endif
