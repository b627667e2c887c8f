/* slotRef.h - slot references: the slot that starts at a pointer, its owner id, and how a free claims it.
 *
 * Claims. A slot's state goes from live to 0 once in each life of the slot: the thread that stores the 0 has freed the
 * chunk. Two threads may try at once, so in general a claim is an atomic compare-and-exchange. This costs as much as
 * the rest of a free.
 *
 * Privileges. Most chunks are freed by the thread that allocated them. So each span has an owner id, the one of the
 * thread cache that it was made for. As long as only the owner has freed chunks of a class in spans of its owner id, it
 * claims them by a plain load and store.
 *
 * Revocation. The first other thread that frees such a chunk revokes the privilege. It takes the lock, waits until the
 * owner is out of its cache (share.h), and sets the bit of the class for the owner id. From then on all threads claim
 * chunks of that class in spans of that owner id by compare-and-exchange. These are biased locks (Kawachiya, Koseki and
 * Onodera, OOPSLA 2002), applied to states.
 *
 * Regaining. The owner regains its privileges after thousands of frees without them. The next revocation of a class that
 * it lost before takes all of those classes at once, and the owner waits twice as long (as in Russell and Detlefs,
 * "Eliminating synchronization-related atomic operations with biased locking and bulk rebiasing", OOPSLA 2006). So
 * little is lost if other threads come again and again. If a thread hands chunks to one that then ends, its next frees
 * do not stay atomic for ever.
 *
 * Reuse of owner ids. An owner id must not give a plain claim to a new owner while another thread still acts on an
 * earlier reading, by compare-and-exchange. So rows of states pass from span to span only after the end of a period
 * (slab.h), and an owner id passes to another cache only while all threads are quiesced. */
#ifndef MEMA_THREADS_SLOT_REF_H
#define MEMA_THREADS_SLOT_REF_H

#include "share.h"

/* A possible start of a slot. Its chunk is live iff the state equals `live`. */
typedef struct mema_SlotRef {
  mema_State *state;
  uint16_t entryBits; /* the two fields below, in one word */
  uint8_t live;       /* the state of a live slot: class + 1 */
  uint8_t ownerId;
} mema_SlotRef;

enum { mema_unitQuantaLog = mema_unitShiftMax - 3 };

/* Returns a state by its number. `states` is a word in memory: compilers would load it into a register of its own. */
static MEMA_INLINE mema_State *mema_stateAt(mema_State *const *states, size_t number) {
#if MEMA_X86_64
  __asm__("addq %1, %0" : "+r"(number) : "m"(*states) : "cc");
  return (mema_State *)number;
#else
  return *states + number;
#endif
}

/* Finds the slot that starts `quantum` quanta into the area, by the entry of its unit. False iff no slot starts there, or
 * the unit is not near. At the start of a far unit it is true, with slot->live 0. */
static MEMA_INLINE bool mema_findBy(uint64_t entry, mema_State *const *states, size_t quantum, mema_SlotRef *slot) {
  uint64_t remainder;
  size_t index = mema_entrySlot(entry, quantum & ((1u << mema_unitQuantaLog) - 1), &remainder);
  if (mema_unlikely(remainder >= entry)) return false;
  slot->entryBits = (uint16_t)entry;
  slot->live = mema_entryState(entry);
  slot->ownerId = mema_entryOwner(entry);
  slot->state = mema_stateAt(states, index + mema_entryStates(entry));
  return true;
}

static MEMA_INLINE uint64_t mema_entryFor(const mema_MapEntry *pageMap, size_t quantum) {
  return atomic_load_explicit(&pageMap[quantum >> mema_unitQuantaLog], memory_order_acquire);
}

static MEMA_INLINE bool mema_findNearSlot(const mema_MapEntry *pageMap, mema_State *const *states, size_t quantum,
                                          mema_SlotRef *slot) {
  return mema_findBy(mema_entryFor(pageMap, quantum), states, quantum, slot);
}

/* As mema_findNearSlot, for any unit of a span of slots. */
static inline bool mema_findAny(const mema_MapEntry *pageMap, mema_State *const *states, size_t quantum,
                                mema_SlotRef *slot) {
  uint64_t entry = mema_entryFor(pageMap, quantum);
  if (mema_isNearEntry(entry)) return mema_findBy(entry, states, quantum, slot);
  if (entry == 0) return false;
  slot->live = mema_farState(entry);
  slot->ownerId = mema_entryOwner(entry);
  slot->entryBits = (uint16_t)(slot->ownerId << 8 | slot->live);
  size_t slotQuanta = mema_classSize(slot->live - 1u) / 8;
  size_t first = (quantum >> mema_unitQuantaLog) - mema_entryBack(entry), into = quantum - (first << mema_unitQuantaLog);
  slot->state = *states + mema_entryStates(entry) + into / slotQuanta;
  return into % slotQuanta == 0;
}

/* Finds the slot that starts at ptr, with the lock held. False iff none does. */
static inline bool mema_findSlot(const mema_Slab *slab, const void *ptr, mema_SlotRef *slot) {
  size_t quantum = mema_quantumOf(slab, ptr);
  return quantum < slab->quanta && mema_findAny(slab->shared.pageMap, &slab->shared.states, quantum, slot);
}

/* Returns the quanta from the area's start to ptr, from inside a thread cache, which has its own copy of the
 * bounds. False iff ptr is misaligned or outside. */
static MEMA_INLINE bool mema_quantumHere(const mema_ThreadCache *cache, const void *ptr, size_t *quantum) {
  uintptr_t offset = (uintptr_t)ptr - (uintptr_t)cache->area;
  *quantum = offset >> 3 | offset << (sizeof offset * 8 - 3); /* see mema_quantumOf */
  return *quantum < cache->quanta;
}

static inline bool mema_findHere(const mema_ThreadCache *cache, const void *ptr, mema_SlotRef *slot) {
  size_t quantum;
  return mema_quantumHere(cache, ptr, &quantum) && mema_findAny(cache->pageMap, &cache->states, quantum, slot);
}

static inline bool mema_isLive(mema_SlotRef slot) {
  return atomic_load_explicit(slot.state, memory_order_acquire) == slot.live;
}

/* Claims a slot by a plain load and store. Only for the owner of the span, with the privilege of the class:
 * no other thread may try meanwhile. */
static MEMA_INLINE bool mema_claimOwn(mema_SlotRef slot) {
  if (mema_unlikely(MEMA_DIFFERS("b", slot.state, slot.live))) return false;
  atomic_store_explicit(slot.state, 0, memory_order_relaxed);
  return true;
}

/* Claims a slot by compare-and-exchange. Of all threads that try in one life of the chunk one succeeds, and
 * owns the slot. */
static MEMA_INLINE bool mema_claim(mema_SlotRef slot) {
  uint8_t live = slot.live;
  return atomic_compare_exchange_strong_explicit(slot.state, &live, 0, memory_order_acq_rel, memory_order_relaxed);
}

/* True if the privilege of the class is revoked: all threads claim the slot by compare-and-exchange. */
static MEMA_INLINE bool mema_isRevoked(const _Atomic uint64_t *revoked, mema_SlotRef slot) {
  return (atomic_load_explicit(&revoked[slot.ownerId], memory_order_acquire) >> (slot.live - 1u) & 1) != 0;
}

/* Claims a slot from inside a thread cache, with the lock or without. False if the slot is not live, or if
 * the claim needs a revocation first. */
static inline bool mema_claimHere(const mema_ThreadCache *cache, mema_SlotRef slot) {
  if (slot.entryBits == cache->magazines[slot.live].own) return mema_claimOwn(slot);
  return mema_isRevoked(cache->revoked, slot) && mema_claim(slot);
}

/* True if no cache has the owner id, or its cache asks for no slots: see mema_sendBack. */
static inline bool mema_isNobodys(const _Atomic uint64_t *revoked, uint8_t ownerId) {
  return (atomic_load_explicit(&revoked[ownerId], memory_order_relaxed) & mema_nobodys) != 0;
}

/* Returns the magazine for a slot that the cache's thread freed: its own, or the returns if another cache
 * owns the span. */
static inline mema_Magazine *mema_magazineFor(mema_ThreadCache *cache, mema_SlotRef slot) {
  if (slot.ownerId == cache->ownerId || mema_isNobodys(cache->revoked, slot.ownerId)) return &cache->magazines[slot.live];
  mema_Magazine *returns = &cache->returns[slot.live];
  if (returns->own != slot.entryBits) {
    returns->own = 0; /* the class may not be revoked yet */
    returns->fill = 1;
  }
  return returns;
}

/* Empties returns, whose slots went elsewhere. The next ones may be of any owner id. */
static inline void mema_emptyReturns(mema_Magazine *returns) {
  returns->top = returns->bottom;
  returns->own = 0;
  returns->fill = 0;
}

#endif
