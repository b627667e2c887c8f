/* charge.c - bytes in the budget that are no chunks: memory from elsewhere, or another resource of the
 * caller.
 *
 *   poolSize == freeSize + charges of the live chunks + charged + held        held: by sub-pools, see tree.h */
#include "tree.h"
#include "pressure.h"
#include "../threads/hold.h"

/* ---- a budget that bounds memory ---------------------------------------------------------------------------------------- */

/* An engine may charge a chunk by its size, even a chunk outside. */
size_t mema_boundChargeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  const mema_Heap *first = mema_heapField(pool);
  size_t room = first->ops->chargesBySize ? first->ops->room(first, chunk->record->size, MEMA_ALIGNMENT) : chunk->room;
  return mema_boundCharge(first, room);
}

/* Returns the most room whose charge is at most `bytes`; 0: none. With 2^n parts of room to each part of tables, the room is all but one of 2^n + 1 parts, or one byte less. */
static size_t boundRoom(const mema_Heap *first, size_t bytes) {
  size_t parts = (size_t)1 << first->ops->tablesShift;
  if (bytes <= first->ops->beside) return 0;
  size_t most = bytes - first->ops->beside, room = most - most / (parts + 1);
  return mema_boundCharge(first, room) > bytes ? room - 1 : room;
}

size_t mema_largestIn(const mema_Pool *pool, mema_Heap *heap, size_t room) {
  if (pool->bound) room = boundRoom(heap, room);
  if (pool->untracked || pool->bound) room = heap->ops->largest(heap, room);
  if (mema_likely(!heap->alone)) return room;
  size_t longest = mema_longestIn(heap);
  return longest < room ? longest : room;
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

bool mema_chargePool(mema_Pool *pool, size_t bytes) {
  mema_Heap *heap = mema_lockForCall(pool);
  if (heap == NULL) return false;
  bool plain = mema_isUnsharedIn(pool, heap), done = charge(pool, heap, bytes);
  mema_unlockPool(heap);
  if (done && plain) mema_announceLow(pool);
  return done;
}

bool mema_creditPool(mema_Pool *pool, size_t bytes) {
  mema_Heap *heap = mema_lockForCall(pool);
  if (heap == NULL) return false;
  bool done = credit(pool, heap, bytes);
  mema_unlockAfterCall(heap);
  return done;
}
