/* check.c - every invariant of a pool. Reads, never writes. */
#include "../engines/slabCheck.h"
#include "../fixed/fixedPool.h"
#include "../threads/share.h"

/* The chain leads there and back, and each Block's chunk is live and has this very Block. */
static const char *checkChain(const mema_Pool *pool, mema_Slab *slab, size_t *chunks, size_t *bytes) {
  const mema_Block *before = NULL;
  size_t most = pool->allocations - pool->frees;
  for (const mema_Block *block = pool->head; block != NULL; before = block, block = block->next) {
    mema_Chunk chunk;
    if (*chunks == most) return "the chain lists no more than the live chunks";
    if (!mema_findChunk(slab, block->ptr, &chunk) || chunk.record != block)
      return "each block of the chain has a live chunk";
    if (block->prev != before) return "the chain leads back as it leads on";
    if (block->size == 0 || block->size > chunk.room) return "a block's size is that of its chunk";
    if (block->poolAllocated == chunk.slab->outside) return "poolAllocated says where the chunk lies";
    *chunks += 1;
    *bytes += block->size;
  }
  return pool->tail == before ? NULL : "the chain ends at the tail";
}

static const char *findBroken(const mema_Pool *pool, mema_Slab *slab) {
  size_t chunks = 0, bytes = 0, chained = 0;
  for (mema_Slab *each = slab; each != NULL; each = each->next) {
    size_t before = chunks;
    const char *broken = mema_slabCheck(each, &chunks, &bytes);
    if (broken != NULL) return broken;
    if (each->outside && chunks - before != each->liveChunks) return "a slab outside the reservation counts its chunks";
  }
  if (slab->outside || pool->mem != slab->area) return "mem is the start of the reservation";
  if (chunks != pool->allocations - pool->frees) return "live chunks == allocations - frees";
  if (pool->freeSize > pool->poolSize || pool->lowWater > pool->freeSize) return "lowWater <= freeSize <= poolSize";
  if (pool->charged > pool->poolSize - pool->freeSize) return "charged <= poolSize - freeSize";
  if (!pool->untracked) {
    bytes = 0;
    const char *broken = checkChain(pool, slab, &chained, &bytes);
    if (broken != NULL) return broken;
    if (chained != chunks) return "the chain lists every live chunk";
  } else if (pool->head != NULL || pool->tail != NULL) {
    return "an untracked pool has no chain";
  }
  return pool->poolSize == pool->freeSize + bytes + pool->charged
             ? NULL
             : "poolSize == freeSize + the sizes of the live chunks + charged";
}

bool mema_checkPool(const mema_Pool *pool) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed != NULL) return mema_fixedCheckPool(pool, fixed);
  mema_Slab *slab = mema_holdPool(pool, true);
  if (slab == NULL) return false;
  const char *broken = findBroken(pool, slab);
  mema_unlockPool(slab);
  if (broken != NULL) mema_failBroken(broken);
  return broken == NULL;
}
