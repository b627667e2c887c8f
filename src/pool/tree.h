/* tree.h - families of pools: who is whose sub-pool, and what each holds of whose budget. Read this first.
 *
 *            root                     budget: each level by itself, exact after each call
 *           /    \                        pool.poolSize == pool.freeSize + its live chunks + pool.charged + held(pool)
 *       child     child                   held(pool)    == the sum, over its children, of what each holds:
 *       /                                 holds(child)  == max(guaranteed, child.poolSize - child.freeSize)
 *   grandchild                        A shared root counts it in pool.held; elsewhere mema_heldBelow sums it up.
 *
 * So a sub-pool that stays within its guaranteed bytes does not concern its parent; one that grows beyond charges the difference to its
 * parent, which may grow beyond its own guaranteed bytes by that, and so on upwards. A charge is taken on all levels or on none.
 *
 * memory   A tracked sub-pool takes its chunks from the slabs of its parent, where that is tracked, unshared, and a slab pool itself. The owner
 *          of a chunk is in its Block (mema_isOwn). Any other sub-pool has slabs of its own.
 * kin      A record for each pool that is or has a sub-pool. Its memory is never unmapped, so that what a stale copy of a Pool points to
 *          can be looked at; a `life` that no other has had tells whether it is the same still.
 * mode     Slabs that several pools of a family use, and those of sub-pools, have the bit mema_modeFamily in their mode: only then do common calls
 *          come here. The generation of a pool that uses its parent's slabs is less than the parent's by mema_modeParentHeap, so that the two are
 *          never taken for each other.
 * threads  A family is used by one thread at a time, unless the root is shared: then its children, each with slabs of its own, may be used
 *          by a thread each, and what concerns the root is charged to the thread's shard of it, or done under the root's lock.
 */
#ifndef MEMA_POOL_TREE_H
#define MEMA_POOL_TREE_H

#include "../base/stack.h"
#include "pool.h"

typedef struct mema_Node mema_Node;

struct mema_Node {
  mema_Pool *pool;
  uintptr_t life; /* as pool->life; 0: nobody's */
  mema_Pool *parentPool;
  size_t guard;     /* what of the budget lies beyond the guaranteed bytes: where freeSize is below, the parent is charged */
  size_t nearGuard; /* the same; 0 where the parent is shared, or a sub-pool itself: then not its fields alone change */
  mema_Node *parent;  /* NULL: the root */
  mema_Node *newest;  /* of its children */
  mema_Node *older;   /* its parent's child made before this one */
  mema_Node *younger; /* and after */
  size_t guaranteed;
  uintptr_t born; /* the parent's markSerial when it was made */
  uint32_t id;    /* the owner in Blocks: 1 to mema_nodesMost */
  bool usesParentHeap;
  mema_StackLink nextFree; /* id */
};

enum { mema_nodesMost = 0xFFFFFF };

/* ---- tree.c: records ---------------------------------------------------------------------------------------------------- */

/* A record that is nobody's yet; NULL iff there is no memory, or there are mema_nodesMost of them. */
MEMA_HIDDEN mema_Node *mema_takeNode(void);
/* Makes it the pool's. */
MEMA_HIDDEN void mema_ownNode(mema_Pool *pool, mema_Node *node);
MEMA_HIDDEN void mema_dropNode(mema_Node *node);

/* Whether the record that a Pool in a family points to is its own: not so for one that is in it no more. (A copy elsewhere has no seal.) */
static inline bool mema_nodeLives(const mema_Pool *pool) {
  return pool->node != NULL && mema_loadWord(&pool->node->life) == pool->life;
}

/* Whether the Pool of a record that has children is where it was, so that its fields can be gone by. A program may have moved it, or used
 * its memory for something else. It is lost then: what is below it is charged no further, and grows no more than what was guaranteed. */
static inline bool mema_isPresent(const mema_Node *node) {
  return node->pool->node == node;
}

/* Whether a chunk is the pool's own, and not another's with which it shares slabs. */
static inline bool mema_isOwn(const mema_Pool *pool, const mema_Block *block) {
  return ((mema_ownerAndAge(block) ^ pool->ownerAndAge) & ((uint64_t)mema_nodesMost << mema_ownerShift)) == 0;
}

/* As mema_findChunk, for the pool's own chunks. */
static inline bool mema_findOwn(const mema_Pool *pool, mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  return mema_findChunk(heap, ptr, chunk) && (pool->untracked || mema_isOwn(pool, chunk->record));
}

/* Whether what the pool uses may concern its parent: it is a sub-pool, with budget beyond its guaranteed bytes. (So not one that threads
 * share.) */
static inline bool mema_isBelow(const mema_Pool *pool) {
  return pool->node != NULL && pool->node->parent != NULL && pool->node->guard != 0;
}

static inline bool mema_usesParentHeap(const mema_Pool *pool) {
  const mema_Node *node = __atomic_load_n(&pool->node, __ATOMIC_ACQUIRE); /* that of a shared root may be made just now */
  return node != NULL && node->usesParentHeap;
}

/* ---- levels.c: charges on all levels ------------------------------------------------------------------------------------ */

/* The pool, at or above this one (which the caller has locked, if threads share it), that has no room for so many bytes more of this one; NULL:
 * all have. *room: so many it could have. */
MEMA_HIDDEN mema_Pool *mema_limitingPool(mema_Pool *pool, size_t bytes, size_t *room);
/* Whether one has none. */
static inline bool mema_isShort(mema_Pool *pool, size_t bytes) {
  size_t room;
  return mema_limitingPool(pool, bytes, &room) != NULL;
}
/* Charges on all levels. False, with nothing changed, iff one has no room. */
MEMA_HIDDEN bool mema_chargeLevels(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN void mema_creditLevels(mema_Pool *pool, size_t bytes);
/* Credits a pool that the caller has locked, if threads share it, for what was charged to it by one call. */
static inline void mema_creditBytes(mema_Pool *pool, size_t bytes) {
  if (mema_isBelow(pool)) {
    mema_creditLevels(pool, bytes);
  } else {
    mema_noteLow(pool);
    pool->freeSize += bytes;
  }
}
/* Has `to` charged instead of `from`, both of one family and neither shared. False, with nothing changed, iff a level has no room; one above both
 * is only asked for the difference. */
MEMA_HIDDEN bool mema_moveCharge(mema_Pool *to, mema_Pool *from, size_t bytes);
/* Charges, and credits, a pool that threads share, whose lock is held. */
MEMA_HIDDEN bool mema_chargeLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes);
MEMA_HIDDEN void mema_creditLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes);
/* Whether threads share the root: what there is room for now may be gone at the next step. */
MEMA_HIDDEN bool mema_isContended(const mema_Pool *pool);
/* Counts and notes that some level had no room for so many bytes more. False, for a tail call. */
MEMA_HIDDEN bool mema_refuseLevels(mema_Pool *pool, size_t bytes);
/* Sees to it that there is room for what is guaranteed to a new sub-pool; a pool that threads share is charged for it at once (charge.c). False:
 * refused, and counted. */
MEMA_HIDDEN bool mema_reserveGuarantee(mema_Pool *pool, size_t bytes);
/* The bytes that a sub-pool holds of its parent's budget. */
static inline size_t mema_holds(const mema_Pool *pool) {
  const mema_Node *node = pool->node;
  return node->guaranteed + (pool->freeSize < node->guard ? node->guard - pool->freeSize : 0);
}
/* Those that all its sub-pools hold of a pool's budget. Only a pool that threads share counts them as it goes: of another, time grows with the
 * sub-pools, and what lost ones held is not known. */
MEMA_HIDDEN size_t mema_heldBelow(const mema_Pool *pool);

/* Whether so little may be left of a budget without anybody to be told. */
static inline bool mema_mayGoLow(const mema_Pool *pool, ptrdiff_t left) {
  return left >= 0 && !pool->alwaysSlow;
}

/* The common cases, inline: all of it is guaranteed; or nothing more is, and the parent is a root that can be charged by itself.
 *
 * Charges a pool in a family for a new chunk; false, with nothing changed, iff the general path has to see the request. */
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

/* Credits it for a chunk that ends; false, with nothing changed, iff the general path has to do so. */
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

/* Whether a record's Pool lives, and is as it was left: the caller may have moved it, or used its memory for something else. */
MEMA_HIDDEN bool mema_isThere(const mema_Node *node);

/* The guards of a pool with this budget. */
MEMA_HIDDEN void mema_setGuard(mema_Node *node, size_t poolSize);

/* Before a pool ends, or all its chunks do (serial 0), or those that are younger than the mark with this serial: runs its clean-ups, and frees
 * its sub-pools, newest first. False, and the failure noted, iff another thread is at it, or the calling thread in the midst of a call to the
 * pool. */
MEMA_HIDDEN bool mema_endFamily(mema_Pool *pool, uintptr_t serial);
static inline bool mema_hasCleanups(const mema_Pool *pool) {
  return pool->cleanups[0] != NULL || pool->cleanups[1] != NULL;
}
/* The same, and nothing where there are none of either. */
static inline bool mema_endLives(mema_Pool *pool, uintptr_t serial) {
  return mema_likely(__atomic_load_n(&pool->node, __ATOMIC_ACQUIRE) == NULL && !mema_hasCleanups(pool)) ||
         mema_endFamily(pool, serial);
}
/* False, and the failure noted, iff a callback or clean-up of this pool, or of one below it, is under way: it cannot end then. */
MEMA_HIDDEN bool mema_mayEnd(const mema_Pool *pool);
/* False, and the failure noted, iff the calling thread is in the midst of a call to the shared pool whose sub-pool this is, or of one that makes
 * or ends a shared pool. For shared pools, and those of families. */
MEMA_HIDDEN bool mema_mayLeave(const mema_Pool *pool);
/* Takes a pool that has ended, and held so much, out of its family. */
MEMA_HIDDEN void mema_leaveFamily(mema_Node *node, mema_Heap *heap, size_t held);
/* Frees the youngest chunks of a tracked pool one by one: those of this age, and younger ones. */
MEMA_HIDDEN void mema_freeAllYounger(mema_Pool *pool, uint32_t age);
static inline void mema_freeYounger(mema_Pool *pool, uint32_t age) {
  if (pool->tail != NULL) mema_freeAllYounger(pool, age);
}

/* ---- cleanups.c --------------------------------------------------------------------------------------------------------- */

/* Runs the clean-ups for this time, newest first, that were added after the mark with this serial (0: all). */
MEMA_HIDDEN void mema_runCleanups(mema_Pool *pool, mema_CleanupTime when, uintptr_t serial);

#endif
