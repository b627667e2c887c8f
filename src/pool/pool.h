/* pool.h - what the pool's own files share: charging, and the chain. What tells a live pool from anything else is in identity.h.
 *
 *   poolSize == freeSize + charges of the live chunks + charged + held
 *        charge: Block.size (tracked), the chunk's room (untracked); of an untracked arena the grains that it needs: its room there;
 *                mema_boundCharge of the same (tracked, where the budget bounds memory)
 *        charged: by mema_chargePool     held: by sub-pools, see family/tree.h
 *   live chunks == allocations - frees
 */
#ifndef MEMA_POOL_POOL_H
#define MEMA_POOL_POOL_H

#include "../heap/slab/slab.h"
#include "../base/error.h"
#include "../heap/heapList.h"
#include "identity.h"

/* Of a pool that has slabs. */
/* The size that a chunk has for its pool. A Block says it, those in the slabs outside of an untracked arena too: they are charged as in the
 * arena. */
static inline size_t mema_sizeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  return pool->untracked && chunk->record == NULL ? chunk->room : chunk->record->size;
}

/* The charge of a tracked chunk with so much room, where the budget bounds memory: the room, its part of the tables and of the unused ends of spans
 * and pages (at most a thirty-second), its Block, and its bits. */
static inline size_t mema_boundCharge(size_t room) {
  return room + room / 32 + sizeof(mema_Block) + 1;
}
/* charge.c: the most room that is charged at most so many bytes; 0: none. */
MEMA_HIDDEN size_t mema_boundRoom(size_t bytes);
MEMA_HIDDEN size_t mema_boundChargeOf(const mema_Pool *pool, const mema_Chunk *chunk);

static inline size_t mema_chargeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  return mema_unlikely(pool->bound) ? mema_boundChargeOf(pool, chunk) : mema_sizeOf(pool, chunk);
}

/* The charge of a new chunk, in a pool with this heap. */
static inline size_t mema_chargeFor(const mema_Pool *pool, const mema_Heap *first, size_t size, size_t alignment) {
  if (!pool->untracked && !pool->bound) return size;
  size_t room = first->ops->room(first, size, alignment);
  return pool->bound ? mema_boundCharge(room) : room;
}

/* The least freeSize so far; see pressure.h for the watch. In an arena nearly every request is a new low: so it has a watch of 0, and lows
 * are noted before something is credited, instead. */
static inline void mema_noteLow(mema_Pool *pool) {
  if (pool->freeSize >= pool->lowWater) return;
  pool->lowWater = pool->freeSize;
  if (!pool->alwaysSlow && pool->slowPathBelow != 0) pool->slowPathBelow = pool->freeSize;
}

/* Charges a new chunk; false, with nothing changed, iff the budget has no room, or this is a request that the general path has to see
 * (the pool is watched). One comparison tells all of that, and a new low. */
static inline bool mema_charge(mema_Pool *pool, size_t bytes) {
  ptrdiff_t left = (ptrdiff_t)(pool->freeSize - bytes); /* both are at most PTRDIFF_MAX */
  if (mema_unlikely(left < (ptrdiff_t)pool->slowPathBelow)) {
    if (left < 0 || pool->alwaysSlow) return false;
    pool->lowWater = pool->slowPathBelow = (size_t)left;
  }
  pool->freeSize = (size_t)left;
  pool->allocations++;
  return true;
}

/* What a Block says beyond its size, in its last word: where the chunk lies, whose it is, and how old.
 *     byte 0  poolAllocated    bytes 1..3  owner: which pool of a family; 0: the first    bytes 4..7  age: counts marks (marks.c)
 * pool->stamp is that of a chunk allocated now, in the reservation. */
enum { mema_ownerShift = 8, mema_ageShift = 32 };
static inline uint64_t mema_ownerAndAge(const mema_Block *block) {
  uint64_t ownerAndAge;
  __builtin_memcpy(&ownerAndAge, &block->poolAllocated, sizeof ownerAndAge);
  return ownerAndAge;
}
static inline void mema_setOwnerAndAge(mema_Block *block, uint64_t ownerAndAge) {
  __builtin_memcpy(&block->poolAllocated, &ownerAndAge, sizeof ownerAndAge);
}
static inline uint32_t mema_ageOf(const mema_Block *block) {
  return (uint32_t)(mema_ownerAndAge(block) >> mema_ageShift);
}

/* ---- the chain: the live chunks of a tracked pool, oldest first ----------------------------------------------------- */

static inline void mema_linkBlock(mema_Pool *pool, mema_Block *block, void *ptr, size_t size) {
  mema_Block *tail = pool->tail;
  block->ptr = ptr;
  block->size = size;
  block->next = NULL;
  block->prev = tail;
  mema_setOwnerAndAge(block, pool->ownerAndAge);
  *(tail != NULL ? &tail->next : &pool->head) = block;
  pool->tail = block;
}

static inline void mema_unlinkBlock(mema_Pool *pool, const mema_Block *block) {
  mema_Block *next = block->next, *prev = block->prev;
  *(prev != NULL ? &prev->next : &pool->head) = next;
  *(next != NULL ? &next->prev : &pool->tail) = prev;
}

/* Puts a block in the place of another, which is then no part of the chain. */
static inline void mema_replaceBlock(mema_Pool *pool, mema_Block *block, const mema_Block *old) {
  block->next = old->next;
  block->prev = old->prev;
  *(block->prev != NULL ? &block->prev->next : &pool->head) = block;
  *(block->next != NULL ? &block->next->prev : &pool->tail) = block;
}

/* Moves a block of the chain behind another; NULL: to the front. */
static inline void mema_moveBlock(mema_Pool *pool, mema_Block *block, mema_Block *before) {
  mema_unlinkBlock(pool, block);
  mema_Block *after = before != NULL ? before->next : pool->head;
  block->prev = before;
  block->next = after;
  *(before != NULL ? &before->next : &pool->head) = block;
  *(after != NULL ? &after->prev : &pool->tail) = block;
}

/* ---- what a Pool itself tells of it ------------------------------------------------------------------------------------- */

static inline void mema_countStats(const mema_Pool *pool, mema_Stats *stats) {
  *stats = (mema_Stats){.untracked = pool->untracked,
                        .committed = pool->committed,
                        .poolSize = pool->poolSize,
                        .freeSize = pool->freeSize,
                        .liveBytes = pool->poolSize - pool->freeSize,
                        .peakBytes = pool->poolSize - pool->lowWater,
                        .liveChunks = pool->allocations - pool->frees,
                        .allocations = pool->allocations,
                        .frees = pool->frees,
                        .refused = pool->refused,
                        .badFrees = pool->badFrees,
                        .chargedBytes = pool->charged,
                        .subPoolBytes = pool->held};
  if (pool->freeSize < pool->lowWater) stats->peakBytes = stats->liveBytes; /* an arena, which notes it later */
  __builtin_memcpy(stats->name, pool->name, sizeof stats->name);
}

/* ---- pool.c ------------------------------------------------------------------------------------------------------------ */

/* Whether a pool can be made so, as far as the arguments tell; else the failure is noted. `options` is not NULL. */
MEMA_HIDDEN bool mema_judgeOptions(const mema_Pool *pool, const mema_Options *options);
/* Notes that there is no memory for a pool with these options. */
MEMA_HIDDEN void mema_failMemoryOf(const mema_Options *options);
/* A slab for such a pool; NULL iff there is no memory. */
MEMA_HIDDEN mema_Heap *mema_openHeapFor(const mema_Options *options);
/* Makes the Pool that of this slab; false, and the slab closed, iff there is no memory. */
MEMA_HIDDEN bool mema_setUpPool(mema_Pool *pool, mema_Heap *heap, const mema_Options *options);
/* The first part of it: a Pool's fields at the beginning of its life. */
MEMA_HIDDEN void mema_layPool(mema_Pool *pool, const mema_Options *options);
/* Ends a pool that has no clean-ups and sub-pools any more; false, and the failure noted, iff it is none. */
MEMA_HIDDEN bool mema_closePool(mema_Pool *pool);

/* ---- chunk.c, for the files above it ----------------------------------------------------------------------------------- */

/* Takes, charges and links a chunk. */
MEMA_HIDDEN bool mema_allocate(mema_Pool *pool, mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
/* Frees a chunk that was found. True, for a tail call. */
MEMA_HIDDEN bool mema_releaseChunk(mema_Pool *pool, mema_Heap *heap, const mema_Chunk *chunk);
/* Counts and notes a refused request. */
MEMA_HIDDEN void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted);
static inline void mema_refuseFor(mema_Pool *pool, mema_Fault fault, size_t first, size_t second) {
  pool->refused++;
  mema_failFor(fault, first, second);
}

#endif
