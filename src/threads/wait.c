/* wait.c - waiting for budget.
 *
 * Who waits says so (`waiting`) while no thread is inside, with all credit called in: from then on the share is tight, so that each free
 * comes by the lock, and by mema_trimQuota, which counts `freed` up. The waiter read `freed` before it let the others in: whatever is freed after
 * it looked is seen, or wakes it. */
#include "../memory/os.h"
#include "wait.h"

static _Thread_local const mema_Wait *waits;

uint32_t mema_waitsHere(const mema_Share *share) {
  uint32_t count = 0;
  for (const mema_Wait *wait = waits; wait != NULL; wait = wait->interrupted) count += wait->generation == share->generation;
  return count;
}

static size_t chargeFor(const mema_Pool *pool, const mema_Slab *slab, size_t size) {
  size += size == 0;
  return mema_chargeFor(pool, &slab->heap, size, MEMA_ALIGNMENT);
}

bool mema_beginWait(mema_Pool *pool, size_t size, mema_Wait *wait) {
  mema_Slab *slab = mema_slabIn(mema_holdPool(pool, false));
  if (slab == NULL) return false;
  size_t charge = chargeFor(pool, slab, size);
  bool hopeless = slab->heap.share == NULL || charge > pool->poolSize;
  if (hopeless) mema_failBytes(MEMA_OVER_BUDGET, charge, pool->freeSize);
  if (!hopeless) {
    mema_Share *share = slab->heap.share;
    *wait = (mema_Wait){.generation = share->generation, .interrupted = waits, .share = share};
    /* Where there is room by now, the count is one that has passed, and the wait ends at once. */
    wait->seen = atomic_load_explicit(&share->freed, memory_order_relaxed) - (pool->freeSize >= charge);
    share->waiting++;
    mema_enterLowBudget(share);
    waits = wait;
    pool->refused--; /* it will be asked again */
  }
  mema_unlockPool(&slab->heap);
  return !hopeless;
}

/* Between the handlers of a fork its thread has the lock already. */
void mema_endWait(const mema_Wait *wait) {
  mema_Share *share = wait->share;
  bool taken = mema_takeLock(&share->lock);
  waits = wait->interrupted;
  if (share->generation == wait->generation) share->waiting--;
  if (taken) mema_releaseLock(&share->lock);
}

void mema_sleepForBudget(const mema_Wait *wait, int64_t milliseconds) {
  mema_osWait(&wait->share->freed, wait->seen, milliseconds);
}
