/* wait.c - waiting for budget.
 *
 * A waiter counts itself in `waiting` while all threads are quiesced and their quotas are collected. From then on the
 * share is in low-budget mode: each free takes the lock and calls mema_trimQuota, which increments `freed`. The waiter
 * reads `freed` before it resumes the threads. So it sees each later free, or that free wakes it. */
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
    /* If there is room by now, `seen` is an earlier count, and the wait ends at once. */
    wait->seen = atomic_load_explicit(&share->freed, memory_order_relaxed) - (pool->freeSize >= charge);
    share->waiting++;
    mema_enterLowBudget(share);
    waits = wait;
    pool->refused--; /* the request will be made again */
  }
  mema_unlockPool(&slab->heap);
  return !hopeless;
}

/* Between the handlers of a fork the thread holds the lock already. */
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
