/* shared.c - palloc, pfree and repalloc of a shared untracked pool.
 *
 *   palloc:  the thread's cache -> enough quota, and a cached slot? -> reduce the quota, pop the slot, set its state
 *   pfree:   the thread's cache -> which slot, of which class? -> claim it by its state, or refuse -> raise the quota, push
 *
 * The common path of each ends at `mema_leave`; everything else takes the lock. Chunks that are no slots of the pool's
 * own reservation (large chunks, and all chunks in slabs outside) are taken and given under the lock only.
 */
#include <string.h>

#include "atHand.h"

static size_t excess(size_t a, size_t b) {
  return a > b ? a - b : 0;
}

/* ---- slots, with the lock held ----------------------------------------------------------------------------------- */

/* Takes a slot, after mema_lend found budget for it. NULL iff the slab has no room at hand. */
static void *takeSlot(mema_Share *share, unsigned class) {
  mema_ThreadCache *cache = mema_takeCache(share);
  size_t bytes = mema_classSize(class);
  mema_CachedSlot one;
  if (cache == NULL) {
    if (mema_slabTakeCached(share->slab, class, 1, &one + 1) == 0) return NULL;
    mema_chargeShare(share, bytes);
    share->pool->allocations++;
    return mema_hand(&one, class + 1);
  }
  mema_Magazine *magazine = &cache->magazines[class + 1];
  if (magazine->top == magazine->bottom && !mema_fill(share, cache, class)) return NULL;
  mema_chargeQuota(cache, bytes); /* mema_lend provided for it */
  cache->allocations++;
  return mema_hand(--magazine->top, magazine->state);
}

/* Returns the magazine for a slot that the calling thread frees, with room for it. */
static mema_Magazine *roomyMagazineFor(mema_Share *share, mema_ThreadCache *cache, mema_SlotRef slot) {
  mema_Magazine *magazine = mema_magazineFor(cache, slot);
  unsigned class = slot.live - 1u;
  if (magazine->top != magazine->limit) return magazine;
  if (magazine == &cache->magazines[slot.live]) {
    mema_relieve(share, cache, class);
  } else if (!mema_mailReturns(cache, class)) {
    mema_sendBack(share, cache, class);
  }
  return magazine;
}

/* Gives a claimed slot back, and credits the budget. */
static void giveSlot(mema_Share *share, mema_SlotRef slot, void *ptr, size_t credit) {
  mema_ThreadCache *cache = mema_takeCache(share);
  mema_CachedSlot cached = {.ptr = ptr, .state = slot.state};
  if (cache == NULL) {
    mema_slabGiveCached(share->slab, &cached, 1);
    mema_creditShare(share, credit);
    share->pool->frees++;
    return;
  }
  mema_Magazine *magazine = roomyMagazineFor(share, cache, slot);
  *magazine->top++ = cached;
  cache->overLow += credit;
  cache->frees++;
  mema_trimQuota(share, cache);
}

/* True if the calling thread may claim the slot by a plain store. */
static bool isOwn(const mema_Share *share, mema_SlotRef slot) {
  return share->inside != NULL && share->inside->ownerId == slot.ownerId && !mema_isRevoked(share->revoked, slot);
}

/* Makes sure that the calling thread may claim the slot, and has a cache to keep it. This may wait for other
 * threads, so it comes before any change: share.h says why, under Forks. */
static void prepareClaim(mema_Share *share, mema_SlotRef slot) {
  mema_takeCache(share);
  if (!isOwn(share, slot) && !mema_isRevoked(share->revoked, slot)) mema_revoke(share, slot.ownerId, slot.live - 1u);
}

/* Claims the slot that starts at ptr. False iff none does, or it is not live. */
static bool claimLocked(mema_Share *share, const void *ptr, mema_SlotRef *slot) {
  if (!mema_findSlot(share->slab, ptr, slot) || !mema_isLive(*slot)) return false;
  prepareClaim(share, *slot);
  return isOwn(share, *slot) ? mema_claimOwn(*slot) : mema_claim(*slot);
}

/* ---- other chunks, with the lock held ---------------------------------------------------------------------------- */

/* Finds a live chunk that is no slot of the share's slab. */
static bool findOther(mema_Slab *slab, const void *ptr, mema_Chunk *chunk) {
  return mema_findChunk(&slab->heap, ptr, chunk) && (chunk->heap != &slab->heap || chunk->span->kind != mema_unitSlots);
}

static bool giveOther(mema_Share *share, const mema_Chunk *chunk) {
  mema_giveMemory(&share->slab->heap, chunk);
  mema_creditShare(share, chunk->room);
  share->pool->frees++;
  return true;
}

static bool refusePointer(mema_Share *share, const void *ptr) {
  share->pool->badFrees += ptr != NULL;
  mema_fail(MEMA_BAD_POINTER);
  return false;
}

/* ---- any chunk, under the lock ----------------------------------------------------------------------------------- */

/* Takes a slot on loan. NULL: no class of slots serves the request, or the budget or the slab has no room. */
static void *takeLentSlot(mema_Share *share, unsigned class) {
  if (class == mema_classCount || !mema_lend(share, mema_takeCache(share), mema_classSize(class))) return NULL;
  return takeSlot(share, class);
}

/* Takes any chunk, under the lock. If memory is lacking, it takes all cached slots back from the threads and
 * tries again. */
static void *takeLocked(mema_Share *share, size_t size, size_t alignment, bool *zeroed) {
  mema_Pool *pool = share->pool;
  mema_Chunk chunk;
  *zeroed = false;
  if (size > MEMA_UNLIMITED) {
    mema_refuse(pool, MEMA_TOO_LARGE, size);
    return NULL;
  }
  size += size == 0;
  unsigned class = mema_slabClass(share->slab, size, alignment);
  size_t charge = mema_slabRoom(&share->slab->heap, size, alignment);
  if (mema_slabHasGrown(share->slab)) mema_releaseSparse(share);
  for (bool again = false;; again = true) {
    void *slot = takeLentSlot(share, class);
    if (slot != NULL) return slot;
    if (!mema_lend(share, NULL, charge)) {
      mema_refuse(pool, MEMA_OVER_BUDGET, charge);
      return NULL;
    }
    if (mema_takeMemory(&share->slab->heap, size, alignment, &chunk)) break;
    if (again) {
      mema_refuse(pool, MEMA_NO_MEMORY, size);
      return NULL;
    }
    mema_revokeSlots(share);
  }
  mema_chargeShare(share, charge);
  pool->allocations++;
  *zeroed = chunk.zeroed;
  return chunk.ptr;
}

void *mema_sharedTake(mema_Heap *heap, size_t size, size_t alignment, bool *zeroed) {
  mema_Slab *slab = mema_slabIn(heap);
  return takeLocked(slab->heap.share, size, alignment, zeroed);
}

/* Takes the pool's lock, and checks under it that the pool is still shared and has thread caches. */
static mema_Slab *lockShared(const mema_Pool *pool) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (slab != NULL && !mema_lockPool(pool, &slab->heap)) return NULL;
  if (slab != NULL && mema_hasCaches(&slab->heap)) return slab;
  if (slab != NULL) mema_unlockPool(&slab->heap);
  mema_fail(MEMA_BAD_POOL);
  return NULL;
}

static bool giveLocked(mema_Share *share, void *ptr) {
  mema_SlotRef slot;
  mema_Chunk chunk;
  if (claimLocked(share, ptr, &slot)) {
    giveSlot(share, slot, ptr, mema_classSize(slot.live - 1u));
    return true;
  }
  return findOther(share->slab, ptr, &chunk) ? giveOther(share, &chunk) : refusePointer(share, ptr);
}

bool mema_sharedGive(mema_Heap *heap, void *ptr) {
  mema_Slab *slab = mema_slabIn(heap);
  return giveLocked(slab->heap.share, ptr);
}

static MEMA_SLOW bool pfreeSlow(mema_Pool *pool, void *ptr) {
  mema_Slab *slab = lockShared(pool);
  if (slab == NULL) return false;
  bool done = giveLocked(slab->heap.share, ptr);
  mema_unlockAfterCall(&slab->heap);
  return done;
}

/* ---- the common paths -------------------------------------------------------------------------------------------- */

mema_ThreadCache *mema_enterCache(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_cacheOf(pool);
  return cache != NULL && mema_enter(cache, pool) ? cache : NULL;
}

/* Takes a slot after a look at what other threads returned, without the lock. NULL: there is none, or the quota is too
 * small. */
static void *takeReturned(mema_Pool *pool, size_t size) {
  const mema_ThreadCache *here = mema_cacheHere;
  if (here == NULL || size > mema_slotMax || !mema_hasReturns(here->share))
    return NULL; /* a hint: it may be of another pool */
  mema_ThreadCache *cache = mema_enterAny(pool);
  if (cache == NULL) return NULL;
  unsigned class = mema_classOf(size);
  if (mema_takeReturns(cache, class)) return mema_popAtHand(cache, &cache->magazines[class + 1]);
  mema_leave(cache);
  return NULL;
}

static MEMA_SLOW void *pallocSlow(mema_Pool *pool, size_t size) {
  bool zeroed;
  void *ptr = takeReturned(pool, size);
  if (ptr != NULL) return ptr;
  mema_Slab *slab = lockShared(pool);
  if (slab == NULL) return NULL;
  ptr = takeLocked(slab->heap.share, size, MEMA_ALIGNMENT, &zeroed);
  mema_unlockPool(&slab->heap);
  return ptr;
}

/* Takes a chunk of a size that the table of classes does not have. */
static MEMA_NOINLINE void *takeLarger(mema_Pool *pool, size_t size, mema_ThreadCache *cache) {
  void *ptr = NULL;
  if (size > mema_slotMax) {
    mema_leave(cache);
  } else {
    ptr = mema_popAtHand(cache, &cache->magazines[mema_classOf(size) + 1]);
  }
  return ptr != NULL ? ptr : pallocSlow(pool, size);
}

static MEMA_INLINE void *takeHere(mema_Pool *pool, size_t size, mema_ThreadCache *cache) {
  if (mema_unlikely(size > mema_tableMax)) return takeLarger(pool, size, cache);
  void *ptr = mema_popAtHand(cache, mema_magazineForSize(cache, size));
  return mema_likely(ptr != NULL) ? ptr : pallocSlow(pool, size);
}

void *mema_takeHere(mema_Pool *pool, size_t size, mema_ThreadCache *cache) {
  return takeHere(pool, size, cache);
}

/* The common path for another pool than the thread's last. */
static MEMA_NOINLINE void *pallocElse(mema_Pool *pool, size_t size) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  return cache != NULL ? mema_takeHere(pool, size, cache) : pallocSlow(pool, size);
}

void *mema_sharedPalloc(mema_Pool *pool, size_t size) {
  mema_ThreadCache *cache = mema_enterHere(pool);
  return mema_likely(cache != NULL) ? takeHere(pool, size, cache) : pallocElse(pool, size);
}

/* ---- counts ------------------------------------------------------------------------------------------------------ */

void (*mema_onCalls)(void);

/* Takes the lock and applies `what` to the thread's cache, which was left. Does nothing if the pool was freed
 * meanwhile, or the caller is a signal handler: a later call does it. Returns true, for a tail call. */
static MEMA_SLOW bool seeToCache(const mema_Pool *pool, void (*what)(mema_Share *share, mema_ThreadCache *cache)) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (slab == NULL || !mema_lockQuietly(pool, &slab->heap)) return true;
  if (slab->heap.share->inside != NULL) what(slab->heap.share, slab->heap.share->inside);
  mema_unlockPool(&slab->heap);
  return true;
}

MEMA_SLOW void *mema_callsOut(mema_ThreadCache *cache, void *ptr) {
  const mema_Pool *pool = cache->pool;
  mema_renewCalls(cache);
  bool due = mema_isLookDue(cache);
  mema_leave(cache);
  if (mema_unlikely(due)) seeToCache(pool, mema_lookAtMagazines);
  if (mema_onCalls != NULL) mema_onCalls();
  return ptr;
}

MEMA_SLOW bool mema_freesOut(mema_ThreadCache *cache) {
  mema_callsOut(cache, cache);
  return true;
}

void mema_sharedOnCalls(void (*onCalls)(void)) {
  mema_onCalls = onCalls;
}

bool mema_sharedCallsUntil(const mema_Pool *pool, int calls) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache == NULL) return false;
  cache->interval = calls;
  mema_renewCalls(cache);
  mema_leave(cache);
  return true;
}

void mema_sharedCallSoon(void) {
  if (mema_cacheHere != NULL) mema_cacheHere->calls |= mema_callSoon;
}

/* ---- budget of sub-pools ----------------------------------------------------------------------------------------- */

bool mema_sharedHold(mema_Pool *pool, size_t bytes) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache == NULL) return false;
  bool done = mema_chargeQuota(cache, bytes);
  if (done) cache->held += bytes;
  mema_leave(cache);
  return done;
}

/* Trims the quota here. Frees take the lock when their magazine is full; credits of sub-pools fill no
 * magazine. */
bool mema_sharedLetGo(mema_Pool *pool, size_t bytes) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache == NULL) return false;
  cache->overLow += bytes;
  cache->held -= bytes;
  bool over = mema_quotaOf(cache) > cache->quotaMost;
  mema_leave(cache);
  return over ? seeToCache(pool, mema_trimQuota) : true;
}

bool mema_sharedHoldLocked(mema_Share *share, size_t bytes) {
  mema_ThreadCache *cache = mema_takeCache(share);
  if (!mema_lend(share, cache, bytes)) return false;
  if (cache == NULL) {
    mema_chargeShare(share, bytes);
    share->pool->held += bytes;
  } else {
    mema_chargeQuota(cache, bytes); /* mema_lend provided for it */
    cache->held += bytes;
  }
  return true;
}

/* ---- pfree, from inside the cache -------------------------------------------------------------------------------- */

/* Frees a chunk in any span of slots, from inside the cache, and leaves it. False, with nothing changed, if
 * ptr is no slot, or the lock is needed. */
static bool giveAtHand(mema_ThreadCache *cache, void *ptr) {
  mema_SlotRef slot;
  if (mema_findHere(cache, ptr, &slot)) {
    mema_Magazine *magazine = mema_magazineFor(cache, slot);
    if (magazine->top != magazine->limit && mema_claimHere(cache, slot))
      return mema_endFree(cache, magazine, magazine->top, &slot, ptr);
  }
  mema_leave(cache);
  return false;
}

/* pfree of a chunk in a span of several units, of a bad pointer, into a full magazine, or to another pool
 * than the thread's last. */
MEMA_NOINLINE bool mema_sharedPfreeElse(mema_Pool *pool, void *ptr) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  return cache != NULL && giveAtHand(cache, ptr) ? true : pfreeSlow(pool, ptr);
}

/* Makes room in returns, and notes that their next slot may be of another owner id. False, with nothing changed, if the
 * lock is needed: also if the quota is above what the thread may keep. */
static bool prepareReturns(mema_ThreadCache *cache, mema_Magazine *returns, uint16_t entryBits) {
  if (returns->top == returns->limit &&
      (mema_quotaOf(cache) > cache->quotaMost || !mema_mailReturns(cache, returns->state - 1u)))
    return false;
  if (returns->own != entryBits && returns->top != returns->bottom) returns->fill = 1;
  returns->own = entryBits;
  return true;
}

/* pfree of a chunk in a span of another owner id, from inside the cache. One load of `revoked` decides if a
 * compare-and-exchange may claim the slot, and which magazine gets it: see mema_isRevoked, mema_magazineFor. */
static MEMA_NOINLINE bool pfreeReturn(mema_Pool *pool, void *ptr, mema_ThreadCache *cache, mema_SlotRef slot) {
  uint64_t lost = atomic_load_explicit(&cache->revoked[slot.ownerId], memory_order_acquire);
  bool isRevoked = (lost >> (slot.live - 1u) & 1) != 0, stays = (lost & mema_nobodys) != 0;
  mema_Magazine *magazine = stays ? mema_magazineOf(cache, slot.live) : &cache->returns[slot.live];
  bool hasRoom = stays ? magazine->top != magazine->limit : isRevoked && prepareReturns(cache, magazine, slot.entryBits);
  if (mema_unlikely(!isRevoked || !hasRoom || !mema_claim(slot))) {
    mema_leave(cache);
    return pfreeSlow(pool, ptr);
  }
  if (stays) mema_expectSoon(ptr);
  return mema_endFree(cache, magazine, magazine->top, &slot, ptr);
}

/* As pfreeReturn. If the last look at `revoked` was for the same class and owner id, none is needed: the owner regains its
 * privilege while all threads are quiesced, and makes them look again (exchange.c). */
static MEMA_NOINLINE bool pfreeForeign(mema_Pool *pool, void *ptr, mema_ThreadCache *cache, mema_State *state,
                                       uint16_t entryBits) {
  mema_SlotRef slot = {
      .state = state, .entryBits = entryBits, .live = mema_entryState(entryBits), .ownerId = mema_entryOwner(entryBits)};
  mema_Magazine *returns = &cache->returns[slot.live];
  mema_CachedSlot *cached = returns->top;
  if (mema_unlikely(entryBits != returns->own || cached == returns->limit)) return pfreeReturn(pool, ptr, cache, slot);
  if (mema_unlikely(!mema_claim(slot))) {
    mema_leave(cache);
    return pfreeSlow(pool, ptr);
  }
  return mema_endFree(cache, returns, cached, &slot, ptr);
}

/* pfree by compare-and-exchange, from inside the cache. The span has another owner id; or it has the cache's,
 * and the privilege of the class was revoked, or the cache has no owner id. */
MEMA_NOINLINE bool mema_giveAtomic(mema_Pool *pool, void *ptr, mema_ThreadCache *cache, mema_State *state,
                                   uint16_t entryBits) {
  mema_SlotRef slot = {.state = state, .live = mema_entryState(entryBits)};
  if (mema_unlikely(slot.live == 0)) { /* a far unit */
    mema_leave(cache);
    return mema_sharedPfreeElse(pool, ptr);
  }
  if (mema_entryOwner(entryBits) != cache->ownerId) return pfreeForeign(pool, ptr, cache, state, entryBits);
  mema_Magazine *magazine = mema_magazineOf(cache, slot.live);
  mema_CachedSlot *cached = magazine->top;
  if (mema_unlikely(cached == magazine->limit || !mema_claim(slot))) {
    mema_leave(cache);
    return pfreeSlow(pool, ptr);
  }
  mema_expectSoon(ptr);
  bool again = --cache->patience == 0;
  mema_endFree(cache, magazine, cached, &slot, ptr);
  return mema_unlikely(again) ? seeToCache(pool, mema_regain) : true;
}

static MEMA_INLINE bool giveHere(mema_Pool *pool, void *ptr, mema_ThreadCache *cache) {
  mema_SlotRef slot;
  switch (mema_giveAtHand(cache, ptr, &slot)) {
    case mema_given:
      return true;
    case mema_givenLast:
      return mema_freesOut(cache);
    case mema_giveAtomically:
      return mema_giveAtomic(pool, ptr, cache, slot.state, slot.entryBits);
    case mema_giveElsewhere:
    default:
      return mema_sharedPfreeElse(pool, ptr);
  }
}

bool mema_giveHere(mema_Pool *pool, void *ptr, mema_ThreadCache *cache) {
  return giveHere(pool, ptr, cache);
}

bool mema_sharedPfree(mema_Pool *pool, void *ptr) {
  mema_ThreadCache *cache = mema_enterHere(pool);
  return mema_likely(cache != NULL) ? giveHere(pool, ptr, cache) : mema_sharedPfreeElse(pool, ptr);
}

/* ---- repalloc ---------------------------------------------------------------------------------------------------- */

/* Changes the size of a slot's chunk, from inside the cache: in place, or by a move to another slot. NULL,
 * with nothing changed, if the lock is needed. The old chunk is claimed before the new one is live, so other
 * threads find one of them, never both. A fork, or a check of the pool, may follow directly. */
static void *resizeAtHand(mema_ThreadCache *cache, void *from, size_t size) {
  mema_SlotRef slot;
  if (!mema_findHere(cache, from, &slot) || !mema_isLive(slot)) return NULL;
  unsigned class = mema_classOf(size);
  mema_Magazine *new = &cache->magazines[class + 1];
  size_t before = cache->magazines[slot.live].slotSize, after = new->slotSize;
  if (mema_staysInSlot(before, size)) return from;
  mema_Magazine *magazine = mema_magazineFor(cache, slot);
  if (new->top == new->bottom || magazine->top == magazine->limit || mema_quotaOf(cache) < excess(after, before))
    return NULL;
  if (!mema_claimHere(cache, slot)) return NULL;
  mema_chargeQuota(cache, excess(after, before));
  mema_CachedSlot *cached = --new->top;
  void *to = memcpy(cached->ptr, from, before < after ? before : after);
  mema_hand(cached, new->state);
  cache->allocations++;
  mema_keep(cache, magazine, magazine->top, &slot, from, excess(before, after)); /* the caller asks mema_hasCallsLeft */
  return to;
}

/* Takes a chunk of the new size, not charged. If it is a slot of the share's slab, *cached is that slot, not
 * handed out yet: until then no other thread can free it. Else cached->ptr is NULL. */
static bool takeUncharged(mema_Share *share, size_t size, mema_Chunk *chunk, mema_CachedSlot *cached) {
  unsigned class = mema_slabClass(share->slab, size, MEMA_ALIGNMENT);
  *cached = (mema_CachedSlot){0};
  for (bool again = false; class == mema_classCount || mema_slabTakeCached(share->slab, class, 1, cached + 1) == 0;
       again = true) {
    if (mema_takeMemory(&share->slab->heap, size, MEMA_ALIGNMENT, chunk)) return true;
    if (again) return false;
    mema_revokeSlots(share);
  }
  *chunk = (mema_Chunk){.ptr = cached->ptr,
                        .room = mema_classSize(class),
                        .heap = &share->slab->heap,
                        .span = mema_slabSpanAt(share->slab, cached->ptr)};
  return true;
}

static bool isSlot(const mema_Share *share, const mema_Chunk *chunk) {
  return chunk->heap == &share->slab->heap && chunk->span->kind == mema_unitSlots;
}

/* Gives back a chunk of any kind, without credit. `wasSlot` says if it was a slot when it was found. False iff
 * it is a slot that another thread freed meanwhile. */
static bool giveUncredited(mema_Share *share, const mema_Chunk *chunk, bool wasSlot) {
  mema_SlotRef slot;
  if (!wasSlot) {
    mema_giveMemory(&share->slab->heap, chunk);
    return true;
  }
  if (!claimLocked(share, chunk->ptr, &slot)) return false;
  mema_slabGiveCached(share->slab, &(mema_CachedSlot){.ptr = chunk->ptr, .state = slot.state}, 1);
  return true;
}

/* Moves a chunk to one of the new size. The budget has room for the difference. */
static void *moveChunk(mema_Share *share, const mema_Chunk *from, size_t size) {
  mema_Pool *pool = share->pool;
  mema_Chunk to;
  mema_CachedSlot cached;
  mema_SlotRef slot;
  bool wasSlot = isSlot(share, from);
  if (wasSlot && mema_findSlot(share->slab, from->ptr, &slot)) prepareClaim(share, slot);
  if (!takeUncharged(share, size, &to, &cached) || !mema_moveBytes(&to, from, from->room < size ? from->room : size)) {
    if (size <= from->room) return from->ptr;
    mema_refuse(pool, MEMA_NO_MEMORY, size);
    return NULL;
  }
  if (!giveUncredited(share, from, wasSlot)) {
    if (cached.ptr != NULL) {
      mema_slabGiveCached(share->slab, &cached, 1);
    } else {
      mema_giveMemory(&share->slab->heap, &to);
    }
    refusePointer(share, from->ptr);
    return NULL;
  }
  pool->allocations++;
  pool->frees++;
  mema_chargeShare(share, excess(to.room, from->room));
  mema_creditShare(share, excess(from->room, to.room));
  return cached.ptr != NULL ? mema_hand(&cached, to.span->class + 1u) : to.ptr;
}

static void *resizeLocked(mema_Share *share, void *ptr, size_t size) {
  mema_Slab *slab = share->slab;
  mema_Pool *pool = share->pool;
  mema_Chunk chunk;
  if (!mema_findChunk(&slab->heap, ptr, &chunk)) {
    refusePointer(share, ptr);
    return NULL;
  }
  if (size > MEMA_UNLIMITED) {
    mema_refuse(pool, MEMA_TOO_LARGE, size);
    return NULL;
  }
  size += size == 0;
  size_t before = chunk.room, after = size <= before ? before : mema_slabRoom(&slab->heap, size, MEMA_ALIGNMENT);
  if (after > before && !mema_lend(share, NULL, after - before)) {
    mema_refuse(pool, MEMA_OVER_BUDGET, after - before);
    return NULL;
  }
  if (!mema_stretchChunk(&slab->heap, &chunk, size)) return moveChunk(share, &chunk, size);
  if (chunk.room != before) {
    mema_chargeShare(share, excess(chunk.room, before));
    mema_creditShare(share, excess(before, chunk.room));
  }
  return ptr;
}

/* Moves a chunk from slot to slot, after a loan of quota, a fill of the new slot's magazine, and room in the old one's. NULL,
 * with nothing changed, if these do not suffice. */
static void *resizeWithin(mema_Share *share, void *ptr, size_t size) {
  mema_SlotRef slot;
  mema_ThreadCache *cache = mema_takeCache(share);
  if (cache == NULL || size == 0 || size > mema_slotMax) return NULL;
  unsigned class = mema_classOf(size);
  const mema_Magazine *magazine = &cache->magazines[class + 1];
  if (!mema_lend(share, cache, magazine->slotSize)) return NULL;
  if (magazine->top == magazine->bottom && !mema_fill(share, cache, class)) return NULL;
  if (mema_findSlot(share->slab, ptr, &slot) && mema_isLive(slot)) (void)roomyMagazineFor(share, cache, slot);
  void *to = resizeAtHand(cache, ptr, size);
  if (!mema_hasCallsLeft(cache)) mema_renewCalls(cache); /* the lock's release tells the figures */
  if (to != NULL) mema_trimQuota(share, cache);
  return to;
}

void *mema_sharedResize(mema_Heap *heap, void *ptr, size_t size) {
  mema_Slab *slab = mema_slabIn(heap);
  void *to = resizeWithin(slab->heap.share, ptr, size);
  return to != NULL ? to : resizeLocked(slab->heap.share, ptr, size);
}

static MEMA_SLOW void *repallocSlow(mema_Pool *pool, void *ptr, size_t size) {
  mema_Slab *slab = lockShared(pool);
  if (slab == NULL) return NULL;
  void *to = mema_sharedResize(&slab->heap, ptr, size);
  mema_unlockAfterCall(&slab->heap);
  return to;
}

/* The general path from inside the cache. */
static MEMA_NOINLINE void *resizeElse(mema_Pool *pool, void *ptr, size_t size, mema_ThreadCache *cache) {
  void *to = size != 0 && size <= mema_slotMax ? resizeAtHand(cache, ptr, size) : NULL;
  if (mema_unlikely(!mema_hasCallsLeft(cache)) && to != NULL) return mema_callsOut(cache, to);
  mema_leave(cache);
  return to != NULL ? to : repallocSlow(pool, ptr, size);
}

/* The chunk changes its slot. A function of its own, since it calls memcpy in the middle and saves registers. */
static MEMA_NOINLINE void *moveHere(mema_Pool *pool, void *ptr, size_t size, mema_ThreadCache *cache,
                                    mema_Magazine *magazine, mema_State *state) {
  void *moved = mema_moveAtHand(cache, magazine, mema_magazineForAny(cache, size), state, ptr);
  if (mema_likely(moved != NULL) && mema_unlikely(mema_countMove(cache))) return mema_callsOut(cache, moved);
  mema_leave(cache);
  return mema_likely(moved != NULL) ? moved : repallocSlow(pool, ptr, size);
}

void *mema_resizeHere(mema_Pool *pool, void *ptr, size_t size, mema_ThreadCache *cache) {
  mema_SlotRef slot;
  if (mema_unlikely(size - 1 >= mema_slotMax || !mema_hasCallsLeft(cache))) return resizeElse(pool, ptr, size, cache);
  mema_Magazine *magazine = mema_findOwnHere(cache, ptr, &slot);
  if (mema_unlikely(magazine == NULL)) return resizeElse(pool, ptr, size, cache);
  if (!mema_staysInSlot(magazine->slotSize, size)) return moveHere(pool, ptr, size, cache, magazine, slot.state);
  mema_leave(cache);
  return ptr;
}

void *mema_sharedRepalloc(mema_Pool *pool, void *ptr, size_t size) {
  if (ptr == NULL) return mema_sharedPalloc(pool, size);
  mema_ThreadCache *cache = mema_enterAny(pool);
  return mema_likely(cache != NULL) ? mema_resizeHere(pool, ptr, size, cache) : repallocSlow(pool, ptr, size);
}

/* ---- aligned chunks, and sizes ----------------------------------------------------------------------------------- */

void *mema_sharedAligned(mema_Pool *pool, size_t alignment, size_t size) {
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache == NULL) return NULL;
  unsigned class = mema_slabClass(cache->share->slab, size, alignment);
  if (class < mema_classCount) return mema_popAtHand(cache, &cache->magazines[class + 1]);
  mema_leave(cache);
  return NULL;
}

/* Finds a chunk's size under the lock, since it reads the slab, which must not go away meanwhile. */
MEMA_SLOW size_t mema_sharedChunkSizeElse(const mema_Pool *pool, const void *ptr) {
  mema_Chunk chunk;
  size_t size = 0;
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (slab == NULL || !mema_lockQuietly(pool, &slab->heap)) return 0;
  if (mema_findChunk(&slab->heap, ptr, &chunk)) size = mema_sizeOf(pool, &chunk);
  mema_unlockPool(&slab->heap);
  return size;
}

size_t mema_sharedRoom(const mema_Pool *pool, size_t size) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (slab == NULL || size > MEMA_UNLIMITED || !mema_lockQuietly(pool, &slab->heap)) return 0;
  size_t room = mema_slabRoom(&slab->heap, size + (size == 0), MEMA_ALIGNMENT);
  mema_unlockPool(&slab->heap);
  return room;
}

static MEMA_NOINLINE size_t chunkSizeElse(const mema_Pool *pool, const void *ptr) {
  mema_SlotRef slot;
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache == NULL) return mema_sharedChunkSizeElse(pool, ptr);
  size_t size = mema_findHere(cache, ptr, &slot) && mema_isLive(slot) ? cache->magazines[slot.live].slotSize : 0;
  mema_leave(cache);
  return size != 0 ? size : mema_sharedChunkSizeElse(pool, ptr);
}

/* Some programs ask for the size at every malloc and free (malloc_usable_size), so the common case calls no
 * function. */
size_t mema_sharedChunkSize(const mema_Pool *pool, const void *ptr) {
  mema_ThreadCache *cache = mema_cacheHere;
  if (mema_unlikely(cache == NULL || !mema_enter(cache, pool))) return chunkSizeElse(pool, ptr);
  size_t size = mema_sizeAtHand(cache, ptr);
  mema_leave(cache);
  return mema_likely(size != 0) ? size : chunkSizeElse(pool, ptr);
}
