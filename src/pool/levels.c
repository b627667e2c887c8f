/* levels.c - a charge on all levels of a family, or on none.
 *
 * What a pool passes on to its parent is the change of what it holds, max(guaranteed, poolSize - freeSize). With guard == poolSize -
 * guaranteed that is guaranteed + max(0, guard - freeSize), so the change is that of the second term. */
#include "pressure.h"
#include "../threads/share.h"
#include "kin.h"

static size_t beyondGuaranteed(const mema_Kin *kin, size_t freeSize) {
  return freeSize < kin->guard ? kin->guard - freeSize : 0;
}

static mema_Kin *parentOf(const mema_Pool *pool) {
  return pool->kin == NULL ? NULL : pool->kin->parent;
}

/* Whether threads share it: it is charged by way of a shard, or of its lock. */
static bool isSharedRoot(const mema_Pool *pool) {
  return !mema_isUnshared(pool);
}

/* ---- a shared root ------------------------------------------------------------------------------------------------------ */

bool mema_chargeLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (mema_hasShards(heap)) {
    if (!mema_lend(heap->share, NULL, bytes)) return false;
    mema_chargeShare(heap->share, bytes);
    return true;
  }
  if (bytes > pool->freeSize) return false;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  return true;
}

void mema_creditLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (mema_hasShards(heap)) {
    mema_creditShare(heap->share, bytes);
  } else {
    pool->freeSize += bytes;
  }
}

/* Credits what notes say. The lock is held. */
static void settleOwed(mema_Pool *root, mema_Heap *heap) {
  size_t owed = __atomic_exchange_n(&root->owed, 0, __ATOMIC_RELAXED);
  if (owed == 0) return;
  root->held -= owed;
  mema_creditLocked(root, heap, owed);
}

/* By the thread's shard, where it has the credit; else by the lock. */
static bool chargeShared(mema_Pool *root, size_t bytes) {
  if (mema_sharedHold(root, bytes)) return true;
  mema_Heap *heap = mema_beginTurn(root);
  if (heap == NULL) return false;
  settleOwed(root, heap);
  bool room = mema_hasShards(heap) ? mema_sharedHoldLocked(heap->share, bytes) : mema_chargeLocked(root, heap, bytes);
  if (room && !mema_hasShards(heap)) root->held += bytes;
  mema_unlockPool(heap);
  return room;
}

/* Called with the lock held by the interrupted thread itself, from a handler or a hook of the root's memory, it leaves a note. */
static void creditShared(mema_Pool *root, size_t bytes) {
  if (mema_sharedLetGo(root, bytes)) return;
  mema_Heap *heap = mema_sharedHeapOf(root);
  if (heap == NULL || !mema_lockQuietly(root, heap)) {
    __atomic_fetch_add(&root->owed, bytes, __ATOMIC_RELAXED);
    return;
  }
  root->held -= bytes;
  mema_creditLocked(root, heap, bytes);
  settleOwed(root, heap);
  mema_endTurn(heap);
}

/* ---- charging ----------------------------------------------------------------------------------------------------------- */

mema_Pool *mema_narrowest(mema_Pool *pool, size_t bytes, size_t *room) {
  mema_Pool *narrow = NULL;
  size_t inside = 0; /* what of the charge the levels passed so far take upon themselves */
  const mema_Pool *first = pool;
  *room = SIZE_MAX;
  for (;;) {
    size_t freeSize = pool != first && isSharedRoot(pool) ? mema_freeSize(pool) : pool->freeSize, whole = freeSize + inside;
    if (whole < *room) *room = whole;
    if (bytes > freeSize && narrow == NULL) narrow = pool;
    mema_Kin *parent = parentOf(pool);
    if (parent == NULL || pool->kin->guard == 0) return narrow;
    size_t spare = freeSize > pool->kin->guard ? freeSize - pool->kin->guard : 0;
    inside += spare;
    bytes = bytes > spare ? bytes - spare : 0;
    if (!mema_isPresent(parent)) break;
    pool = parent->pool;
  }
  if (inside < *room) *room = inside;
  return narrow == NULL && bytes != 0 ? pool : narrow;
}

bool mema_refuseLevels(mema_Pool *pool, size_t bytes) {
  size_t room;
  mema_narrowest(pool, bytes, &room);
  pool->refused++;
  mema_failBytes(MEMA_OVER_BUDGET, bytes, room < bytes ? room : bytes - 1); /* threads may have freed enough since */
  return false;
}

bool mema_isContended(const mema_Pool *pool) {
  const mema_Kin *kin = pool->kin;
  if (kin == NULL) return isSharedRoot(pool);
  while (kin->parent != NULL) kin = kin->parent;
  return mema_isPresent(kin) && isSharedRoot(kin->pool);
}

/* What the next level has to take; 0 ends it. */
static size_t passedOn(const mema_Pool *pool, size_t bytes) {
  if (parentOf(pool) == NULL) return 0;
  return beyondGuaranteed(pool->kin, pool->freeSize - bytes) - beyondGuaranteed(pool->kin, pool->freeSize);
}

static bool haveRoom(const mema_Pool *pool, size_t bytes) {
  while (bytes != 0 && !isSharedRoot(pool)) {
    if (bytes > pool->freeSize) return false;
    bytes = passedOn(pool, bytes);
    if (bytes == 0) return true;
    if (!mema_isPresent(pool->kin->parent)) return false;
    pool = pool->kin->parent->pool;
  }
  return bytes == 0 || chargeShared((mema_Pool *)pool, bytes);
}

static void chargeOwn(mema_Pool *pool, size_t bytes) {
  size_t before = pool->freeSize;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  mema_noteCrossing(pool, before);
}

bool mema_chargeLevels(mema_Pool *pool, size_t bytes) {
  if (!haveRoom(pool, bytes)) return false;
  while (bytes != 0 && !isSharedRoot(pool)) {
    size_t more = passedOn(pool, bytes);
    chargeOwn(pool, bytes);
    if (more == 0) break;
    bytes = more;
    pool = pool->kin->parent->pool;
  }
  return true;
}

void mema_creditLevels(mema_Pool *pool, size_t bytes) {
  while (bytes != 0) {
    if (isSharedRoot(pool)) {
      creditShared(pool, bytes);
      return;
    }
    mema_Kin *parent = parentOf(pool);
    size_t before = parent == NULL ? 0 : beyondGuaranteed(pool->kin, pool->freeSize);
    mema_noteLow(pool);
    pool->freeSize += bytes;
    if (parent == NULL) return;
    bytes = before - beyondGuaranteed(pool->kin, pool->freeSize);
    if (!mema_isPresent(parent)) return;
    pool = parent->pool;
  }
}

size_t mema_heldBelow(const mema_Pool *pool) {
  size_t held = 0;
  if (pool->kin == NULL || isSharedRoot(pool)) return pool->held;
  for (const mema_Kin *kin = pool->kin->newest; kin != NULL; kin = kin->older)
    if (mema_isThere(kin)) held += mema_holds(kin->pool);
  return held;
}

/* ---- from one pool to another -------------------------------------------------------------------------------------------- */

static size_t levelsAbove(const mema_Kin *kin) {
  size_t levels = 0;
  while ((kin = kin->parent) != NULL) levels++;
  return levels;
}

/* The record of the lowest pool that is at or above both. */
static mema_Kin *meetingOf(mema_Kin *a, mema_Kin *b) {
  size_t levelsA = levelsAbove(a), levelsB = levelsAbove(b);
  for (; levelsA > levelsB; levelsA--) a = a->parent;
  for (; levelsB > levelsA; levelsB--) b = b->parent;
  for (; a != b; a = a->parent) b = b->parent;
  return a;
}

/* Whether no pool between this one and one above it, nor that, is lost. */
static bool arePresent(const mema_Kin *above, const mema_Kin *kin) {
  for (; kin != above; kin = kin->parent)
    if (!mema_isPresent(kin->parent)) return false;
  return true;
}

/* What of a charge comes to a pool above this one; false: it has no room for it below. */
static bool comesTo(const mema_Pool *above, const mema_Pool *pool, size_t *bytes) {
  for (; pool != above; pool = pool->kin->parent->pool) {
    if (*bytes > pool->freeSize) return false;
    *bytes = passedOn(pool, *bytes);
  }
  return true;
}

bool mema_moveCharge(mema_Pool *to, mema_Pool *from, size_t bytes) {
  mema_Kin *meeting = meetingOf(to->kin, from->kin);
  if (!arePresent(meeting, to->kin) || !arePresent(meeting, from->kin)) return false;
  mema_Pool *above = meeting->pool;
  size_t more = bytes, less = bytes;
  if (!comesTo(above, to, &more)) return false;
  for (const mema_Pool *pool = from; pool != above; pool = pool->kin->parent->pool)
    less = beyondGuaranteed(pool->kin, pool->freeSize) - beyondGuaranteed(pool->kin, pool->freeSize + less);
  if (more > less && !mema_chargeLevels(above, more - less)) return false;
  if (more < less) mema_creditLevels(above, less - more);
  for (size_t charge = bytes, next; to != above; to = to->kin->parent->pool, charge = next) {
    next = passedOn(to, charge);
    chargeOwn(to, charge);
  }
  for (size_t credit = bytes, next; from != above; from = from->kin->parent->pool, credit = next) {
    next = beyondGuaranteed(from->kin, from->freeSize) - beyondGuaranteed(from->kin, from->freeSize + credit);
    from->freeSize += credit;
  }
  return true;
}
