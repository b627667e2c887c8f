/* exchange.c - see share.h: what goes between shards and the pool: slots by the dozen, budget by the batch. The lock is held. */
#include <string.h>

#include "../memory/os.h"
#include "place.h"

enum { waitSpins = 200, longTries = 200 /* a millisecond each */ };

static bool canBarrier;

void mema_prepareBarrier(void) {
  canBarrier = mema_osCanBarrier();
}

/* Where threads cannot be made to pass a barrier, no shard is ever free to work without the lock. */
uintptr_t mema_keyAtRest(const mema_Shard *shard) {
  return canBarrier && !shard->share->tight && !shard->share->closely ? (uintptr_t)shard->pool + shard->generation : 0;
}

/* ---- calling ----------------------------------------------------------------------------------------------------------- */

/* The owner exists, and is not the calling thread. */
static bool isOthers(const mema_Shard *shard) {
  return shard->owner != 0 && shard->owner != mema_threadNumber() &&
         shard->epoch == atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

static bool isBusy(const mema_Shard *shard) {
  return atomic_load_explicit(&shard->busy, memory_order_acquire) != 0;
}

/* Its owner is between a few instructions, unless the system has put it to sleep there. */
static bool spinUntilOut(const mema_Shard *shard) {
  for (int i = 0; i < waitSpins && isBusy(shard); i++) mema_pause();
  return !isBusy(shard);
}

/* In a child that was forked meanwhile, by a handler that interrupted this, the owner does not exist. */
static void waitUntilOut(mema_Share *share, const mema_Shard *shard) {
  uint32_t waits;
  unsigned turns = 0;
  if (spinUntilOut(shard)) return;
  atomic_store_explicit(&share->pause, mema_waitsForOthers, memory_order_release);
  do {
    mema_letOthersRun(turns++);
    waits = mema_waitsForOthers;
  } while ((isOthers(shard) && isBusy(shard)) ||
           !atomic_compare_exchange_strong_explicit(&share->pause, &waits, mema_atWork, memory_order_acquire,
                                                    memory_order_relaxed));
}

/* Nobody but the caller is in the middle of anything now. */
static void beginPeriod(mema_Slab *slab) {
  slab->period++;
  slab->youngRows = 0;
}

/* They may still be busy. While the share is tight all are called, and none can be more than about to see it. */
static void callOthers(const mema_Share *share) {
  bool any = false;
  if (share->tight) return;
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    if (!isOthers(shard)) continue;
    atomic_store_explicit(&shard->key, 0, memory_order_seq_cst);
    any = true;
  }
  if (any && canBarrier) mema_osBarrier();
}

void mema_keepOut(mema_Share *share) {
  if (share->keepsOut) return;
  share->keepsOut = true;
  callOthers(share);
  for (mema_Shard *shard = share->shards; shard != NULL && !share->tight; shard = shard->next)
    if (isOthers(shard)) waitUntilOut(share, shard);
  beginPeriod(share->slab);
}

/* They were called. */
static bool areSoonOut(const mema_Share *share) {
  for (const mema_Shard *shard = share->shards; shard != NULL && !share->tight; shard = shard->next)
    if (isOthers(shard) && !spinUntilOut(shard)) return false;
  return true;
}

static void letOthersIn(const mema_Share *share) {
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next)
    if (isOthers(shard)) atomic_store_explicit(&shard->key, mema_keyAtRest(shard), memory_order_release);
}

bool mema_tryKeepOut(mema_Share *share) {
  share->keepsOut = true;
  callOthers(share);
  if (areSoonOut(share)) {
    beginPeriod(share->slab);
    return true;
  }
  mema_letIn(share);
  return false;
}

bool mema_keepOutLong(mema_Share *share) {
  for (int i = 0; i < longTries; i++) {
    if (mema_tryKeepOut(share)) return true;
    mema_sleepMillisecond();
  }
  return false;
}

void mema_letIn(mema_Share *share) {
  share->keepsOut = false;
  letOthersIn(share);
}

bool mema_keepOutAgain(mema_Share *share) {
  callOthers(share);
  if (areSoonOut(share)) return true;
  mema_letInAgain(share);
  return false;
}

void mema_letInAgain(mema_Share *share) {
  if (!share->keepsOut) letOthersIn(share);
}

/* Whether of all threads that use the share only the calling one is inside, and the lock's holder. If it is `late`, others may be. */
static bool isAloneInside(const mema_Share *share, bool late) {
  bool inside = false;
  for (const mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    if (shard == share->inside) continue;
    if (isOthers(shard) && !spinUntilOut(shard) && !late) return false;
    if (shard->owner == mema_threadNumber()) inside = isBusy(shard);
  }
  return inside;
}

/* All others were called before the holder began to wait. */
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

/* An entry may be written by half. */
static void emptyShelves(mema_Shard *shard) {
  for (unsigned i = 1; i <= mema_classCount; i++) {
    shard->magazines[i].top = shard->magazines[i].bottom;
    shard->returns[i].top = shard->returns[i].bottom;
  }
}

void mema_forgetUnfinished(mema_Share *share) {
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    if (shard->owner == mema_threadNumber() || !isBusy(shard)) continue;
    emptyShelves(shard);
    mema_leave(shard);
    share->unfinished = true;
  }
}

/* The holder was in the middle of nothing. The thread's own shard was called by it, and is let in again. */
void mema_takeOver(mema_Share *share) {
  mema_seizeLock(&share->lock);
  atomic_store_explicit(&share->pause, mema_atWork, memory_order_relaxed);
  if (share->inside != NULL) mema_leave(share->inside);
  share->inside = NULL;
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next)
    if (shard->owner == mema_threadNumber()) atomic_store_explicit(&shard->key, mema_keyAtRest(shard), memory_order_relaxed);
}

/* All threads out and in again. */
static void waitForGrace(mema_Share *share) {
  bool kept = share->keepsOut;
  mema_keepOut(share);
  if (!kept) mema_letIn(share);
}

/* ---- tags -------------------------------------------------------------------------------------------------------------- */

/* Of these classes. */
static void setPrivileges(mema_Shard *shard, uint64_t classes, bool own) {
  for (; classes != 0; classes &= classes - 1) {
    unsigned state = (unsigned)__builtin_ctzll(classes) + 1;
    shard->magazines[state].own = own ? (uint16_t)(shard->tag << 8 | state) : 0;
  }
}

void mema_revoke(mema_Share *share, uint8_t tag, unsigned class) {
  bool kept = share->keepsOut;
  uint64_t going = UINT64_C(1) << class;
  mema_keepOut(share);
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) {
    if (shard->tag != tag) continue;
    if ((shard->lost & going) != 0) going = shard->lost;
    shard->lost |= going;
    setPrivileges(shard, going, false);
  }
  atomic_fetch_or_explicit(&share->revoked[tag], going, memory_order_release);
  if (!kept) mema_letIn(share);
}

void mema_regain(mema_Share *share, mema_Shard *shard) {
  if (shard->patienceMost < UINT32_MAX / 2) shard->patienceMost *= 2;
  shard->patience = shard->patienceMost;
  if (shard->tag == 0 || shard->lost == 0) return;
  bool kept = share->keepsOut;
  mema_keepOut(share);
  atomic_fetch_and_explicit(&share->revoked[shard->tag], ~shard->lost, memory_order_release);
  setPrivileges(shard, shard->lost, true);
  if (!kept) mema_letIn(share);
}

/* No shard has the tag. */
static bool isUnused(const mema_Share *share, uint8_t tag) {
  return (atomic_load_explicit(&share->revoked[tag], memory_order_relaxed) & mema_unused) != 0;
}

/* A free tag is one with all classes revoked, which no shard has. It may be that of a thread that ended: its spans then become the new
 * thread's, which nobody must be about to free from as if they were nobody's. */
void mema_giveTag(mema_Share *share, mema_Shard *shard) {
  shard->tag = 0;
  if (!canBarrier) return;
  for (unsigned tag = 1; tag < mema_tagCount && shard->tag == 0; tag++)
    if (isUnused(share, (uint8_t)tag)) shard->tag = (uint8_t)tag;
  if (shard->tag == 0) return;
  bool kept = share->keepsOut;
  mema_keepOut(share);
  atomic_store_explicit(&share->revoked[shard->tag], 0, memory_order_release);
  if (!kept) mema_letIn(share);
  setPrivileges(shard, (UINT64_C(1) << mema_classCount) - 1, true);
}

/* ---- budget ------------------------------------------------------------------------------------------------------------ */

/* The least that was free since the last time, as far as can be told: each shard knows its own least, not when it was. So this is
 * exact for one thread, and for several not above the true least. */
static size_t leastFree(const mema_Share *share) {
  size_t low = share->pool->freeSize;
  for (const mema_Shard *shard = share->shards; shard != NULL; shard = shard->next)
    low += atomic_load_explicit(&shard->lowCredit, memory_order_relaxed);
  return low;
}

static void noteLow(mema_Share *share) {
  size_t low = leastFree(share);
  if (low < share->pool->lowWater) share->pool->lowWater = low;
}

static void setCredit(mema_Shard *shard, size_t credit) {
  shard->overLow = 0;
  atomic_store_explicit(&shard->lowCredit, credit, memory_order_relaxed);
}

void mema_restartLow(mema_Share *share, mema_Shard *shard) {
  noteLow(share);
  setCredit(shard, mema_creditOf(shard));
}

/* A thread's part of so many bytes of the budget. */
static size_t partOf(const mema_Share *share, size_t bytes) {
  return bytes / (8 * ((size_t)share->shardCount + 1));
}

/* What may be lent at a time: nothing when the budget is nearly used up, or somebody waits for it. */
static size_t lendable(const mema_Share *share) {
  size_t batch = partOf(share, share->pool->freeSize);
  if (batch < mema_creditLeast || share->tight) return 0;
  return batch < mema_creditMost ? batch : mema_creditMost;
}

/* The pool's own part of the budget changes: the calling shard's least begins anew, so that it is not added to another time's. */
static void beginAnew(mema_Share *share) {
  noteLow(share);
  if (share->inside != NULL) setCredit(share->inside, mema_creditOf(share->inside));
}

void mema_chargeShare(mema_Share *share, size_t bytes) {
  beginAnew(share);
  share->pool->freeSize -= bytes;
  noteLow(share);
}

void mema_creditShare(mema_Share *share, size_t bytes) {
  beginAnew(share);
  share->pool->freeSize += bytes;
  if (share->waiting != 0) mema_wakeWaiting(share);
}

void mema_wakeWaiting(mema_Share *share) {
  atomic_fetch_add_explicit(&share->freed, 1, memory_order_release);
  mema_osWake(&share->freed, true);
}

void mema_gather(mema_Share *share, mema_Shard *shard) {
  noteLow(share);
  share->pool->freeSize += mema_creditOf(shard);
  share->pool->allocations += shard->allocations;
  share->pool->frees += shard->frees;
  share->pool->held += shard->held;
  share->told -= shard->told;
  shard->allocations = shard->frees = shard->held = shard->creditMost = shard->told = 0;
  setCredit(shard, 0);
}

/* The keys of those that are called anyway change when they are let in. */
void mema_renewKeys(mema_Share *share) {
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next)
    if (!share->keepsOut || !isOthers(shard))
      atomic_store_explicit(&shard->key, mema_keyAtRest(shard), memory_order_release);
}

static void setTight(mema_Share *share, bool tight) {
  share->tight = tight;
  share->turns = 0;
  mema_renewKeys(share);
}

static bool isScarce(const mema_Share *share) {
  return share->waiting != 0 || partOf(share, leastFree(share)) < mema_creditLeast;
}

void mema_tighten(mema_Share *share) {
  if (!share->tight && isScarce(share)) setTight(share, true);
}

/* A quarter more than what was scarce, so that it is not so again at once; and not before the barrier that it took to call all has been made up for,
 * else it is passed again and again where the budget goes up and down around there. */
void mema_loosen(mema_Share *share) {
  if (!share->tight || share->waiting != 0 || ++share->turns < mema_tightTurns) return;
  if (partOf(share, share->pool->freeSize) >= mema_creditLeast + mema_creditLeast / 4) setTight(share, false);
}

/* Calls in what the others were lent. */
static void callIn(mema_Share *share) {
  bool kept = share->keepsOut;
  mema_keepOut(share);
  for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) mema_gather(share, shard);
  mema_tighten(share);
  if (!kept) mema_letIn(share);
}

bool mema_lend(mema_Share *share, mema_Shard *shard, size_t bytes) {
  mema_Pool *pool = share->pool;
  size_t credit = shard != NULL ? mema_creditOf(shard) : 0;
  if (credit >= bytes && shard != NULL) return true;
  if (pool->freeSize < bytes - credit || (shard != NULL && !share->tight && isScarce(share))) {
    callIn(share);
    credit = 0;
    if (pool->freeSize < bytes) return false;
  }
  if (shard == NULL) return true;
  noteLow(share);
  pool->freeSize -= bytes - credit;
  size_t batch = lendable(share);
  pool->freeSize -= batch;
  setCredit(shard, bytes + batch);
  shard->creditMost = 2 * batch;
  return true;
}

/* Who comes here has freed something: others may wait for it, also where its credit was called in on the way. */
void mema_settle(mema_Share *share, mema_Shard *shard) {
  size_t keep = lendable(share), credit = mema_creditOf(shard);
  if (share->waiting != 0) mema_wakeWaiting(share);
  if (credit <= shard->creditMost) return;
  noteLow(share);
  if (keep > credit) keep = credit;
  share->pool->freeSize += credit - keep;
  setCredit(shard, keep);
  shard->creditMost = 2 * keep;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------- */

static mema_Spare *bundleAt(const mema_Depot *depot, uint32_t bundle) {
  return depot->spares + (size_t)bundle * depot->room;
}

/* The last moves into its place. */
static void dropBundle(mema_Depot *depot, uint32_t bundle) {
  uint32_t last = --depot->count;
  if (bundle == last) return;
  memcpy(bundleAt(depot, bundle), bundleAt(depot, last), depot->held[last] * sizeof(mema_Spare));
  depot->held[bundle] = depot->held[last];
  depot->tags[bundle] = depot->tags[last];
}

static uint32_t takeBundle(mema_Depot *depot, uint32_t bundle, mema_Spare *spares) {
  uint32_t held = depot->held[bundle];
  memcpy(spares, bundleAt(depot, bundle), held * sizeof *spares);
  dropBundle(depot, bundle);
  return held;
}

/* Whether the depot takes another bundle: one for a shard that does not come for it goes back to the slab. */
static bool hasRoom(mema_Share *share, mema_Depot *depot) {
  for (uint32_t bundle = 0; depot->count == mema_bundles && bundle < mema_bundles; bundle++) {
    if (!mema_isNobodys(share->revoked, depot->tags[bundle])) continue;
    mema_slabGiveSpares(share->slab, bundleAt(depot, bundle), depot->held[bundle]);
    dropBundle(depot, bundle);
  }
  return depot->count < mema_bundles;
}

/* Puts slots into the depot, for the shard of that tag; those that it has no room for go back to the slab. */
static void putAway(mema_Share *share, unsigned class, const mema_Spare *spares, uint32_t count, uint8_t tag) {
  mema_Depot *depot = &share->depot[class];
  while (count != 0 && hasRoom(share, depot)) {
    uint32_t held = count < depot->room ? count : depot->room, bundle = depot->count++;
    memcpy(bundleAt(depot, bundle), spares, held * sizeof *spares);
    depot->held[bundle] = held;
    depot->tags[bundle] = tag;
    spares += held;
    count -= held;
  }
  mema_slabGiveSpares(share->slab, spares, count);
}

/* The youngest bundle for a shard, or else for one that is gone; mema_bundles: there is none. */
static uint32_t findBundle(const mema_Share *share, const mema_Depot *depot, uint8_t tag) {
  uint32_t found = mema_bundles;
  for (uint32_t bundle = depot->count; bundle-- > 0;) {
    if (depot->tags[bundle] == tag) return bundle;
    if (found == mema_bundles && isUnused(share, depot->tags[bundle])) found = bundle;
  }
  return found;
}

static uint8_t tagAt(const mema_Share *share, const char *ptr) {
  return mema_tagOf(share->slab, (uint32_t)((size_t)(ptr - share->slab->heap.area) >> mema_unitShiftMax));
}

/* Who does not come for them needs none: from then on they are kept, until it comes. */
static void noteSent(mema_Share *share, uint8_t tag) {
  mema_Shard *owner = share->shards;
  while (owner != NULL && owner->tag != tag) owner = owner->next;
  if (owner != NULL && ++owner->sentBack == mema_sentMost)
    atomic_fetch_or_explicit(&share->revoked[tag], mema_nobodys, memory_order_relaxed);
}

static void noteFill(mema_Share *share, mema_Shard *shard) {
  shard->sentBack = 0;
  if (shard->tag != 0 && mema_isNobodys(share->revoked, shard->tag))
    atomic_fetch_and_explicit(&share->revoked[shard->tag], ~mema_nobodys, memory_order_relaxed);
}

/* By tag, so that each goes to the right shard. */
void mema_sendBack(mema_Share *share, mema_Shard *shard, unsigned class) {
  mema_Shelf *shelf = &shard->returns[class + 1];
  for (mema_Spare *from = shelf->bottom; from < shelf->top;) {
    uint8_t tag = tagAt(share, from->ptr);
    mema_Spare *end = from + 1;
    for (mema_Spare *at = end; at < shelf->top; at++) {
      if (tagAt(share, at->ptr) != tag) continue;
      mema_Spare spare = *at;
      *at = *end;
      *end++ = spare;
    }
    putAway(share, class, from, (uint32_t)(end - from), tag);
    noteSent(share, tag);
    from = end;
  }
  shelf->top = shelf->bottom;
}

/* The older half goes: what was freed last is in the caches still. */
void mema_lighten(mema_Share *share, mema_Shard *shard, unsigned class) {
  mema_Shelf *magazine = &shard->magazines[class + 1];
  uint32_t held = (uint32_t)(magazine->top - magazine->bottom), older = (held + 1) / 2;
  putAway(share, class, magazine->bottom, older, shard->tag);
  memmove(magazine->bottom, magazine->bottom + older, (held - older) * sizeof *magazine->bottom);
  magazine->top -= older;
}

/* Slots come in the order of their addresses; the first is to be handed out first. */
static void reverse(mema_Spare *spares, uint32_t count) {
  for (uint32_t i = 0; i < count / 2; i++) {
    mema_Spare spare = spares[i];
    spares[i] = spares[count - 1 - i];
    spares[count - 1 - i] = spare;
  }
}

static uint32_t takeSpares(mema_Share *share, const mema_Shard *shard, unsigned class, uint32_t wanted, mema_Spare *spares) {
  mema_Slab *slab = share->slab;
  if (slab->youngRows >= mema_graceAfter || share->shardCount == 1) waitForGrace(share);
  slab->tag = shard->tag;
  uint32_t count = mema_slabTakeSpares(slab, class, wanted, spares);
  slab->tag = 0;
  reverse(spares, count);
  return count;
}

/* What was to return to others fills the magazine, which is empty. */
static bool keepReturns(mema_Shard *shard, unsigned class) {
  mema_Shelf *from = &shard->returns[class + 1], *to = &shard->magazines[class + 1];
  size_t count = (size_t)(from->top - from->bottom);
  memcpy(to->bottom, from->bottom, count * sizeof *to->bottom);
  to->top = to->bottom + count;
  from->top = from->bottom;
  return count != 0;
}

/* Whether they are for somebody who does not come for them. */
static bool mayKeepReturns(const mema_Share *share, const mema_Shard *shard, unsigned class) {
  const mema_Shelf *returns = &shard->returns[class + 1];
  return returns->top != returns->bottom && mema_isNobodys(share->revoked, tagAt(share, returns->bottom->ptr));
}

/* Half a magazine. At first that is made up of smaller fills, of 8, 16, 32 slots and the rest: more would not fit with the next half, and one that
 * is now full and now empty goes by the lock for ever. */
static uint32_t nextFill(mema_Shelf *magazine) {
  uint32_t half = (uint32_t)(magazine->limit - magazine->bottom) / 2, wanted = magazine->fill;
  if (wanted == 0) return half;
  uint32_t rest = half + mema_fillFirst > wanted ? half + mema_fillFirst - wanted : half;
  magazine->fill = (uint8_t)(wanted < rest ? 2 * wanted : 0);
  return wanted < rest ? wanted : rest;
}

/* From spans of the shard's own tag first. */
bool mema_fill(mema_Share *share, mema_Shard *shard, unsigned class) {
  mema_Shelf *magazine = &shard->magazines[class + 1];
  mema_Depot *depot = &share->depot[class];
  noteFill(share, shard);
  if (mayKeepReturns(share, shard, class)) return keepReturns(shard, class);
  uint32_t own = findBundle(share, depot, shard->tag), count;
  if (own < mema_bundles) {
    count = takeBundle(depot, own, magazine->bottom);
  } else {
    count = takeSpares(share, shard, class, nextFill(magazine), magazine->bottom);
    if (count == 0 && depot->count > 0) count = takeBundle(depot, depot->count - 1, magazine->bottom);
  }
  magazine->top = magazine->bottom + count;
  return count != 0 || keepReturns(shard, class);
}

/* All spare slots of a class that a shard has go to the depot. */
static void flushClass(mema_Share *share, mema_Shard *shard, unsigned class) {
  mema_Shelf *magazine = &shard->magazines[class + 1];
  putAway(share, class, magazine->bottom, (uint32_t)(magazine->top - magazine->bottom), shard->tag);
  magazine->top = magazine->bottom;
  mema_sendBack(share, shard, class);
}

/* And from there to the slab. */
static void emptyClass(mema_Share *share, unsigned class) {
  mema_Depot *depot = &share->depot[class];
  for (uint32_t bundle = 0; bundle < depot->count; bundle++)
    mema_slabGiveSpares(share->slab, bundleAt(depot, bundle), depot->held[bundle]);
  depot->count = 0;
}

void mema_flushShard(mema_Share *share, mema_Shard *shard) {
  for (unsigned class = 0; class < mema_classCount; class ++) flushClass(share, shard, class);
}

void mema_emptyDepot(mema_Share *share) {
  for (unsigned class = 0; class < mema_classCount; class ++) emptyClass(share, class);
}

void mema_releaseSparse(mema_Share *share) {
  bool kept = share->keepsOut;
  uint64_t sparse = mema_slabSparse(share->slab);
  if (sparse != 0) mema_keepOut(share);
  for (uint64_t left = sparse; left != 0; left &= left - 1) {
    unsigned class = (unsigned)__builtin_ctzll(left);
    for (mema_Shard *shard = share->shards; shard != NULL; shard = shard->next) flushClass(share, shard, class);
    emptyClass(share, class);
  }
  mema_slabReleaseSparse(share->slab, sparse);
  if (!kept && share->keepsOut) mema_letIn(share);
}
