/* charge.c - bytes in the budget that are no chunks: memory that the caller has from elsewhere, or another resource.
 *
 *   poolSize == freeSize + charges of the live chunks + charged
 */
#include "fixed/fixedPool.h"
#include "threads/share.h"

/* The budget of memory is what the charged bytes leave of it: so much may the slabs keep, free pages included. */
static void shareBudget(const mema_Pool *pool, mema_Slab *slab) {
  for (; slab != NULL; slab = slab->next) mema_slabSetBudget(slab, pool->poolSize - pool->charged);
}

static bool hasRoom(const mema_Pool *pool, mema_Slab *slab, size_t bytes) {
  if (bytes > MEMA_UNLIMITED) return false;
  return mema_hasShards(slab) ? mema_lend(slab->share, NULL, bytes) : bytes <= pool->freeSize;
}

static bool charge(mema_Pool *pool, mema_Slab *slab, size_t bytes) {
  if (!hasRoom(pool, slab, bytes)) {
    mema_refuse(pool, bytes > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_OVER_BUDGET, bytes);
    return false;
  }
  pool->charged += bytes;
  if (mema_hasShards(slab)) {
    mema_chargeShare(slab->share, bytes);
  } else {
    pool->freeSize -= bytes;
    mema_noteLow(pool);
  }
  shareBudget(pool, slab);
  return true;
}

static bool credit(mema_Pool *pool, mema_Slab *slab, size_t bytes) {
  if (bytes > pool->charged) {
    mema_fail(MEMA_BAD_ARGUMENT);
    return false;
  }
  pool->charged -= bytes;
  if (mema_hasShards(slab)) {
    mema_creditShare(slab->share, bytes);
  } else {
    pool->freeSize += bytes;
  }
  shareBudget(pool, slab);
  return true;
}

bool mema_chargePool(mema_Pool *pool, size_t bytes) {
  if (mema_fixedOf(pool) != NULL) return mema_fixedCharge(pool, bytes);
  mema_Slab *slab = mema_beginTurn(pool);
  if (slab == NULL) return false;
  bool done = charge(pool, slab, bytes);
  mema_unlockPool(slab);
  return done;
}

bool mema_creditPool(mema_Pool *pool, size_t bytes) {
  if (mema_fixedOf(pool) != NULL) return mema_fixedCredit(pool, bytes);
  mema_Slab *slab = mema_beginTurn(pool);
  if (slab == NULL) return false;
  bool done = credit(pool, slab, bytes);
  mema_endTurn(slab);
  return done;
}
