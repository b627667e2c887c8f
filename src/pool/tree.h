/* tree.h - families of pools: the parent of each sub-pool, and the bytes that it holds of its parent's
 * budget. Read this first.
 *
 *             root                     budget: each level by itself, exact after each call
 *            /    \                        pool.poolSize == pool.freeSize + its live chunks + pool.charged + held(pool)
 *        child     child                   held(pool)    == the sum, over its children, of the bytes that each holds:
 *        /                                 holds(child)  == max(guaranteed, child.poolSize - child.freeSize)
 *    grandchild                        A shared root counts held(root) in pool.held; for other pools mema_heldBelow sums it up.
 *
 * A sub-pool that stays within its guaranteed bytes leaves its parent's budget alone. A sub-pool that grows
 * beyond them charges the difference to its parent. The parent may thereby grow beyond its own guaranteed
 * bytes, and so on upwards. A charge is taken on all levels or on none.
 *
 * memory   A tracked sub-pool takes its chunks from its parent's heap, if the parent is tracked, unshared, and
 *          a slab pool itself. The Block of a chunk names its owner (mema_isOwn). Any other sub-pool has a
 *          heap of its own.
 * node     The record of a pool that is or has a sub-pool. The memory of nodes is never unmapped, so the
 *          library can read the node that a stale copy of a Pool points to. Each life of a node has a unique
 *          number, `life`, which exposes such a copy.
 * mode     A heap that several pools of a family use, and the heap of a sub-pool, have the bit mema_modeFamily
 *          in their mode. Common calls come here only for such heaps. The generation of a pool that uses its
 *          parent's heap is less than the parent's by mema_modeParentHeap, so no call mistakes one pool for
 *          the other.
 * threads  A family with an unshared root is used by one thread at a time. Under a shared root each child has a
 *          heap of its own, and different threads may use different children at once. A child then charges the
 *          root through the calling thread's cache of the root, or under the root's lock. */
#ifndef MEMA_POOL_TREE_H
#define MEMA_POOL_TREE_H

#include "../base/stack.h"
#include "pool.h"

typedef struct mema_Node mema_Node;

struct mema_Node {
  mema_Pool *pool;
  uintptr_t life; /* equals pool->life while the pool owns this node; 0: no pool owns it */
  mema_Pool *parentPool;
  size_t guard;       /* poolSize - guaranteed: while freeSize is below it, the pool holds more than guaranteed */
  size_t nearGuard;   /* equals guard if the parent is an unshared root; else 0: more than the parent's fields change */
  mema_Node *parent;  /* NULL: the pool is the root */
  mema_Node *newest;  /* the youngest child */
  mema_Node *older;   /* the next older sibling */
  mema_Node *younger; /* the next younger sibling */
  size_t guaranteed;
  uintptr_t born; /* the parent's markSerial at the time of the init */
  uint32_t id;    /* the owner that Blocks name: 1 to mema_ownersMost */
  bool usesParentHeap;
  mema_HeapKind kind;      /* of its heap, for threads that must not read that */
  mema_StackLink nextFree; /* an id */
};

/* ---- tree.c: nodes ------------------------------------------------------------------------------------------------------ */

/* Takes a node that no pool owns. NULL iff there is no memory, or mema_ownersMost nodes are in use. */
MEMA_HIDDEN mema_Node *mema_takeNode(void);
/* Makes the pool the owner of the node. */
MEMA_HIDDEN void mema_ownNode(mema_Pool *pool, mema_Node *node);
MEMA_HIDDEN void mema_dropNode(mema_Node *node);

static inline mema_Node *mema_nodeOf(const mema_Pool *pool) {
  return pool->node;
}

/* True iff the pool owns the node that it points to. False for a Pool that has left the family. (A copy of a
 * Pool at another address has no valid seal.) */
static inline bool mema_nodeLives(const mema_Pool *pool) {
  return pool->node != NULL && mema_loadWord(&pool->node->life) == pool->life;
}

/* True iff the Pool of a node with children is still at its address, so its fields are valid. A program may
 * have moved the Pool, or used its memory again. The Pool is then lost: the pools below it charge it no
 * further, and grow only to their guaranteed bytes. */
static inline bool mema_isPresent(const mema_Node *node) {
  return node->pool->node == node;
}

/* The bits that name the owner, in the lower half of a Block's last word. */
static inline uint32_t mema_ownerBits(const mema_Pool *pool) {
  return (pool->sites ? (uint32_t)mema_ownersBesideSites : (uint32_t)mema_ownersMost) << mema_ownerShift;
}

/* True iff these bits of the Block are those of the pool's. */
static inline bool mema_hasOwner(const mema_Pool *pool, const mema_Block *block, uint32_t bits) {
  return (((uint32_t)mema_ownerAndAge(block) ^ (uint32_t)pool->ownerAndAge) & bits) == 0;
}

/* True iff the chunk belongs to this pool, not to another pool that uses the same heap. A pool without a node uses its
 * heap alone. */
static inline bool mema_isOwn(const mema_Pool *pool, const mema_Block *block) {
  return mema_hasOwner(pool, block, pool->ownerMask);
}

/* Like mema_findChunk, but finds only the pool's own chunks. Where Blocks are exposed, there is no family. */
static inline bool mema_findOwn(const mema_Pool *pool, mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  if (!mema_findChunk(heap, ptr, chunk)) return false;
  return pool->untracked || mema_isOwn(pool, chunk->record) || heap->ops->exposesBlocks;
}

/* True iff charges of the pool may reach its parent: it is a sub-pool with budget beyond its guaranteed
 * bytes. A shared sub-pool has none, so the answer is false for it. */
static inline bool mema_isBelow(const mema_Pool *pool) {
  return pool->node != NULL && pool->node->parent != NULL && pool->node->guard != 0;
}

static inline bool mema_usesParentHeap(const mema_Pool *pool) {
  const mema_Node *node = __atomic_load_n(&pool->node, __ATOMIC_ACQUIRE); /* another thread may be setting it */
  return node != NULL && node->usesParentHeap;
}

/* Returns the next node of the family from `top` down; NULL: `node` was the last. That is the node's newest
 * sub-pool if `down`, else the next older sibling of the node, or of the nearest node above that has one. It
 * uses no recursion, since families may be deep. */
static inline const mema_Node *mema_nextNode(const mema_Node *top, const mema_Node *node, bool down) {
  if (down && node->newest != NULL) return node->newest;
  while (node != top && node->older == NULL) node = node->parent;
  return node == top ? NULL : node->older;
}

/* ---- levels.c: charges on all levels ------------------------------------------------------------------------------------ */

/* Returns the lowest pool, from this one upwards, that has no room for a charge of `bytes` to this pool;
 * NULL: all have room. *room is the largest charge that all levels have room for. If the pool is shared, the
 * caller holds its lock. */
MEMA_HIDDEN mema_Pool *mema_limitingPool(mema_Pool *pool, size_t bytes, size_t *room);
/* True iff some level has no room for the charge. */
static inline bool mema_isShort(mema_Pool *pool, size_t bytes) {
  size_t room;
  return mema_limitingPool(pool, bytes, &room) != NULL;
}
/* Charges the pool and all levels that the charge reaches. False, with nothing changed, iff a level has no
 * room. */
MEMA_HIDDEN bool mema_chargeLevels(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN void mema_creditLevels(mema_Pool *pool, size_t bytes);
/* Credits bytes that were charged by one call. If the pool is shared, the caller holds its lock. */
static inline void mema_creditBytes(mema_Pool *pool, size_t bytes) {
  if (mema_isBelow(pool)) {
    mema_creditLevels(pool, bytes);
  } else {
    mema_noteLow(pool);
    pool->freeSize += bytes;
  }
}
/* Moves a charge from `from` to `to`, two unshared pools of one family. False, with nothing changed, iff a
 * level has no room. A pool above both is charged only the difference. */
MEMA_HIDDEN bool mema_moveCharge(mema_Pool *to, mema_Pool *from, size_t bytes);
/* Charge and credit a shared pool; the caller holds its lock. */
MEMA_HIDDEN bool mema_chargeLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes);
MEMA_HIDDEN void mema_creditLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes);
/* True iff the root is shared. Another thread may then use up the room that a test has just found. */
MEMA_HIDDEN bool mema_isContended(const mema_Pool *pool);
/* Counts and notes a refusal: some level has no room for `bytes` more. Returns false, for a tail call. */
MEMA_HIDDEN bool mema_refuseLevels(mema_Pool *pool, size_t bytes);
/* Makes sure that the budget has room for the guaranteed bytes of a new sub-pool. A shared pool is charged
 * for them at once (charge.c). False: the request is refused, and counted. */
MEMA_HIDDEN bool mema_reserveGuarantee(mema_Pool *pool, size_t bytes);
/* Returns the bytes that a sub-pool holds of its parent's budget. */
static inline size_t mema_holds(const mema_Pool *pool) {
  const mema_Node *node = pool->node;
  return node->guaranteed + (pool->freeSize < node->guard ? node->guard - pool->freeSize : 0);
}
/* Returns the bytes that all sub-pools hold of the pool's budget. A shared pool keeps this count. For any
 * other pool the time is linear in the number of sub-pools, and the bytes that lost sub-pools held are left
 * out. */
MEMA_HIDDEN size_t mema_heldBelow(const mema_Pool *pool);

/* True if the budget has room and no low-water callback is due. */
static inline bool mema_mayGoLow(const mema_Pool *pool, ptrdiff_t left) {
  return left >= 0 && !pool->alwaysSlow;
}

/* Charges a pool in a family for a new chunk. False, with nothing changed, iff the general path has to handle
 * the request. It covers two common cases inline. Either the guaranteed bytes cover the whole charge, or they
 * cover none of it and the parent is an unshared root. */
static inline bool mema_chargeChild(mema_Pool *pool, size_t bytes) {
  const mema_Node *node = pool->node;
  ptrdiff_t left = (ptrdiff_t)(pool->freeSize - bytes);
  if (mema_likely(left < (ptrdiff_t)node->guard)) {
    if (mema_unlikely(pool->freeSize - 1 >= node->nearGuard)) return false;
    mema_Pool *above = node->parentPool;
    ptrdiff_t leftAbove = (ptrdiff_t)(above->freeSize - bytes);
    if (mema_unlikely(leftAbove < (ptrdiff_t)above->slowPathBelow)) {
      if (!mema_mayGoLow(above, leftAbove) || (left < (ptrdiff_t)pool->slowPathBelow && !mema_mayGoLow(pool, left)))
        return false;
      above->lowWater = above->slowPathBelow = (size_t)leftAbove;
    }
    if (mema_unlikely(left < (ptrdiff_t)pool->slowPathBelow)) {
      if (!mema_mayGoLow(pool, left)) return false;
      pool->lowWater = pool->slowPathBelow = (size_t)left;
    }
    above->freeSize = (size_t)leftAbove;
  } else if (mema_unlikely(left < (ptrdiff_t)pool->slowPathBelow)) {
    if (!mema_mayGoLow(pool, left)) return false;
    pool->lowWater = pool->slowPathBelow = (size_t)left;
  }
  pool->freeSize = (size_t)left;
  pool->allocations++;
  return true;
}

/* Credits a pool in a family for a chunk that ends. False, with nothing changed, iff the general path has to
 * do so. */
static inline bool mema_creditChild(mema_Pool *pool, size_t bytes) {
  const mema_Node *node = pool->node;
  size_t freeSize = pool->freeSize, after = freeSize + bytes;
  if (mema_likely(freeSize < node->guard)) {
    if (mema_unlikely(after > node->nearGuard)) return false;
    mema_Pool *above = node->parentPool;
    above->freeSize += bytes;
  }
  pool->freeSize = after;
  pool->frees++;
  return true;
}

/* ---- subPool.c ---------------------------------------------------------------------------------------------------------- */

/* True iff the node's Pool is live and intact. The caller may have moved the Pool, or used its memory again. */
MEMA_HIDDEN bool mema_isThere(const mema_Node *node);

/* Sets both guards of the node for a pool with this budget. */
MEMA_HIDDEN void mema_setGuard(mema_Node *node, size_t poolSize);

/* Runs the clean-ups of a pool and frees its sub-pools, newest first, before chunks end. With serial 0 all
 * chunks, or the pool itself, are about to end; otherwise the chunks younger than the mark with this serial.
 * False, and the failure noted, iff another thread is ending the pool, or the calling thread is inside a call
 * to the pool. */
MEMA_HIDDEN bool mema_endFamily(mema_Pool *pool, uintptr_t serial);
/* Asked of a shared pool, which has none, without its lock. */
static inline bool mema_hasCleanups(const mema_Pool *pool) {
  return mema_loadWord((const uintptr_t *)(const void *)&pool->cleanups[0]) != 0 ||
         mema_loadWord((const uintptr_t *)(const void *)&pool->cleanups[1]) != 0;
}
/* Like mema_endFamily, but returns at once if there are no clean-ups and no sub-pools. */
static inline bool mema_endLives(mema_Pool *pool, uintptr_t serial) {
  return mema_likely(__atomic_load_n(&pool->node, __ATOMIC_ACQUIRE) == NULL && !mema_hasCleanups(pool)) ||
         mema_endFamily(pool, serial);
}
/* Checked before a shared pool, or a pool of a family, ends. False, and the failure noted, iff the calling
 * thread is inside a call to the pool's shared parent, or inside a call that makes or ends a shared pool. */
MEMA_HIDDEN bool mema_mayLeave(const mema_Pool *pool);
/* Takes a pool that has ended out of its family, and credits its parent with the `held` bytes. */
MEMA_HIDDEN void mema_leaveFamily(mema_Node *node, mema_Heap *heap, size_t held);
/* Frees the youngest chunks of a tracked pool one by one: those whose age is at least `age`. False, and the failure
 * noted, iff it meets a Block that was written over. */
MEMA_HIDDEN bool mema_freeAllYounger(mema_Pool *pool, uint32_t age);
static inline bool mema_freeYounger(mema_Pool *pool, uint32_t age) {
  return pool->tail == NULL || mema_freeAllYounger(pool, age);
}

/* Frees the chunks of a pool that ends, and that uses its parent's heap. */
MEMA_HIDDEN void mema_leaveParentHeap(mema_Pool *pool);

/* ---- cleanups.c --------------------------------------------------------------------------------------------------------- */

/* Runs the clean-ups that are due at this time, newest first. With serial 0 it runs all of them; otherwise
 * those added after the mark with this serial. */
MEMA_HIDDEN void mema_runCleanups(mema_Pool *pool, mema_CleanupTime when, uintptr_t serial);

/* ---- callbacks.c -------------------------------------------------------------------------------------------------------- */

/* True iff no callback or clean-up of the pool, or of a pool below it, is running. Otherwise the pool cannot
 * end, and the failure is noted. */
MEMA_HIDDEN bool mema_mayEnd(const mema_Pool *pool);
/* True iff the pool is about to end. */
MEMA_HIDDEN bool mema_isEnding(const mema_Pool *pool);

#endif
