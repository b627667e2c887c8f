/* exchange.c - the exchange of slots between thread caches and the pool, by the dozen. It also quiesces threads and keeps
 * the owner ids. The protocol is in share.h. The lock is held. */
#include <string.h>

#include "../memory/os.h"
#include "slotRef.h"

enum { waitSpins = 200, longTries = 200 /* a millisecond each */ };

static bool canBarrier;

/* Under the thread sanitizer each call takes the lock: lock.c announces the lock to the sanitizer, but
 * nothing announces the entry to a cache. */
void mema_prepareBarrier(void) {
  canBarrier = mema_osCanBarrier() && !mema_isRaceChecked();
}

/* 0: without the barrier no cache is ever used without the lock. Low budget and a close gauge need the lock
 * too. */
uintptr_t mema_keyAtRest(const mema_ThreadCache *cache) {
  return canBarrier && !cache->share->lowBudget && !cache->share->closely ? (uintptr_t)cache->pool + cache->generation : 0;
}

/* ---- quiescing --------------------------------------------------------------------------------------------------- */

bool mema_isOthers(const mema_ThreadCache *cache) {
  return cache->owner != 0 && cache->owner != mema_threadNumber() &&
         cache->epoch == atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

static bool isBusy(const mema_ThreadCache *cache) {
  return atomic_load_explicit(&cache->busy, memory_order_acquire) != 0;
}

/* Waits a short while until the owner is out. The owner has a few instructions left, unless the system has
 * suspended it. */
static bool spinUntilOut(const mema_ThreadCache *cache) {
  for (int i = 0; i < waitSpins && isBusy(cache); i++) mema_pause();
  return !isBusy(cache);
}

/* Waits until the owner is out. If a handler interrupted this and forked, the owner does not exist in the
 * child: the wait ends there. */
static void waitUntilOut(mema_Share *share, const mema_ThreadCache *cache) {
  uint32_t waits;
  unsigned turns = 0;
  if (spinUntilOut(cache)) return;
  atomic_store_explicit(&share->pause, mema_waitsForOthers, memory_order_release);
  do {
    mema_letOthersRun(turns++);
    waits = mema_waitsForOthers;
  } while ((mema_isOthers(cache) && isBusy(cache)) ||
           !atomic_compare_exchange_strong_explicit(&share->pause, &waits, mema_atWork, memory_order_acquire,
                                                    memory_order_relaxed));
}

static void beginPeriods(mema_Slab *slab, uint32_t count) {
  slab->shared.period += count;
  slab->shared.youngRows = 0;
}

/* Begins a period if every thread took the lock in this one: it was in no look-up then. Needs no barrier. With many caches
 * that would take too long. */
static void beginPeriodIfAllWereOut(mema_Share *share) {
  if (share->cacheCount > mema_fewCaches) return;
  for (const mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    if (mema_isOthers(cache) && cache->wasOut != share->slab->shared.period) return;
  beginPeriods(share->slab, 1);
}

/* Sets the keys of all other caches to 0. Their threads may still be busy. With a low budget the keys are 0
 * already, and no thread can do more inside than notice it. */
static void callOthers(const mema_Share *share) {
  bool any = false;
  if (share->lowBudget) return;
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) {
    if (!mema_isOthers(cache)) continue;
    atomic_store_explicit(&cache->key, 0, memory_order_seq_cst);
    any = true;
  }
  if (any && canBarrier) mema_osBarrier();
}

void mema_quiesce(mema_Share *share) {
  if (share->quiesced) return;
  share->quiesced = true;
  callOthers(share);
  for (mema_ThreadCache *cache = share->caches; cache != NULL && !share->lowBudget; cache = cache->next)
    if (mema_isOthers(cache)) waitUntilOut(share, cache);
  beginPeriods(share->slab, mema_gracePeriods);
}

/* True if all other threads leave their caches within a short while. Their keys are 0 already. */
static bool areSoonOut(const mema_Share *share) {
  for (const mema_ThreadCache *cache = share->caches; cache != NULL && !share->lowBudget; cache = cache->next)
    if (mema_isOthers(cache) && !spinUntilOut(cache)) return false;
  return true;
}

static void resumeOthers(const mema_Share *share) {
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    if (mema_isOthers(cache)) atomic_store_explicit(&cache->key, mema_keyAtRest(cache), memory_order_release);
}

bool mema_tryQuiesce(mema_Share *share) {
  share->quiesced = true;
  callOthers(share);
  if (areSoonOut(share)) {
    beginPeriods(share->slab, mema_gracePeriods);
    return true;
  }
  mema_resume(share);
  return false;
}

bool mema_quiesceLong(mema_Share *share) {
  for (int i = 0; i < longTries; i++) {
    if (mema_tryQuiesce(share)) return true;
    mema_sleepMillisecond();
  }
  return false;
}

void mema_resume(mema_Share *share) {
  share->quiesced = false;
  resumeOthers(share);
}

bool mema_quiesceAgain(mema_Share *share) {
  callOthers(share);
  if (areSoonOut(share)) return true;
  mema_resumeAgain(share);
  return false;
}

void mema_resumeAgain(mema_Share *share) {
  if (!share->quiesced) resumeOthers(share);
}

/* True if the calling thread is inside its cache, and all others but the lock's holder are out. With `late`,
 * others may be inside too. */
static bool isAloneInside(const mema_Share *share, bool late) {
  bool inside = false;
  for (const mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) {
    if (cache == share->inside) continue;
    if (mema_isOthers(cache) && !spinUntilOut(cache) && !late) return false;
    if (cache->owner == mema_threadNumber()) inside = isBusy(cache);
  }
  return inside;
}

/* The holder quiesced all other caches before it began to wait. */
bool mema_keepWaiting(mema_Share *share, bool late) {
  uint32_t waits = mema_waitsForOthers;
  if (!atomic_compare_exchange_strong_explicit(&share->pause, &waits, mema_keptWaiting, memory_order_acquire,
                                               memory_order_relaxed))
    return false;
  if (isAloneInside(share, late)) return true;
  mema_letGoOn(share);
  return false;
}

void mema_letGoOn(mema_Share *share) {
  atomic_store_explicit(&share->pause, mema_waitsForOthers, memory_order_release);
}

/* Empties all magazines and returns of a cache: an unfinished change may have left an entry half written. */
static void emptyShelves(mema_Share *share, mema_ThreadCache *cache) {
  mema_forgetMagazines(share, cache);
  for (unsigned i = 1; i <= mema_classCount; i++) {
    mema_emptyReturns(&cache->returns[i]);
    cache->arrived[i - 1] = 0;
  }
}

void mema_forgetChange(mema_Share *share, mema_ThreadCache *cache) {
  emptyShelves(share, cache);
  share->unfinished = true;
  mema_leave(cache);
}

void mema_forgetUnfinished(mema_Share *share) {
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    if (cache->owner != mema_threadNumber() && isBusy(cache)) mema_forgetChange(share, cache);
}

/* The lock's holder had no change unfinished. It quiesced the calling thread's cache, whose key is set again
 * here. */
void mema_takeOver(mema_Share *share) {
  mema_seizeLock(&share->lock);
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  if (share->inside != NULL) mema_leave(share->inside);
  share->inside = NULL;
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    if (cache->owner == mema_threadNumber()) atomic_store_explicit(&cache->key, mema_keyAtRest(cache), memory_order_relaxed);
}

/* Waits for a grace period: all threads leave their caches once, and may enter again. */
static void waitForGrace(mema_Share *share) {
  bool kept = share->quiesced;
  mema_quiesce(share);
  if (!kept) mema_resume(share);
}

/* ---- owner ids --------------------------------------------------------------------------------------------------- */

/* With more caches than this, an owner that loses one privilege loses all, since each revocation looks at all caches. */
enum { manyCaches = 64 };

static const uint64_t allClasses = (UINT64_C(1) << mema_classCount) - 1;

/* Sets or clears the privileges of the classes whose bits are set. */
static void setPrivileges(mema_ThreadCache *cache, uint64_t classes, bool own) {
  for (; classes != 0; classes &= classes - 1) {
    unsigned state = (unsigned)__builtin_ctzll(classes) + 1;
    cache->magazines[state].own = own ? (uint16_t)(cache->ownerId << 8 | state) : 0;
  }
}

/* Makes all caches look at `revoked` before their next free in a span of the owner id. All threads are quiesced. */
static void lookAgain(mema_Share *share, uint8_t ownerId) {
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    for (unsigned state = 1; state <= mema_classCount; state++)
      if (cache->returns[state].own >> 8 == ownerId) cache->returns[state].own = 0;
}

void mema_revoke(mema_Share *share, uint8_t ownerId, unsigned class) {
  bool kept = share->quiesced;
  uint64_t going = share->cacheCount > manyCaches ? allClasses : UINT64_C(1) << class;
  mema_ThreadCache *cache = share->owners[ownerId];
  /* an orphan has no thread that could be inside */
  if (cache != NULL && mema_isOthers(cache)) mema_quiesce(share);
  if (cache != NULL) {
    if ((cache->lost & going) != 0) going |= cache->lost;
    cache->lost |= going;
    setPrivileges(cache, going, false);
  }
  atomic_fetch_or_explicit(&share->revoked[ownerId], going, memory_order_release);
  if (!kept && share->quiesced) mema_resume(share);
}

void mema_regain(mema_Share *share, mema_ThreadCache *cache) {
  if (cache->patienceMost < UINT32_MAX / 2) cache->patienceMost *= 2;
  cache->patience = cache->patienceMost;
  if (cache->ownerId == 0 || cache->lost == 0) return;
  bool kept = share->quiesced;
  mema_quiesce(share);
  lookAgain(share, cache->ownerId);
  atomic_fetch_and_explicit(&share->revoked[cache->ownerId], ~cache->lost, memory_order_release);
  setPrivileges(cache, cache->lost, true);
  if (!kept) mema_resume(share);
}

/* True if no cache has the owner id. */
static bool isUnused(const mema_Share *share, uint8_t ownerId) {
  return (atomic_load_explicit(&share->revoked[ownerId], memory_order_relaxed) & mema_unused) != 0;
}

/* An owner id that no cache ever had has no spans, so no thread is about to free from them. 0: there is none. */
static uint8_t freshId(mema_Share *share) {
  return share->usedIds + 1 < mema_tagCount ? (uint8_t)++share->usedIds : 0;
}

/* Returns an owner id of an ended thread, whose spans then become the new thread's; 0: none. Many caches take long to
 * quiesce: if there are many, an id is used again only after a number of new caches. */
static uint8_t usedId(mema_Share *share) {
  if (share->madeCaches * mema_tagCount < share->cacheCount) return 0;
  for (unsigned ownerId = 1; ownerId <= share->usedIds; ownerId++)
    if (isUnused(share, (uint8_t)ownerId)) return (uint8_t)ownerId;
  return 0;
}

/* Marks an owner id as one of a cache. A used one has all classes revoked. All threads are quiesced while the bits
 * change, so none is about to free from its spans by an earlier reading. */
static void openId(mema_Share *share, uint8_t ownerId, bool fresh) {
  bool kept = share->quiesced;
  if (!fresh) mema_quiesce(share);
  if (!fresh) lookAgain(share, ownerId);
  atomic_store_explicit(&share->revoked[ownerId], 0, memory_order_release);
  if (!fresh && !kept) mema_resume(share);
  if (!fresh) share->madeCaches = 0;
}

void mema_giveOwnerId(mema_Share *share, mema_ThreadCache *cache) {
  cache->ownerId = 0;
  if (!canBarrier) return;
  share->madeCaches++;
  uint8_t fresh = freshId(share);
  cache->ownerId = fresh != 0 ? fresh : usedId(share);
  if (cache->ownerId == 0) return;
  openId(share, cache->ownerId, fresh != 0);
  share->owners[cache->ownerId] = cache;
  setPrivileges(cache, allClasses, true);
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

static mema_CachedSlot *batchAt(const mema_Depot *depot, uint32_t batch) {
  return depot->cachedSlots + (size_t)batch * depot->room;
}

/* Removes a batch: the last one moves into its place. */
static void dropBatch(mema_Depot *depot, uint32_t batch) {
  uint32_t last = --depot->count;
  if (batch == last) return;
  memcpy(batchAt(depot, batch), batchAt(depot, last), depot->held[last] * sizeof(mema_CachedSlot));
  depot->held[batch] = depot->held[last];
  depot->tags[batch] = depot->tags[last];
}

static uint32_t takeBatch(mema_Depot *depot, uint32_t batch, mema_CachedSlot *cachedSlots) {
  uint32_t held = depot->held[batch];
  memcpy(cachedSlots, batchAt(depot, batch), held * sizeof *cachedSlots);
  dropBatch(depot, batch);
  return held;
}

/* True if the depot has room for a batch. A full depot first gives those batches to the slab whose caches ask
 * for no slots. */
static bool hasRoom(mema_Share *share, mema_Depot *depot) {
  for (uint32_t batch = 0; depot->count == mema_batches && batch < mema_batches; batch++) {
    if (!mema_isNobodys(share->revoked, depot->tags[batch])) continue;
    mema_slabGiveCached(share->slab, batchAt(depot, batch), depot->held[batch]);
    dropBatch(depot, batch);
  }
  return depot->count < mema_batches;
}

void mema_putAway(mema_Share *share, unsigned class, const mema_CachedSlot *cachedSlots, uint32_t count, uint8_t ownerId) {
  mema_Depot *depot = &share->depot[class];
  while (count != 0 && hasRoom(share, depot)) {
    uint32_t held = count < depot->room ? count : depot->room, batch = depot->count++;
    memcpy(batchAt(depot, batch), cachedSlots, held * sizeof *cachedSlots);
    depot->held[batch] = held;
    depot->tags[batch] = ownerId;
    cachedSlots += held;
    count -= held;
  }
  mema_slabGiveCached(share->slab, cachedSlots, count);
}

/* Finds the youngest batch for a cache, or else one whose owner id is unused. mema_batches: there is none. */
static uint32_t findBatch(const mema_Share *share, const mema_Depot *depot, uint8_t ownerId) {
  uint32_t found = mema_batches;
  for (uint32_t batch = depot->count; batch-- > 0;) {
    if (depot->tags[batch] == ownerId) return batch;
    if (found == mema_batches && isUnused(share, depot->tags[batch])) found = batch;
  }
  return found;
}

static uint8_t tagAt(const mema_Share *share, const char *ptr) {
  return mema_ownerOf(share->slab, (uint32_t)((size_t)(ptr - share->slab->heap.area) >> mema_unitShiftMax));
}

/* The owner does not come for its slots: they stay with the threads that free them, until it refills. */
static void stopReturns(mema_Share *share, uint8_t ownerId) {
  atomic_fetch_or_explicit(&share->revoked[ownerId], mema_nobodys, memory_order_relaxed);
}

/* Counts a return of slots to an owner, by the lock. The owner that never refills needs none. */
static void noteSent(mema_Share *share, uint8_t ownerId) {
  mema_ThreadCache *owner = share->owners[ownerId];
  if (owner != NULL && ++owner->sentBack == mema_sentMost) stopReturns(share, ownerId);
}

static void noteFill(mema_Share *share, mema_ThreadCache *cache) {
  cache->sentBack = 0;
  if (cache->ownerId != 0 && mema_isNobodys(share->revoked, cache->ownerId))
    atomic_fetch_and_explicit(&share->revoked[cache->ownerId], ~mema_nobodys, memory_order_relaxed);
}

/* Sorts the returns by owner id, so that each slot goes to the right cache. */
void mema_sendBack(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *returns = &cache->returns[class + 1];
  if (returns->top == returns->bottom) return;
  while (returns->top != returns->bottom) {
    mema_CachedSlot *first = mema_lastReturns(cache, returns);
    uint8_t ownerId = tagAt(share, first->ptr);
    if (mema_clearFullInbox(share, ownerId, class)) stopReturns(share, ownerId);
    mema_putAway(share, class, first, (uint32_t)(returns->top - first), ownerId);
    noteSent(share, ownerId);
    returns->top = first;
  }
  mema_emptyReturns(returns);
  mema_provideBatches(share);
}

void mema_flushOlder(mema_Share *share, mema_ThreadCache *cache, unsigned class, uint32_t count) {
  mema_Magazine *magazine = &cache->magazines[class + 1];
  mema_CachedSlot *rest = magazine->bottom + count;
  mema_putAway(share, class, magazine->bottom, count, cache->ownerId);
  memmove(magazine->bottom, rest, (size_t)(magazine->top - rest) * sizeof *rest);
  magazine->top -= count;
}

/* Without growth the older half goes: the slots freed last are still in the processor's caches. */
void mema_relieve(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  const mema_Magazine *magazine = &cache->magazines[class + 1];
  if (mema_growMagazine(share, cache, class)) return;
  uint32_t older = ((uint32_t)(magazine->top - magazine->bottom) + 1) / 2;
  mema_flushOlder(share, cache, class, older);
  mema_noteOverflow(cache, class, older);
}

/* A grace period is awaited after a number of ranges that grows with the number of caches, each of which it looks at. */
static bool isTimeForGrace(const mema_Share *share) {
  uint32_t young = share->slab->shared.youngRows;
  return (young >= mema_graceAfter && young >= share->cacheCount / mema_graceAfter) || share->cacheCount == 1;
}

/* The lowest address is to be handed out first, so it lies at the top. */
static uint32_t takeCached(mema_Share *share, const mema_ThreadCache *cache, unsigned class, uint32_t wanted,
                           mema_CachedSlot *cachedSlots) {
  mema_Slab *slab = share->slab;
  if (slab->shared.youngRows != 0) beginPeriodIfAllWereOut(share);
  if (isTimeForGrace(share)) waitForGrace(share);
  slab->shared.ownerId = cache->ownerId;
  uint32_t count = mema_slabTakeCached(slab, class, wanted, cachedSlots + wanted);
  slab->shared.ownerId = 0;
  if (count != wanted) memmove(cachedSlots, cachedSlots + wanted - count, count * sizeof *cachedSlots);
  return count;
}

/* Moves the returns of a class into its magazine, which is empty. */
static bool keepReturns(mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *from = &cache->returns[class + 1], *to = &cache->magazines[class + 1];
  size_t count = (size_t)(from->top - from->bottom);
  memcpy(to->bottom, from->bottom, count * sizeof *to->bottom);
  to->top = to->bottom + count;
  mema_emptyReturns(from);
  return count != 0;
}

/* True if the first of the returns belongs to a cache that asks for no slots. */
static bool mayKeepReturns(const mema_Share *share, const mema_ThreadCache *cache, unsigned class) {
  const mema_Magazine *returns = &cache->returns[class + 1];
  return returns->top != returns->bottom && mema_isNobodys(share->revoked, tagAt(share, returns->bottom->ptr));
}

/* Returns the number of slots of the next fill: half an ordinary magazine. The first half comes in smaller fills, of 8,
 * 16, 32 slots and the rest. More than the rest would not fit beside the next half, and a magazine that is
 * full and empty in turns takes the lock each time. */
static uint32_t nextFill(mema_Magazine *magazine, unsigned class) {
  uint32_t half = mema_batchRoom(class), wanted = magazine->fill;
  if (wanted == 0) return half;
  uint32_t rest = half + mema_fillFirst > wanted ? half + mema_fillFirst - wanted : half;
  magazine->fill = (uint8_t)(wanted < rest ? 2 * wanted : 0);
  return wanted < rest ? wanted : rest;
}

/* The order is: what other threads returned, returns whose owners ask for no slots, batches for this cache or for an unused
 * owner id, slots of the slab, then any batch, then any returns. */
bool mema_fill(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *magazine = &cache->magazines[class + 1];
  mema_Depot *depot = &share->depot[class];
  noteFill(share, cache);
  if (mema_hasReturns(share) && mema_takeReturns(cache, class)) return true;
  if (mayKeepReturns(share, cache, class)) return keepReturns(cache, class);
  uint32_t own = findBatch(share, depot, cache->ownerId), count;
  if (own < mema_batches) {
    count = takeBatch(depot, own, magazine->bottom);
  } else {
    count = takeCached(share, cache, class, nextFill(magazine, class), magazine->bottom);
    if (count == 0 && depot->count > 0) count = takeBatch(depot, depot->count - 1, magazine->bottom);
  }
  magazine->top = magazine->bottom + count;
  mema_noteFetch(cache, class, count);
  return count != 0 || keepReturns(cache, class);
}

/* Moves all cached slots of a class from a cache to the depot. */
static void flushClass(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *magazine = &cache->magazines[class + 1];
  mema_putAway(share, class, magazine->bottom, (uint32_t)(magazine->top - magazine->bottom), cache->ownerId);
  magazine->top = magazine->bottom;
  mema_shrinkMagazine(share, cache, class);
  mema_sendBack(share, cache, class);
}

/* Moves all slots of a class from the depot to the slab. */
static void emptyClass(mema_Share *share, unsigned class) {
  mema_Depot *depot = &share->depot[class];
  for (uint32_t batch = 0; batch < depot->count; batch++)
    mema_slabGiveCached(share->slab, batchAt(depot, batch), depot->held[batch]);
  depot->count = 0;
}

void mema_flushCache(mema_Share *share, mema_ThreadCache *cache) {
  mema_clearArrivals(share, cache);
  for (unsigned class = 0; class < mema_classCount; class ++) flushClass(share, cache, class);
  mema_shrinkMagazines(share, cache);
}

void mema_emptyDepot(mema_Share *share) {
  for (uint32_t ownerId = 1; ownerId <= share->usedIds; ownerId++) mema_clearInboxes(share, (uint8_t)ownerId);
  for (unsigned class = 0; class < mema_classCount; class ++) emptyClass(share, class);
}

/* Moves what is on its way between all caches to the depot. */
static void clearAllReturns(mema_Share *share) {
  for (uint32_t ownerId = 1; ownerId <= share->usedIds; ownerId++) mema_clearInboxes(share, (uint8_t)ownerId);
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) mema_clearArrivals(share, cache);
}

void mema_releaseSparse(mema_Share *share) {
  bool kept = share->quiesced;
  uint64_t sparse = mema_slabSparse(share->slab);
  if (sparse != 0) mema_quiesce(share);
  if (sparse != 0) clearAllReturns(share);
  for (uint64_t left = sparse; left != 0; left &= left - 1) {
    unsigned class = (unsigned)__builtin_ctzll(left);
    for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) flushClass(share, cache, class);
    emptyClass(share, class);
  }
  mema_slabReleaseSparse(share->slab, sparse);
  if (!kept && share->quiesced) mema_resume(share);
}
