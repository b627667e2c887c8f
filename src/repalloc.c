/* repalloc.c - a chunk's size changed: in place where its slot or run has room, else in another place. */
#include "pool.h"

/* Brings the budget from `before` to `after` bytes for one chunk. The caller has seen that it has room. */
static void recharge(mema_Pool *pool, size_t before, size_t after) {
  pool->freeSize += before;
  pool->freeSize -= after;
  if (pool->freeSize < pool->lowWater) pool->lowWater = pool->freeSize;
}

static bool hasRoom(const mema_Pool *pool, size_t before, size_t after) {
  return after <= before || after - before <= pool->freeSize;
}

/* The chunk stays; only its size changes. */
static void *settle(mema_Pool *pool, mema_Chunk *chunk, size_t before, size_t size) {
  size_t after = pool->untracked ? chunk->room : size;
  recharge(pool, before, after);
  if (!pool->untracked) chunk->record->size = size;
  return chunk->ptr;
}

/* The bytes that the chunk will be charged if it stays in the slab it is in. */
static size_t nextCharge(const mema_Pool *pool, const mema_Chunk *chunk, size_t size) {
  if (!pool->untracked) return size;
  return size <= chunk->room ? chunk->room : mema_slabRoom(chunk->slab, size, MEMA_ALIGNMENT);
}

/* A chunk of the new size with the old one's bytes, not charged or linked; false, with nothing changed, iff none is to be had. */
static bool copyOut(mema_Pool *pool, mema_Slab *slab, const mema_Chunk *from, size_t before, size_t size, mema_Chunk *to) {
  if (!mema_takeMemory(pool, slab, size, MEMA_ALIGNMENT, to)) return false;
  if (!mema_slabMove(to, from, before < size ? before : size)) return false;
  if (to->slab->outside) to->slab->liveChunks++;
  return true;
}

/* The chunk's bytes go to another place; its position in the chain stays, since its age does. */
static void *move(mema_Pool *pool, mema_Slab *slab, mema_Chunk *from, size_t before, size_t size) {
  mema_Chunk to;
  if (!copyOut(pool, slab, from, before, size, &to)) {
    if (size <= from->room) return settle(pool, from, before, size);
    mema_refuse(pool, MEMA_NO_MEMORY, size);
    return NULL;
  }
  if (!pool->untracked) {
    mema_replaceBlock(pool, to.record, from->record);
    to.record->ptr = to.ptr;
    to.record->size = size;
    to.record->poolAllocated = !to.slab->outside;
  }
  recharge(pool, before, pool->untracked ? to.room : size);
  pool->allocations++;
  pool->frees++;
  mema_giveMemory(slab, from);
  return to.ptr;
}

/* The common case, at little cost: a live slot that goes on holding its chunk. False, with nothing changed, iff it is another. */
static bool stays(mema_Pool *pool, mema_Slab *slab, const void *ptr, size_t size) {
  uint32_t slot;
  const mema_Span *span = mema_liveSlot(slab, ptr, &slot);
  if (span == NULL || size == 0 || !mema_staysInSlot(span->slotSize, size)) return false;
  if (pool->untracked) return true;
  mema_Block *block = slab->records + span->firstRecord + slot;
  if (!hasRoom(pool, block->size, size)) return false;
  recharge(pool, block->size, size);
  block->size = size;
  return true;
}

void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) {
  if (ptr == NULL) return mema_palloc(pool, size);
  mema_Slab *slab = mema_openPool(pool);
  if (slab == NULL) return NULL;
  if (stays(pool, slab, ptr, size)) return ptr;
  mema_Chunk chunk;
  if (!mema_findChunk(slab, ptr, &chunk)) {
    pool->badFrees++;
    mema_fail(MEMA_BAD_POINTER);
    return NULL;
  }
  if (size > MEMA_UNLIMITED) {
    mema_refuse(pool, MEMA_TOO_LARGE, size);
    return NULL;
  }
  size += size == 0;
  size_t before = mema_chargeOf(pool, &chunk), after = nextCharge(pool, &chunk, size);
  if (!hasRoom(pool, before, after)) {
    mema_refuse(pool, MEMA_OVER_BUDGET, after - before);
    return NULL;
  }
  if (mema_slabStretch(chunk.slab, &chunk, size)) return settle(pool, &chunk, before, size);
  return move(pool, slab, &chunk, before, size);
}
