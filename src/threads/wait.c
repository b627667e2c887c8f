/* wait.c - waiting for budget.
 *
 * Who waits says so (`waiting`) while no thread is inside, with all credit called in: from then on the share is tight, so that each free
 * comes by the lock, and by mema_settle, which counts `freed` up. The waiter read `freed` before it let the others in: whatever is freed after
 * it looked is seen, or wakes it. */
#include "../memory/os.h"
#include "share.h"

/* A wait of this thread: more than one where a signal handler interrupted the first, and waits too. */
typedef struct Wait {
  uintptr_t generation; /* of the pool */
  const struct Wait *interrupted;
} Wait;

static _Thread_local const Wait *waits;

uint32_t mema_waitsHere(const mema_Share *share) {
  uint32_t count = 0;
  for (const Wait *wait = waits; wait != NULL; wait = wait->interrupted) count += wait->generation == share->generation;
  return count;
}

static size_t chargeFor(const mema_Pool *pool, const mema_Slab *slab, size_t size) {
  size += size == 0;
  return pool->untracked ? mema_slabRoom(&slab->heap, size, MEMA_ALIGNMENT) : size;
}

/* Registers a waiter and tells what to wait for; false, with the failure noted, where there is no waiting. */
static bool enroll(mema_Pool *pool, size_t size, uint32_t *seen, mema_Share **share, Wait *wait) {
  mema_Slab *slab = mema_holdPool(pool, false);
  if (slab == NULL) return false;
  size_t charge = chargeFor(pool, slab, size);
  bool hopeless = slab->share == NULL || charge > pool->poolSize;
  if (hopeless) mema_failBytes(MEMA_OVER_BUDGET, charge, pool->freeSize);
  if (!hopeless) {
    *share = slab->share;
    *wait = (Wait){.generation = (*share)->generation, .interrupted = waits};
    /* One that has been over where there is room by now: then it does not wait. */
    *seen = atomic_load_explicit(&(*share)->freed, memory_order_relaxed) - (pool->freeSize >= charge);
    (*share)->waiting++;
    mema_tighten(*share);
    waits = wait;
    pool->refused--; /* it will be asked again */
  }
  mema_unlockPool(slab);
  return !hopeless;
}

/* Between the handlers of a fork its thread has the lock already. */
static void resign(mema_Share *share, const Wait *wait) {
  bool taken = mema_takeLock(&share->lock);
  waits = wait->interrupted;
  if (share->generation == wait->generation) share->waiting--;
  if (taken) mema_releaseLock(&share->lock);
}

void *mema_pallocWait(mema_Pool *pool, size_t size, int milliseconds) {
  int64_t end = milliseconds > 0 ? mema_osMilliseconds() + milliseconds : 0;
  for (;;) {
    void *ptr = mema_palloc(pool, size);
    if (ptr != NULL || mema_lastReason() != MEMA_OVER_BUDGET || milliseconds == 0 || mema_isUnshared(pool)) return ptr;
    int64_t left = milliseconds > 0 ? end - mema_osMilliseconds() : -1;
    if (milliseconds > 0 && left <= 0) {
      mema_failFor(mema_plainTimeOut, size, (size_t)milliseconds);
      return NULL;
    }
    uint32_t seen;
    Wait wait;
    mema_Share *share;
    if (!enroll(pool, size, &seen, &share, &wait)) return NULL;
    mema_osWait(&share->freed, seen, left);
    resign(share, &wait);
  }
}
