/* charge.c - bytes in the budget that are no chunks: memory from elsewhere, or another resource of the
 * caller.
 *
 *   poolSize == freeSize + charges of the live chunks + charged + held        held: by sub-pools, see tree.h */
#include "tree.h"
#include "fixed/fixedPool.h"
#include "pressure.h"
#include "../threads/share.h"

/* ---- a budget that bounds memory ---------------------------------------------------------------------------------------- */

/* An arena charges a chunk by its size, even for a chunk outside. */
size_t mema_boundChargeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  const mema_Heap *first = mema_heapField(pool);
  bool bySize = first->ops->chargesBySize;
  return mema_boundCharge(bySize ? first->ops->room(first, chunk->record->size, MEMA_ALIGNMENT) : chunk->room);
}

size_t mema_boundRoom(size_t bytes) {
  size_t room = bytes / 33 * 32 + bytes % 33; /* at least the answer */
  while (room > 0 && mema_boundCharge(room) > bytes) room--;
  return room;
}

/* ---- bytes that are no chunks ------------------------------------------------------------------------------------------- */

/* Sets the bytes that the heaps may keep, free pages included: the budget less the charged bytes. */
static void shareBudget(const mema_Pool *pool, mema_Heap *heap) {
  if (mema_usesParentHeap(pool)) return;
  mema_setHeapBudgets(heap, pool->poolSize - pool->charged);
}

static bool refuse(mema_Pool *pool, mema_Reason reason, size_t bytes) {
  mema_refuse(pool, reason, bytes);
  return false;
}

/* Makes room in an unshared pool, by callbacks if need be. False: the request is refused, and counted. */
static bool makeRoom(mema_Pool *pool, size_t bytes) {
  return mema_failsOnPurpose(pool) ? refuse(pool, MEMA_INJECTED, bytes) : mema_makeRoom(pool, bytes);
}

static bool charge(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (bytes > MEMA_UNLIMITED) return refuse(pool, MEMA_TOO_LARGE, bytes);
  bool plain = mema_isUnshared(pool);
  if (plain && !makeRoom(pool, bytes)) return false;
  if (plain && !mema_chargeLevels(pool, bytes)) return mema_refuseLevels(pool, bytes);
  if (!plain && !mema_chargeLocked(pool, heap, bytes)) return refuse(pool, MEMA_OVER_BUDGET, bytes);
  pool->charged += bytes;
  shareBudget(pool, heap);
  return true;
}

static bool credit(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (bytes > pool->charged) return mema_failFor(mema_quotaIsLarge, bytes, pool->charged);
  pool->charged -= bytes;
  if (mema_isUnshared(pool)) {
    mema_creditLevels(pool, bytes);
  } else {
    mema_creditLocked(pool, heap, bytes);
  }
  shareBudget(pool, heap);
  return true;
}

static bool reserveGuaranteeShared(mema_Pool *pool, size_t bytes) {
  mema_Heap *heap = mema_lockForCall(pool);
  if (heap == NULL) return false;
  bool done = mema_chargeLocked(pool, heap, bytes) || refuse(pool, MEMA_OVER_BUDGET, bytes);
  if (done) pool->held += bytes;
  mema_unlockPool(heap);
  return done;
}

bool mema_reserveGuarantee(mema_Pool *pool, size_t bytes) {
  if (bytes == 0) return true;
  return mema_isUnshared(pool) ? makeRoom(pool, bytes) : reserveGuaranteeShared(pool, bytes);
}

static bool chargeFixed(mema_Pool *pool, size_t bytes) {
  if (bytes > MEMA_UNLIMITED) return refuse(pool, MEMA_TOO_LARGE, bytes);
  if (!makeRoom(pool, bytes)) return false;
  size_t before = pool->freeSize; /* taken now, since callbacks may have freed much */
  if (!mema_fixedCharge(pool, bytes)) return false;
  mema_settlePressure(pool, before);
  return true;
}

bool mema_chargePool(mema_Pool *pool, size_t bytes) {
  mema_Kind kind = mema_kindOf(pool);
  if (kind == mema_fixedPool) return chargeFixed(pool, bytes);
  mema_Heap *heap = mema_lockForCall(pool);
  if (heap == NULL) return false;
  bool done = charge(pool, heap, bytes);
  mema_unlockPool(heap);
  if (done && kind == mema_plainPool) mema_announceLow(pool);
  return done;
}

bool mema_creditPool(mema_Pool *pool, size_t bytes) {
  if (mema_kindOf(pool) == mema_fixedPool) return mema_fixedCredit(pool, bytes);
  mema_Heap *heap = mema_lockForCall(pool);
  if (heap == NULL) return false;
  bool done = credit(pool, heap, bytes);
  mema_unlockAfterCall(heap);
  return done;
}
