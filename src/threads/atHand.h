/* atHand.h - the common paths of palloc, pfree and their kin, from inside the thread's cache. shared.c has them for any shared
 * pool. The preload library compiles them once more, into its malloc and free, for the one pool that it has.
 *
 *   popAtHand    pops a slot, charges the quota, sets the state
 *   giveAtHand   finds the slot, claims it by its state, pushes it, credits the quota
 *   moveAtHand   claims a slot, pops another one, charges the difference, copies, pushes the first one
 *   sizeAtHand   finds the slot, and compares its state
 *
 * The first two leave the cache where they succeed. Each other case is left to the caller, as a tail call: so the common paths save
 * no register. */
#ifndef MEMA_THREADS_AT_HAND_H
#define MEMA_THREADS_AT_HAND_H

#include <string.h>

#include "slotRef.h"

/* Subtracts from a word in memory. True, with the word too small by what was lacking, iff it was less. */
#if MEMA_X86_64 && defined(__GCC_ASM_FLAG_OUTPUTS__)
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written */
static MEMA_INLINE bool mema_subtract(size_t *word, size_t bytes) {
  bool less;
  __asm__("subq %2, %1" : "=@ccc"(less), "+m"(*word) : "r"(bytes));
  return less;
}
#else
static MEMA_INLINE bool mema_subtract(size_t *word, size_t bytes) {
  return __builtin_sub_overflow(*word, bytes, word);
}
#endif

/* The quota above its minimum did not suffice: lowers the minimum. False, with nothing changed, iff the quota is too small. */
static MEMA_INLINE bool mema_chargeLow(mema_ThreadCache *cache, size_t bytes) {
  size_t low = atomic_load_explicit(&cache->lowQuota, memory_order_relaxed) + cache->overLow; /* overLow is below 0 */
  if ((ptrdiff_t)low < 0) {
    cache->overLow += bytes;
    return false;
  }
  atomic_store_explicit(&cache->lowQuota, low, memory_order_relaxed);
  cache->overLow = 0;
  return true;
}

/* Charges a chunk to the cache's quota. False, with nothing changed, iff the quota is too small. One subtraction finds
 * both this case and a new minimum. */
static MEMA_INLINE bool mema_chargeQuota(mema_ThreadCache *cache, size_t bytes) {
  return mema_likely(!mema_subtract(&cache->overLow, bytes)) || mema_chargeLow(cache, bytes);
}

/* As mema_chargeQuota, for a chunk whose size changes: `bytes` may be below 0, as a number modulo the range of the word. */
static MEMA_INLINE bool mema_chargeDifference(mema_ThreadCache *cache, size_t bytes) {
  cache->overLow -= bytes;
  return mema_likely((ptrdiff_t)cache->overLow >= 0) || mema_chargeLow(cache, bytes);
}

/* Makes a cached slot live. */
static MEMA_INLINE void *mema_hand(const mema_CachedSlot *cached, unsigned state) {
  void *ptr = cached->ptr;
  atomic_store_explicit(cached->state, (uint8_t)state, memory_order_relaxed);
  return ptr;
}

/* Returns a magazine by its state. Compilers would compute it from the start of the cache, in two more steps. */
static MEMA_INLINE mema_Magazine *mema_magazineOf(mema_ThreadCache *cache, size_t state) {
  return (mema_Magazine *)(void *)((char *)cache->magazines + state * sizeof(mema_Magazine));
}

/* Returns the magazine for a size, at most mema_tableMax. */
static MEMA_INLINE mema_Magazine *mema_magazineForSize(mema_ThreadCache *cache, size_t size) {
  return (mema_Magazine *)(void *)((char *)cache + cache->offsets[(size + 15) / 16]);
}

/* As mema_magazineForSize, for a size from 1 to mema_slotMax. */
static MEMA_INLINE mema_Magazine *mema_magazineForAny(mema_ThreadCache *cache, size_t size) {
  return mema_likely(size <= mema_tableMax) ? mema_magazineForSize(cache, size)
                                            : mema_magazineOf(cache, mema_classOf(size) + 1);
}

/* Takes a slot from a magazine, uncounted. NULL: the magazine is empty, or the quota is too small. */
static MEMA_INLINE void *mema_popSlot(mema_ThreadCache *cache, mema_Magazine *magazine) {
  MEMA_HELD(magazine);
  mema_CachedSlot *cached = magazine->top;
  if (mema_unlikely(cached == magazine->bottom || !mema_chargeQuota(cache, magazine->slotSize))) return NULL;
  magazine->top = --cached;
  void *ptr = mema_hand(cached, magazine->state);
  if (ptr == NULL) __builtin_unreachable(); /* callers test for NULL */
  return ptr;
}

/* Takes a slot from a magazine, and leaves the cache. NULL as from mema_popSlot. */
static MEMA_INLINE void *mema_popAtHand(mema_ThreadCache *cache, mema_Magazine *magazine) {
  void *ptr = mema_popSlot(cache, magazine);
  if (mema_likely(ptr != NULL) && mema_unlikely(mema_countAllocation(cache))) return mema_callsOut(cache, ptr);
  mema_leave(cache);
  return ptr;
}

/* Prefetches a slot that was pushed onto its own magazine: palloc hands it out soon (see mema_keepRecent).
 * Slots that return to other threads are not prefetched. */
static MEMA_INLINE void mema_expectSoon(const void *ptr) {
  __builtin_prefetch(ptr, 1);
}

/* Adds one entry, in memory: the compiler would add in a register. */
static MEMA_INLINE void mema_advance(mema_CachedSlot **top) {
#if MEMA_X86_64
  __asm__("addq %1, %0" : "+m"(*top) : "i"(sizeof(mema_CachedSlot)));
#else
  ++*top;
#endif
}

/* Pushes a claimed slot onto a magazine with room, at its top `cached`. */
static MEMA_INLINE void mema_push(mema_Magazine *magazine, mema_CachedSlot *cached, mema_State *state, void *ptr) {
  cached->ptr = ptr;
  cached->state = state;
  mema_advance(&magazine->top);
}

/* Pushes a claimed slot, credits the quota, and counts. True if no call is left. */
static MEMA_INLINE bool mema_keep(mema_ThreadCache *cache, mema_Magazine *magazine, mema_CachedSlot *cached,
                                  const mema_SlotRef *slot, void *ptr, size_t bytes) {
  mema_push(magazine, cached, slot->state, ptr);
  cache->overLow += bytes;
  return mema_countFree(cache);
}

/* Ends a free from inside the cache: pushes a claimed slot, and leaves the cache. */
static MEMA_INLINE bool mema_endFree(mema_ThreadCache *cache, mema_Magazine *magazine, mema_CachedSlot *cached,
                                     const mema_SlotRef *slot, void *ptr) {
  if (mema_unlikely(mema_keep(cache, magazine, cached, slot, ptr, magazine->slotSize))) return mema_freesOut(cache);
  mema_leave(cache);
  return true;
}

/* The part of a free that is left to do. */
typedef enum mema_Give {
  mema_given,          /* nothing: the cache was left */
  mema_givenLast,      /* mema_freesOut: no call is left */
  mema_giveAtomically, /* the slot is another owner's, or the privilege of its class was revoked; still inside the cache */
  mema_giveElsewhere,  /* all, from outside the cache: no such slot is live, or the magazine is full */
} mema_Give;

/* Frees a chunk by a plain store, if its slot is in a span of the thread's own. *slot is set for mema_giveAtomically. */
static MEMA_INLINE mema_Give mema_giveAtHand(mema_ThreadCache *cache, void *ptr, mema_SlotRef *slot) {
  size_t quantum;
  if (mema_unlikely(!mema_quantumHere(cache, ptr, &quantum) ||
                    !mema_findNearSlot(cache->pageMap, &cache->states, quantum, slot)))
    goto another;
  mema_Magazine *magazine = mema_magazineOf(cache, slot->live);
  MEMA_HELD(magazine);
  if (mema_unlikely(slot->entryBits != magazine->own)) return mema_giveAtomically;
  mema_CachedSlot *cached = magazine->top;
  if (mema_unlikely(cached == magazine->limit || !mema_claimOwn(*slot))) goto another;
  mema_expectSoon(ptr);
  if (mema_unlikely(mema_keep(cache, magazine, cached, slot, ptr, magazine->slotSize))) return mema_givenLast;
  mema_leave(cache);
  return mema_given;
another:
  mema_leave(cache);
  return mema_giveElsewhere;
}

/* Returns the magazine of a live slot that the thread may free by a plain store: until it leaves the cache, no other thread
 * frees the chunk. NULL: the slot is no such one. */
static MEMA_INLINE mema_Magazine *mema_ownMagazine(mema_ThreadCache *cache, const mema_SlotRef *slot) {
  mema_Magazine *magazine = mema_magazineOf(cache, slot->live);
  MEMA_HELD(magazine);
  bool isOwn = slot->entryBits == magazine->own && !MEMA_DIFFERS("b", slot->state, slot->live);
  if (mema_unlikely(!isOwn)) return NULL;
  return magazine;
}

/* Finds a chunk as mema_ownMagazine wants it. NULL also if its span has several units. */
static MEMA_INLINE mema_Magazine *mema_findOwnHere(mema_ThreadCache *cache, const void *ptr, mema_SlotRef *slot) {
  size_t quantum;
  if (mema_unlikely(!mema_quantumHere(cache, ptr, &quantum) ||
                    !mema_findNearSlot(cache->pageMap, &cache->states, quantum, slot)))
    return NULL;
  return mema_ownMagazine(cache, slot);
}

/* Moves a chunk that mema_findOwnHere has found to a slot of another size, and charges the difference. NULL, with nothing
 * changed: no slot is at hand, the old one has no room in its magazine, or the quota is too small. The old chunk is claimed
 * before the new one is live, so other threads find one of them, never both. */
static MEMA_INLINE void *mema_moveAtHand(mema_ThreadCache *cache, mema_Magazine *from, mema_Magazine *to, mema_State *state,
                                         void *ptr) {
  mema_CachedSlot *cached = to->top;
  size_t before = from->slotSize, after = to->slotSize;
  if (mema_unlikely(cached == to->bottom || from->top == from->limit || !mema_chargeDifference(cache, after - before)))
    return NULL;
  atomic_store_explicit(state, 0, memory_order_relaxed);
  to->top = --cached;
  memcpy(cached->ptr, ptr, before < after ? before : after);
  void *moved = mema_hand(cached, to->state);
  if (moved == NULL) __builtin_unreachable(); /* callers test for NULL */
  mema_push(from, from->top, state, ptr);
  return moved;
}

/* Returns the size of a live chunk, from inside the cache. 0: there is none, or its span has several units. */
static MEMA_INLINE size_t mema_sizeAtHand(const mema_ThreadCache *cache, const void *ptr) {
  mema_SlotRef slot;
  size_t quantum;
  if (mema_unlikely(!mema_quantumHere(cache, ptr, &quantum) ||
                    !mema_findNearSlot(cache->pageMap, &cache->states, quantum, &slot)))
    return 0;
  if (mema_unlikely(slot.live == 0 || MEMA_DIFFERS("b", slot.state, slot.live))) return 0;
  atomic_signal_fence(memory_order_acquire);
  return cache->magazines[slot.live].slotSize;
}

#endif
