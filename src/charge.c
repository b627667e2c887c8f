/* charge.c - bytes in the budget that are no chunks: memory that the caller has from elsewhere, or another resource.
 *
 *   poolSize == freeSize + charges of the live chunks + charged
 */
#include "pool.h"

/* The budget of memory is what the charged bytes leave of it: so much may the slabs keep, free pages included. */
static void shareBudget(const mema_Pool *pool, mema_Slab *slab) {
  for (; slab != NULL; slab = slab->next) mema_slabSetBudget(slab, pool->poolSize - pool->charged);
}

bool mema_chargePool(mema_Pool *pool, size_t bytes) {
  mema_Slab *slab = mema_openPool(pool);
  if (slab == NULL) return false;
  if (bytes > pool->freeSize) {
    mema_refuse(pool, bytes > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_OVER_BUDGET, bytes);
    return false;
  }
  pool->freeSize -= bytes;
  pool->charged += bytes;
  if (pool->freeSize < pool->lowWater) pool->lowWater = pool->freeSize;
  shareBudget(pool, slab);
  return true;
}

bool mema_creditPool(mema_Pool *pool, size_t bytes) {
  mema_Slab *slab = mema_openPool(pool);
  if (slab == NULL) return false;
  if (bytes > pool->charged) {
    mema_fail(MEMA_BAD_ARGUMENT);
    return false;
  }
  pool->charged -= bytes;
  pool->freeSize += bytes;
  shareBudget(pool, slab);
  return true;
}
