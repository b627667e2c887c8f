/* levels.c - a charge on all levels of a family, or on none.
 *
 * What a pool passes on to its parent is the change of what it holds, max(guaranteed, poolSize - freeSize). With guard == poolSize -
 * guaranteed that is guaranteed + max(0, guard - freeSize), so the change is that of the second term. */
#include "../threads/share.h"
#include "kin.h"

static size_t beyondGuaranteed(const mema_Kin *kin, size_t freeSize) {
  return freeSize < kin->guard ? kin->guard - freeSize : 0;
}

static mema_Kin *parentOf(const mema_Pool *pool) {
  return pool->kin == NULL ? NULL : pool->kin->parent;
}

/* Of a pool's own budget, in its own fields. */
static bool isSharedRoot(const mema_Pool *pool) {
  return !mema_isPlain(pool, mema_slabField(pool));
}

/* ---- a shared root ------------------------------------------------------------------------------------------------------ */

bool mema_chargeLocked(mema_Pool *pool, mema_Slab *slab, size_t bytes) {
  if (mema_hasShards(slab)) {
    if (!mema_lend(slab->share, NULL, bytes)) return false;
    mema_chargeShare(slab->share, bytes);
    return true;
  }
  if (bytes > pool->freeSize) return false;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  return true;
}

void mema_creditLocked(mema_Pool *pool, mema_Slab *slab, size_t bytes) {
  if (mema_hasShards(slab)) {
    mema_creditShare(slab->share, bytes);
  } else {
    pool->freeSize += bytes;
  }
}

static bool chargeShared(mema_Pool *root, size_t bytes) {
  mema_Slab *slab = mema_beginTurn(root);
  if (slab == NULL) return false;
  bool room = mema_chargeLocked(root, slab, bytes);
  if (room) root->held += bytes;
  mema_unlockPool(slab);
  return room;
}

static void creditShared(mema_Pool *root, size_t bytes) {
  mema_Slab *slab = mema_beginTurn(root);
  if (slab == NULL) return;
  root->held -= bytes;
  mema_creditLocked(root, slab, bytes);
  mema_endTurn(slab);
}

/* ---- charging ----------------------------------------------------------------------------------------------------------- */

mema_Pool *mema_narrowest(mema_Pool *pool, size_t bytes, size_t *room) {
  mema_Pool *narrow = NULL;
  size_t inside = 0; /* what of the charge the levels passed so far take upon themselves */
  const mema_Pool *first = pool;
  *room = SIZE_MAX;
  for (;; pool = pool->kin->parent->pool) {
    size_t freeSize = pool != first && isSharedRoot(pool) ? mema_freeSize(pool) : pool->freeSize, whole = freeSize + inside;
    if (whole < *room) *room = whole;
    if (bytes > freeSize && narrow == NULL) narrow = pool;
    mema_Kin *parent = parentOf(pool);
    if (parent == NULL || pool->kin->guard == 0) return narrow;
    size_t spare = freeSize > pool->kin->guard ? freeSize - pool->kin->guard : 0;
    inside += spare;
    bytes = bytes > spare ? bytes - spare : 0;
  }
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
    pool = pool->kin->parent->pool;
  }
  return bytes == 0 || chargeShared((mema_Pool *)pool, bytes);
}

bool mema_chargeLevels(mema_Pool *pool, size_t bytes) {
  if (!haveRoom(pool, bytes)) return false;
  while (bytes != 0 && !isSharedRoot(pool)) {
    size_t more = passedOn(pool, bytes);
    if (pool->onLowWater != NULL && !pool->muted && pool->freeSize >= pool->lowWaterBytes &&
        pool->freeSize - bytes < pool->lowWaterBytes)
      pool->lowering = true;
    pool->freeSize -= bytes;
    mema_noteLow(pool);
    if (more == 0) break;
    bytes = more;
    pool = pool->kin->parent->pool;
    if (!isSharedRoot(pool)) pool->held += bytes;
  }
  return true;
}

static void creditFrom(mema_Pool *pool, size_t bytes) {
  while (bytes != 0) {
    if (isSharedRoot(pool)) {
      creditShared(pool, bytes);
      return;
    }
    mema_Kin *parent = parentOf(pool);
    size_t before = parent == NULL ? 0 : beyondGuaranteed(pool->kin, pool->freeSize);
    pool->freeSize += bytes;
    if (parent == NULL) return;
    bytes = before - beyondGuaranteed(pool->kin, pool->freeSize);
    pool = parent->pool;
    if (!isSharedRoot(pool)) pool->held -= bytes;
  }
}

bool mema_creditLevels(mema_Pool *pool, size_t bytes) {
  creditFrom(pool, bytes);
  return true;
}

bool mema_chargeHeld(mema_Pool *pool, size_t bytes) {
  if (isSharedRoot(pool)) return chargeShared(pool, bytes);
  if (!mema_chargeLevels(pool, bytes)) return false;
  pool->held += bytes;
  return true;
}

void mema_creditHeld(mema_Pool *pool, size_t bytes) {
  if (isSharedRoot(pool)) {
    creditShared(pool, bytes);
    return;
  }
  pool->held -= bytes;
  creditFrom(pool, bytes);
}
