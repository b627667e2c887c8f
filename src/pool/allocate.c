/* allocate.c - the general path of a chunk: any size and alignment, in any heap. No other thread is in the pool.
 *
 *   allocate:  fail on purpose? -> room in all budgets above -> memory from the list of heaps -> charge, chain, callbacks
 *   release:   chain -> credit -> the memory goes back */
#include "tree.h"
#include "pressure.h"
#include "sites.h"

/* Takes memory for a request, and asks callbacks to make room if need be. False: the request is refused, and
 * counted. */
static bool takeMemoryAndRoom(mema_Pool *pool, mema_Heap *heap, size_t size, size_t alignment, size_t charge,
                              mema_Chunk *chunk) {
  for (;;) {
    /* Under a shared root only the charge itself finds out whether there is room: other threads may take the
     * room before it. */
    bool ask = charge > pool->freeSize || (mema_isBelow(pool) && !mema_isContended(pool));
    if (ask && !mema_makeRoom(pool, charge)) return false;
    if (mema_takeMemory(heap, size, alignment, chunk)) return true;
    if (mema_askExhausted(pool, size)) continue;
    mema_refuse(pool, heap->alone ? MEMA_FRAGMENTED : MEMA_NO_MEMORY, size);
    return false;
  }
}

/* Charges a chunk that was taken. False iff a shared root has no room. */
static bool chargeTaken(mema_Pool *pool, size_t charge) {
  if (!mema_isBelow(pool) && !pool->alwaysSlow) return mema_charge(pool, charge); /* true: the budget was tested before */
  if (!mema_chargeLevels(pool, charge)) return false;
  pool->allocations++;
  if (pool->alwaysSlow) {
    mema_setSlowPath(pool);
    mema_noteStack(pool);
  }
  return true;
}

bool mema_allocate(mema_Pool *pool, mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  if (size > MEMA_UNLIMITED || mema_failsOnPurpose(pool)) {
    mema_refuse(pool, size > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_INJECTED, size);
    return false;
  }
  size += size == 0;
  size_t charge = mema_chargeFor(pool, heap, size, alignment);
  for (bool again = false;; again = true) {
    if (!takeMemoryAndRoom(pool, heap, size, alignment, charge, chunk)) return false;
    if (chargeTaken(pool, charge)) break;
    mema_giveMemory(heap, chunk);
    if (again || !mema_isContended(pool)) return mema_refuseLevels(pool, charge);
    if (!mema_makeRoom(pool, charge)) return false;
  }
  if (!pool->untracked) {
    mema_linkBlock(pool, chunk->record, chunk->ptr, size);
    chunk->record->poolAllocated = !chunk->heap->outside;
  } else if (chunk->record != NULL) { /* outside an untracked arena: see marks.c */
    chunk->record->size = charge;
    mema_setOwnerAndAge(chunk->record, pool->ownerAndAge);
  }
  if (mema_nodeOf(pool) != NULL || mema_unlikely(pool->lowering)) mema_announceLow(pool);
  return true;
}

bool mema_releaseChunk(mema_Pool *pool, mema_Heap *heap, const mema_Chunk *chunk) {
  size_t bytes = mema_chargeOf(pool, chunk);
  if (!pool->untracked) mema_unlinkBlock(pool, chunk->record);
  mema_creditBytes(pool, bytes);
  pool->frees++;
  mema_giveMemory(heap, chunk);
  return true;
}

void *mema_pallocSlow(mema_Pool *pool, size_t size, mema_Heap *heap) {
  mema_Chunk chunk;
  return mema_allocate(pool, heap, size, MEMA_ALIGNMENT, &chunk) ? chunk.ptr : NULL;
}

bool mema_pfreeSlow(mema_Pool *pool, void *ptr, mema_Heap *heap) {
  mema_Chunk chunk;
  if (mema_findOwn(pool, heap, ptr, &chunk))
    return mema_isIntact(pool, heap, &chunk) && mema_releaseChunk(pool, heap, &chunk);
  pool->badFrees += ptr != NULL;
  mema_fail(MEMA_BAD_POINTER);
  return false;
}
