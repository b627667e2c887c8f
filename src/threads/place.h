/* place.h - which slot a pointer is the start of, and whose it becomes when it is freed.
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
#ifndef MEMA_THREADS_PLACE_H
#define MEMA_THREADS_PLACE_H

#include "share.h"

/* A place where a slot may start: its state is `live` iff it is a live chunk. */
typedef struct mema_Place {
  mema_State *state;
  uint16_t whose; /* both of these: */
  uint8_t live;   /* class + 1 */
  uint8_t tag;
} mema_Place;

enum { mema_unitEighths = mema_unitShiftMax - 3, mema_homeMask = (1 << mema_homeShift) - 1 };

/* The slot that starts `eighth` eighths into the area, in a unit that is a span by itself. False iff it is none, or no such unit. */
static MEMA_INLINE bool mema_findNear(const mema_Home *homes, mema_State *states, size_t eighth, mema_Place *place) {
  uint64_t home = atomic_load_explicit(&homes[eighth >> mema_unitEighths], memory_order_acquire);
  uint64_t reciprocal = mema_homeReciprocal(home), product = (eighth & ((1u << mema_unitEighths) - 1)) * reciprocal;
  place->whose = (uint16_t)home;
  place->live = mema_homeState(home);
  place->tag = mema_homeTag(home);
  place->state = states + mema_homeStates(home) + (product >> mema_homeShift);
  return mema_likely((product & mema_homeMask) < reciprocal);
}

/* The same for any unit in a span of slots. */
static inline bool mema_findAny(const mema_Home *homes, mema_State *states, size_t eighth, mema_Place *place) {
  if (mema_findNear(homes, states, eighth, place)) return true;
  size_t unit = eighth >> mema_unitEighths;
  uint64_t home = atomic_load_explicit(&homes[unit], memory_order_acquire);
  if (home == 0 || mema_homeReciprocal(home) != 0) return false;
  size_t slotEighths = mema_classSize(mema_homeState(home) - 1u) / 8;
  size_t first = unit - mema_homeBack(home), into = eighth - (first << mema_unitEighths);
  place->whose = (uint16_t)home;
  place->live = mema_homeState(home);
  place->tag = mema_homeTag(home);
  place->state = states + mema_homeStates(home) + into / slotEighths;
  return into % slotEighths == 0;
}

/* The slot that starts at ptr; false iff there is none. With the lock, */
static inline bool mema_findPlace(const mema_Slab *slab, const void *ptr, mema_Place *place) {
  size_t eighth = mema_eighthOf(slab, ptr);
  return eighth < slab->eighths && mema_findAny(slab->homes, slab->states, eighth, place);
}

/* or from within a shard: where its pool's area is, it knows. */
static MEMA_INLINE bool mema_eighthHere(const mema_Shard *shard, const void *ptr, size_t *eighth) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)shard->area;
  *eighth = offset >> 3 | offset << (sizeof offset * 8 - 3); /* see mema_eighthOf */
  return *eighth < shard->eighths;
}

static inline bool mema_findHere(const mema_Shard *shard, const void *ptr, mema_Place *place) {
  size_t eighth;
  return mema_eighthHere(shard, ptr, &eighth) && mema_findAny(shard->homes, shard->states, eighth, place);
}

static inline bool mema_isLive(mema_Place place) {
  return atomic_load_explicit(place.state, memory_order_acquire) == place.live;
}

/* For the thread whose shard has the tag, and has not lost the class: nobody else may try meanwhile. */
static MEMA_INLINE bool mema_claimOwn(mema_Place place) {
  if (mema_unlikely(MEMA_DIFFERS("b", place.state, place.live))) return false;
  atomic_store_explicit(place.state, 0, memory_order_relaxed);
  return true;
}

/* Of all that try it for one life of a chunk, one succeeds: its slot is then the caller's. */
static MEMA_INLINE bool mema_claim(mema_Place place) {
  uint8_t live = place.live;
  return atomic_compare_exchange_strong_explicit(place.state, &live, 0, memory_order_acq_rel, memory_order_relaxed);
}

/* Whether all threads compare and exchange there. */
static MEMA_INLINE bool mema_isRevoked(const _Atomic uint64_t *revoked, mema_Place place) {
  return (atomic_load_explicit(&revoked[place.tag], memory_order_acquire) >> (place.live - 1u) & 1) != 0;
}

/* From within a shard, with the lock or without: the slot, if it is live, is the caller's. False also where that is not for here to say. */
static inline bool mema_claimHere(const mema_Shard *shard, mema_Place place) {
  if (place.whose == shard->magazines[place.live].own) return mema_claimOwn(place);
  return mema_isRevoked(shard->revoked, place) && mema_claim(place);
}

/* No shard has the tag, or none that comes for slots: see mema_sendBack. */
static inline bool mema_isNobodys(const _Atomic uint64_t *revoked, uint8_t tag) {
  return (atomic_load_explicit(&revoked[tag], memory_order_relaxed) & mema_nobodys) != 0;
}

/* Where a slot goes that was freed by the shard's thread: in a span of another, it returns there. */
static inline mema_Shelf *mema_shelfFor(mema_Shard *shard, mema_Place place) {
  bool returns = place.tag != shard->tag && !mema_isNobodys(shard->revoked, place.tag);
  return returns ? &shard->returns[place.live] : &shard->magazines[place.live];
}

#endif
