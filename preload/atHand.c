/* atHand.c - the common paths of malloc, calloc, realloc, free and malloc_usable_size, and of what takes an alignment.
 * They are those of shared pools (threads/atHand.h), compiled for the one pool that there is. They ask one question: has the
 * thread a cache that it may enter? If so, the heap is ready, no signal handler is the caller, and no other thread keeps this
 * one out. Everything else is a tail call to heap.c, which begins anew: so the common paths save no register. */
/* first: it names the fields of a Pool that mema.h leaves out */
#include "../src/threads/atHand.h"

#include <string.h>

#include "atHand.h"
#include "gate.h"
#include "heap.h"

/* Returns the thread's cache; one that is always busy, if there is none or the heap is not plain.
 *
 * On x86-64 one offset serves both: it is that of mema_cacheAtHand, or 0 while the heap is not plain. At 0 lies the address
 * of the thread's own control block, whose first word is that address, and thus looks busy. So this works before the loader
 * has written any address, too. */
static MEMA_INLINE mema_ThreadCache *cacheAtHand(void) {
#if MEMA_X86_64
  mema_ThreadCache *cache;
  __asm__ volatile("movq %%fs:(%1), %0" : "=r"(cache) : "r"(atomic_load_explicit(&heapOffset, memory_order_relaxed)));
  return cache;
#else
  mema_ThreadCache *cache = heapIsReady() ? mema_cacheAtHand : NULL;
  return cache != NULL ? cache : (mema_ThreadCache *)(void *)(uintptr_t)mema_noCache;
#endif
}

/* Enters the thread's cache, which is the heap's. False iff the thread was interrupted inside, or is kept out. */
static MEMA_INLINE bool enter(mema_ThreadCache *cache) {
  if (mema_unlikely(MEMA_DIFFERS("q", &cache->busy, 0))) return false;
  MEMA_SET_FRAME(cache->busy);
  atomic_signal_fence(memory_order_seq_cst); /* as in mema_enter */
  bool in = MEMA_DIFFERS("q", &cache->key, 0);
  atomic_signal_fence(memory_order_acquire);
  if (mema_likely(in)) return true;
  mema_leave(cache);
  return false;
}

/* A size that the table of classes does not have. */
static MEMA_NOINLINE void *mallocLarger(size_t size, mema_ThreadCache *cache) {
  void *ptr = NULL;
  if (size > mema_slotMax) {
    mema_leave(cache);
  } else {
    ptr = mema_popAtHand(cache, mema_magazineOf(cache, mema_classOf(size) + 1));
  }
  return mema_likely(ptr != NULL) ? ptr : heapAllocate(size);
}

static MEMA_INLINE void *allocate(size_t size) {
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely(!enter(cache))) return heapAllocate(size);
  if (mema_unlikely(size > mema_tableMax)) return mallocLarger(size, cache);
  void *ptr = mema_popAtHand(cache, mema_magazineForSize(cache, size));
  return mema_likely(ptr != NULL) ? ptr : heapAllocate(size);
}

void *malloc(size_t size) {
  return allocate(size);
}

/* The least class whose slots have the alignment is that of the size rounded up to it: class sizes above 512 are multiples
 * of an eighth of the next power of two. A sum beyond the range of size_t is rounded to 0. */
void *takeAligned(size_t alignment, size_t size) {
  size_t rounded = (size + alignment - 1) & (0 - alignment);
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely(rounded - 1 >= mema_slotMax || !enter(cache))) return NULL;
  return mema_popAtHand(cache, mema_magazineForAny(cache, rounded));
}

/* The chunk was the last of the thread's count. */
static MEMA_SLOW void *zeroLast(mema_ThreadCache *cache, void *ptr, size_t bytes) {
  return memset(mema_callsOut(cache, ptr), 0, bytes);
}

/* The product of two sizes below 2^32 fits. Each way ends with a tail call: memset returns the chunk. */
void *calloc(size_t count, size_t size) {
  size_t bytes = count * size;
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely((count | size) > UINT32_MAX || bytes > mema_tableMax || !enter(cache)))
    return heapAllocateZeroed(count, size);
  void *ptr = mema_popSlot(cache, mema_magazineForSize(cache, bytes));
  if (mema_likely(ptr != NULL) && mema_unlikely(mema_countAllocation(cache))) return zeroLast(cache, ptr, bytes);
  mema_leave(cache);
  return mema_likely(ptr != NULL) ? memset(ptr, 0, bytes) : heapAllocateZeroed(count, size);
}

/* A chunk in a span of another thread, or one of a class that other threads have freed. */
static MEMA_NOINLINE void freeAtomically(void *ptr, mema_ThreadCache *cache, mema_State *state, uint16_t entryBits) {
  if (mema_unlikely(!mema_giveAtomic(&heapPool, ptr, cache, state, entryBits))) heapReleaseRefused(ptr);
}

void free(void *ptr) {
  mema_SlotRef slot;
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely(!enter(cache))) {
    heapRelease(ptr);
    return;
  }
  switch (mema_giveAtHand(cache, ptr, &slot)) {
    case mema_givenLast:
      mema_freesOut(cache);
      return;
    case mema_giveAtomically:
      freeAtomically(ptr, cache, slot.state, slot.entryBits);
      return;
    case mema_giveElsewhere:
      heapReleaseElse(ptr);
      return;
    case mema_given:
    default:
      return;
  }
}

/* ---- realloc ------------------------------------------------------------------------------------------------------------ */

/* The chunk changes its slot. A function of its own, since it calls memcpy in the middle and saves registers. */
static MEMA_NOINLINE void *move(void *ptr, size_t size, mema_Magazine *magazine, mema_State *state,
                                mema_ThreadCache *cache) {
  void *moved = mema_moveAtHand(cache, magazine, mema_magazineForAny(cache, size), state, ptr);
  if (mema_likely(moved != NULL) && mema_unlikely(mema_countMove(cache))) return mema_callsOut(cache, moved);
  mema_leave(cache);
  return mema_likely(moved != NULL) ? moved : heapResize(ptr, size);
}

/* Changes the size of the chunk in a slot, from inside the cache. A call that leaves the chunk where it is changes no count of
 * the cache. */
static MEMA_INLINE void *resize(void *ptr, size_t size, mema_ThreadCache *cache, mema_Magazine *magazine,
                                mema_State *state) {
  if (!mema_staysInSlot(magazine->slotSize, size)) return move(ptr, size, magazine, state, cache);
  mema_leave(cache);
  return countCall() ? heapPublishFor(ptr) : ptr;
}

/* The span may have several units. */
static MEMA_NOINLINE void *reallocElse(void *ptr, mema_ThreadCache *cache, size_t size) {
  mema_SlotRef slot;
  mema_Magazine *magazine = mema_findHere(cache, ptr, &slot) ? mema_ownMagazine(cache, &slot) : NULL;
  if (magazine != NULL) return resize(ptr, size, cache, magazine, slot.state);
  mema_leave(cache);
  return heapResize(ptr, size);
}

void *realloc(void *ptr, size_t size) {
  mema_SlotRef slot;
  if (mema_unlikely(ptr == NULL)) return allocate(size);
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely(size - 1 >= mema_slotMax || !enter(cache))) return heapResize(ptr, size);
  mema_Magazine *magazine = mema_findOwnHere(cache, ptr, &slot);
  return mema_likely(magazine != NULL) ? resize(ptr, size, cache, magazine, slot.state) : reallocElse(ptr, cache, size);
}

/* ---- the size of a chunk ------------------------------------------------------------------------------------------------ */

/* The span may have several units. */
static MEMA_NOINLINE size_t sizeElse(void *ptr, mema_ThreadCache *cache) {
  mema_SlotRef slot;
  bool isLive = mema_findHere(cache, ptr, &slot) && mema_isLive(slot);
  size_t size = isLive ? cache->magazines[slot.live].slotSize : 0;
  mema_leave(cache);
  return isLive ? size : heapChunkSizeElse(ptr);
}

size_t malloc_usable_size(void *ptr) {
  mema_ThreadCache *cache = cacheAtHand();
  if (mema_unlikely(!enter(cache))) return heapChunkSize(ptr);
  size_t size = mema_sizeAtHand(cache, ptr);
  if (mema_unlikely(size == 0)) return sizeElse(ptr, cache);
  mema_leave(cache);
  return size;
}
