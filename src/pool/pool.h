/* pool.h - what the files of pool/ have in common: charging, and the chain. identity.h tells a live pool from
 * any other memory.
 *
 *   poolSize == freeSize + charges of the live chunks + charged + held
 *        charge: Block.size (tracked); the chunk's room (untracked); in an untracked arena the grains that the chunk needs;
 *                mema_boundCharge of the room (tracked, where the budget bounds memory); for engines that charge by size
 *                the room that a chunk of its size has in the pool's own heap
 *        charged: by mema_chargePool     held: by sub-pools, see tree.h
 *   live chunks == allocations - frees */
#ifndef MEMA_POOL_POOL_H
#define MEMA_POOL_POOL_H

#include "../base/error.h"
#include "../heap/heapList.h"
#include "identity.h"

/* Returns the size of a chunk as its pool counts it. If the chunk has a Block, the Block holds this size.
 * That includes chunks in the slabs outside of an untracked arena, which are charged as in the arena. */
static inline size_t mema_sizeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  return pool->untracked && chunk->record == NULL ? chunk->room : chunk->record->size;
}

/* Returns the charge of a tracked chunk with this room, where the budget bounds memory: its room, its part of the
 * tables, its Block and its bits, as the engine of the pool's own heap has them. */
static inline size_t mema_boundCharge(const mema_Heap *first, size_t room) {
  return room + (room >> first->ops->tablesShift) + first->ops->beside;
}
/* charge.c: returns the size of the largest request that this heap would grant now, and a budget of `room` bytes. */
MEMA_HIDDEN size_t mema_largestIn(const mema_Pool *pool, mema_Heap *heap, size_t room);
MEMA_HIDDEN size_t mema_boundChargeOf(const mema_Pool *pool, const mema_Chunk *chunk);

static inline size_t mema_chargeOf(const mema_Pool *pool, const mema_Chunk *chunk) {
  return mema_unlikely(pool->bound) ? mema_boundChargeOf(pool, chunk) : mema_sizeOf(pool, chunk);
}

/* Returns the charge of a new chunk in a pool whose first heap is `first`. */
static inline size_t mema_chargeFor(const mema_Pool *pool, const mema_Heap *first, size_t size, size_t alignment) {
  if (!pool->untracked && !pool->bound) return size;
  size_t room = first->ops->room(first, size, alignment);
  return pool->bound ? mema_boundCharge(first, room) : room;
}

/* Records the least freeSize so far. pressure.h explains slowPathBelow. In an arena nearly every request is a
 * new low, so its slowPathBelow is 0: it records the low-water mark before a credit, not on allocation. */
static inline void mema_noteLow(mema_Pool *pool) {
  if (pool->freeSize >= pool->lowWater) return;
  pool->lowWater = pool->freeSize;
  if (!pool->alwaysSlow && pool->slowPathBelow != 0) pool->slowPathBelow = pool->freeSize;
}

/* Charges a new chunk. False, with nothing changed, iff the budget has no room, or the general path has to
 * handle the request: the pool is alwaysSlow and less than slowPathBelow would be left. One comparison finds
 * both cases, and a new low. */
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

/* The last word of a Block, ownerAndAge: where the chunk lies, its owner, and its age.
 *     byte 0  poolAllocated    bytes 1..3  owner: the pool within its family; 0: the root    bytes 4..7  age: counts marks (marks.c)
 * pool->ownerAndAge is the word for a chunk that is allocated now, in the reservation. In a pool with sites the owner has
 * the lower 10 of its 24 bits, and the upper 14 are the number of the chunk's site (sites.h). Byte 0 of the word lies first
 * in a Block whatever the order of bytes. */
enum { mema_ownerShift = 8, mema_siteShift = 18, mema_ageShift = 32 };
enum { mema_ownersMost = 0xFFFFFF, mema_ownersBesideSites = 0x3FF, mema_sitesMost = 0x3FFF };
static inline uint64_t mema_lowByteFirst(uint64_t word) {
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}
static inline uint64_t mema_ownerAndAge(const mema_Block *block) {
  uint64_t ownerAndAge;
  __builtin_memcpy(&ownerAndAge, &block->poolAllocated, sizeof ownerAndAge);
  return mema_lowByteFirst(ownerAndAge);
}
static inline void mema_setOwnerAndAge(mema_Block *block, uint64_t ownerAndAge) {
  ownerAndAge = mema_lowByteFirst(ownerAndAge);
  __builtin_memcpy(&block->poolAllocated, &ownerAndAge, sizeof ownerAndAge);
}
static inline uint32_t mema_ageOf(const mema_Block *block) {
  return (uint32_t)(mema_ownerAndAge(block) >> mema_ageShift);
}

static inline uint32_t mema_siteOf(const mema_Block *block) {
  return (uint32_t)mema_ownerAndAge(block) >> mema_siteShift;
}
/* Returns the word with another site; 0: none. */
static inline uint64_t mema_withSite(uint64_t ownerAndAge, uint32_t site) {
  return (ownerAndAge & ~((uint64_t)mema_sitesMost << mema_siteShift)) | (uint64_t)site << mema_siteShift;
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

/* Puts a block in the place of an old one, which leaves the chain. */
static inline void mema_replaceBlock(mema_Pool *pool, mema_Block *block, const mema_Block *old) {
  block->next = old->next;
  block->prev = old->prev;
  *(block->prev != NULL ? &block->prev->next : &pool->head) = block;
  *(block->next != NULL ? &block->next->prev : &pool->tail) = block;
}

/* Moves a block of the chain behind the block `before`; NULL: to the front. */
static inline void mema_moveBlock(mema_Pool *pool, mema_Block *block, mema_Block *before) {
  mema_unlinkBlock(pool, block);
  mema_Block *after = before != NULL ? before->next : pool->head;
  block->prev = before;
  block->next = after;
  *(before != NULL ? &before->next : &pool->head) = block;
  *(after != NULL ? &after->prev : &pool->tail) = block;
}

/* ---- the statistics that the Pool itself holds -------------------------------------------------------------------------- */

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
  if (pool->freeSize < pool->lowWater) stats->peakBytes = stats->liveBytes; /* an arena records a low later */
  __builtin_memcpy(stats->name, pool->name, sizeof stats->name);
}

/* ---- pool.c ------------------------------------------------------------------------------------------------------------ */

/* True iff the pool can be made with these options, judging by the arguments alone; else the failure is
 * noted. `options` is not NULL. */
MEMA_HIDDEN bool mema_judgeOptions(const mema_Pool *pool, const mema_Options *options);
/* Notes why a pool with these options, which are good, was not made. */
MEMA_HIDDEN void mema_failToOpen(mema_Reason reason, const mema_Options *options);
/* Opens a heap for a pool with these options. NULL iff there is no memory. */
MEMA_HIDDEN mema_Heap *mema_openHeapFor(const mema_Options *options);
/* Sets up the Pool on this heap. If that fails, it closes the heap: MEMA_NO_MEMORY, or MEMA_REENTERED if the
 * caller is a signal handler that interrupted the making or end of another shared pool. */
MEMA_HIDDEN mema_Reason mema_setUpPool(mema_Pool *pool, mema_Heap *heap, const mema_Options *options);
/* The first part of mema_setUpPool: sets a Pool's fields to those of a new pool. */
MEMA_HIDDEN void mema_layPool(mema_Pool *pool, const mema_Options *options);
/* Ends a pool whose clean-ups and sub-pools are gone. False, and the failure noted, iff the pool is not live. */
MEMA_HIDDEN bool mema_closePool(mema_Pool *pool);

/* ---- allocate.c and refuse.c ------------------------------------------------------------------------------------------- */

/* Takes, charges and links a chunk. */
MEMA_HIDDEN bool mema_allocate(mema_Pool *pool, mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk);
/* Frees a chunk that was found, and whose Block is intact. Returns true, for a tail call. */
MEMA_HIDDEN bool mema_releaseChunk(mema_Pool *pool, mema_Heap *heap, const mema_Chunk *chunk);
/* palloc and pfree by the general path. Any pool that lives, and that no other thread is in, can come here. */
MEMA_HIDDEN MEMA_SLOW void *mema_pallocSlow(mema_Pool *pool, size_t size, mema_Heap *heap);
MEMA_HIDDEN MEMA_SLOW bool mema_pfreeSlow(mema_Pool *pool, void *ptr, mema_Heap *heap);
/* Counts and notes a refused request. */
MEMA_HIDDEN void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted);
static inline void mema_refuseFor(mema_Pool *pool, mema_Fault fault, size_t first, size_t second) {
  pool->refused++;
  mema_failFor(fault, first, second);
}

/* Credits the charge of a chunk that ends, in a pool whose charges reach no parent. */
static inline void mema_creditChunk(mema_Pool *pool, size_t charge) {
  pool->freeSize += charge;
  pool->frees++;
}

/* ---- change.c ----------------------------------------------------------------------------------------------------------- */

/* Changes a chunk's size, in its place or by a move. Returns where it lies; NULL: the request is refused, and
 * counted. */
MEMA_HIDDEN void *mema_changeChunk(mema_Pool *pool, void *ptr, size_t size, mema_Heap *heap);

/* True iff the budget has room for a charge that changes from `before` to `after` bytes. */
static inline bool mema_hasRoom(const mema_Pool *pool, size_t before, size_t after) {
  return after <= before || after - before <= pool->freeSize;
}

/* Changes the charge of one chunk, in a pool whose charges reach no parent and no callback. The caller has checked
 * that the budget has room. */
static inline void mema_rechargeAlone(mema_Pool *pool, size_t before, size_t after) {
  pool->freeSize += before;
  pool->freeSize -= after;
  mema_noteLow(pool);
}

/* ---- intact.c ----------------------------------------------------------------------------------------------------------- */

/* True iff Blocks of the pool's chunks may have been written over, so that they are examined before their use. The
 * engines with variants of the common paths have their Blocks out of reach. */
static inline bool mema_exposesBlocks(const mema_Pool *pool, const mema_Heap *first) {
  return mema_unlikely(first->mode >= mema_modeFixed) && first->ops->exposesBlocks && !pool->untracked;
}
/* True iff `block`, which may be any pointer, can be the Block of a live chunk, and so may be read. */
MEMA_HIDDEN bool mema_isReadable(const mema_Heap *first, const mema_Block *block);
/* True iff the Block of a chunk fits the chunk. An engine that exposes Blocks gives each chunk just the room of its
 * size. */
MEMA_HIDDEN bool mema_fitsChunk(const mema_Chunk *chunk);
/* intact.c: what mema_isIntact asks where Blocks are exposed. */
MEMA_HIDDEN bool mema_examineBlock(const mema_Pool *pool, const mema_Heap *first, const mema_Chunk *chunk);
/* True iff the Block of a chunk that was found is intact, as far as the heaps and its neighbours in the chain show.
 * Then the neighbours may be written to. Otherwise MEMA_BROKEN is noted. */
static inline bool mema_isIntact(const mema_Pool *pool, const mema_Heap *first, const mema_Chunk *chunk) {
  return !mema_exposesBlocks(pool, first) || mema_examineBlock(pool, first, chunk);
}
/* marks.c: true iff `block`, which may be any pointer, is NULL or the intact Block of a live chunk. Otherwise MEMA_BROKEN is
 * noted. */
MEMA_HIDDEN bool mema_isIntactBlock(const mema_Pool *pool, mema_Heap *first, const mema_Block *block);

#endif
