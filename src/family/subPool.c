/* subPool.c - a sub-pool's life. */
#include "../pressure.h"
#include "../threads/share.h"
#include "kin.h"

/* ---- the tree ----------------------------------------------------------------------------------------------------------- */

static bool isPlainPool(const mema_Pool *pool) {
  return mema_isPlain(pool, mema_slabField(pool));
}

/* The children of a shared root may be made and freed by several threads at once. */
static mema_Slab *lockRoot(const mema_Pool *root) {
  return isPlainPool(root) ? NULL : mema_beginTurn(root);
}

static void unlockRoot(mema_Slab *slab) {
  if (slab != NULL) mema_unlockPool(slab);
}

static void linkKin(mema_Kin *kin, mema_Kin *parent) {
  mema_Slab *locked = lockRoot(parent->pool);
  kin->older = parent->newest;
  if (kin->older != NULL) kin->older->younger = kin;
  parent->newest = kin;
  unlockRoot(locked);
}

static void unlinkKin(mema_Kin *kin) {
  mema_Slab *locked = lockRoot(kin->parent->pool);
  if (kin->older != NULL) kin->older->younger = kin->younger;
  *(kin->younger != NULL ? &kin->younger->older : &kin->parent->newest) = kin->older;
  unlockRoot(locked);
}

/* The common calls of a slab's pools come by the family's way, or no longer. */
static void setFamilyWay(mema_Slab *slab, bool family) {
  uint8_t ways = (uint8_t)(family ? slab->ways | mema_inFamily : slab->ways & ~mema_inFamily);
  mema_storeWord(&slab->generation, slab->generation + ways - slab->ways);
  slab->ways = ways;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------------ */

/* Whether a sub-pool takes its chunks from its parent's slabs: nothing is asked of its memory that they are not. */
static bool mayBorrow(const mema_Pool *parent, const mema_Slab *slab, const mema_Options *options) {
  return mema_isPlain(parent, slab) && !parent->untracked && (slab->ways & mema_bumps) == 0 && !options->untracked &&
         !options->shared && !options->committed && !options->locked && !options->hugePages && options->memory == NULL &&
         options->reservation == 0 && options->engine == MEMA_SLAB;
}

static mema_Reason judge(const mema_Pool *child, const mema_Pool *parent, const mema_Options *options) {
  mema_Reason reason = mema_judgeOptions(child, options);
  if (reason != MEMA_OK) return reason;
  if (options->engine == MEMA_FIXED || options->guaranteed > options->poolSize) return MEMA_BAD_ARGUMENT;
  /* Threads that share it would have to agree with its parent on each batch of budget. */
  if (options->shared && options->guaranteed != options->poolSize) return MEMA_BAD_ARGUMENT;
  return parent->ending ? MEMA_BUSY : MEMA_OK;
}

/* The parent's record, made now if need be. */
static mema_Kin *kinOfParent(mema_Pool *parent) {
  mema_Slab *locked = lockRoot(parent);
  if (parent->kin == NULL) {
    mema_Kin *kin = mema_takeKin();
    if (kin != NULL) mema_ownKin(parent, kin);
  }
  unlockRoot(locked);
  return parent->kin;
}

/* A pool's identity in slabs that are another's: see kin.h. */
static void borrowSlabs(mema_Pool *child, mema_Slab *slab, const mema_Options *options) {
  mema_layPool(child, options);
  child->mem = slab->area;
  if ((slab->ways & mema_inFamily) == 0) setFamilyWay(slab, true);
  mema_identify(child, slab, slab->generation / mema_allWays * mema_allWays - mema_borrows, false);
}

static mema_Slab *openSlab(mema_Pool *child, const mema_Options *options) {
  mema_Slab *slab = mema_openSlabFor(options);
  if (slab == NULL) return NULL;
  slab->ways |= mema_inFamily;
  return mema_setUpPool(child, slab, options) ? slab : NULL;
}

void mema_setGuard(mema_Kin *kin, size_t poolSize) {
  bool near = kin->parent != NULL && kin->parent->parent == NULL && isPlainPool(kin->parentPool);
  kin->guard = kin->parent != NULL ? poolSize - kin->guaranteed : 0;
  kin->nearGuard = near ? kin->guard : 0;
}

/* The parent has been charged what is guaranteed. */
static bool makeChild(mema_Pool *child, mema_Kin *parent, mema_Slab *slab, const mema_Options *options) {
  mema_Kin *kin = mema_takeKin();
  if (kin == NULL) return false;
  kin->borrows = mayBorrow(parent->pool, slab, options);
  if (kin->borrows) {
    borrowSlabs(child, slab, options);
  } else if (openSlab(child, options) == NULL) {
    mema_dropKin(kin);
    return false;
  }
  kin->guaranteed = options->guaranteed;
  kin->parent = parent;
  kin->parentPool = parent->pool;
  mema_setGuard(kin, options->poolSize);
  kin->born = parent->pool->markSerial;
  child->stamp |= (uint64_t)kin->id << mema_ownerShift;
  mema_ownKin(child, kin);
  linkKin(kin, parent);
  return true;
}

bool mema_initSubPool(mema_Pool *child, mema_Pool *parent, const mema_Options *options) {
  mema_Slab *slab = mema_openPool(parent);
  if (slab == NULL) return false;
  mema_Reason reason = judge(child, parent, options);
  if (reason != MEMA_OK) {
    mema_fail(reason);
    return false;
  }
  mema_Kin *kin = kinOfParent(parent);
  if (kin != NULL && !mema_carve(parent, slab, options->guaranteed)) return false;
  if (kin != NULL && makeChild(child, kin, slab, options)) return true;
  if (kin != NULL) mema_creditHeld(parent, options->guaranteed);
  mema_failBytes(MEMA_NO_MEMORY, options->poolSize, 0);
  return false;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

bool mema_mayEnd(const mema_Pool *pool) {
  if (mema_likely(__atomic_load_n(&pool->callers, __ATOMIC_RELAXED) == 0 && !pool->ending)) return true;
  mema_fail(MEMA_BUSY);
  return false;
}

void mema_leaveFamily(mema_Kin *kin, mema_Slab *slab, size_t held) {
  mema_Kin *parent = kin->parent;
  if (parent != NULL) {
    unlinkKin(kin);
    mema_creditHeld(parent->pool, held);
    if (kin->borrows && parent->newest == NULL && parent->parent == NULL) setFamilyWay(slab, false);
  }
  mema_dropKin(kin);
}

void mema_freeYounger(mema_Pool *pool, uint32_t age) {
  while (pool->tail != NULL && mema_ageOf(pool->tail) >= age && mema_pfree(pool, pool->tail->ptr)) continue;
}

static void endLives(mema_Pool *pool, uintptr_t serial, bool bulk);

/* `bulk`: the slabs that it borrows end with it, or all their chunks do. */
static void endChild(mema_Pool *child, bool bulk) {
  endLives(child, 0, bulk || !mema_borrowsSlabs(child));
  if (mema_borrowsSlabs(child) && !bulk) mema_freeYounger(child, 0);
  mema_closePool(child);
}

static mema_Kin *newestSince(const mema_Pool *pool, uintptr_t serial) {
  if (pool->kin == NULL) return NULL;
  mema_Slab *locked = lockRoot(pool);
  mema_Kin *kin = pool->kin->newest;
  unlockRoot(locked);
  return kin != NULL && kin->born >= serial ? kin : NULL;
}

/* No clean-up can be added and no sub-pool made meanwhile, so this comes to its end. */
static void endLives(mema_Pool *pool, uintptr_t serial, bool bulk) {
  pool->ending = true;
  mema_runCleanups(pool, MEMA_BEFORE_SUB_POOLS, serial);
  for (mema_Kin *kin; (kin = newestSince(pool, serial)) != NULL;) endChild(kin->pool, bulk);
  mema_runCleanups(pool, MEMA_AFTER_SUB_POOLS, serial);
  pool->ending = false;
}

void mema_endLives(mema_Pool *pool, uintptr_t serial) {
  if (pool->kin == NULL && pool->cleanups[0] == NULL && pool->cleanups[1] == NULL) return;
  endLives(pool, serial, serial == 0 && !mema_borrowsSlabs(pool));
}

/* ---- chunks from one to another ------------------------------------------------------------------------------------------ */

/* Because a chunk goes out and in again, no pool is to tell that it is below its low water that was so before, or is as it was. */
static void muteLevels(mema_Pool *pool, bool mute, bool all) {
  for (;; pool = pool->kin->parent->pool) {
    pool->muted = mute && (all || pool->freeSize < pool->lowWaterBytes);
    if (pool->kin == NULL || pool->kin->parent == NULL) return;
  }
}

static bool recharge(mema_Pool *to, mema_Pool *from, size_t bytes) {
  muteLevels(to, true, false);
  mema_creditLevels(from, bytes);
  bool charged = mema_chargeLevels(to, bytes);
  muteLevels(to, false, false);
  if (charged) return true;
  size_t room;
  mema_narrowest(to, bytes, &room);
  muteLevels(from, true, true);
  mema_chargeLevels(from, bytes); /* it had room for them before */
  muteLevels(from, false, false);
  mema_failBytes(MEMA_OVER_BUDGET, bytes, room);
  return false;
}

bool mema_moveChunk(mema_Pool *to, mema_Pool *from, void *ptr) {
  mema_Slab *slab = mema_openPool(from);
  if (slab == NULL || mema_openPool(to) == NULL) return false;
  mema_Chunk chunk;
  if (mema_slabField(to) != slab || !mema_isPlain(from, slab) || from->untracked) {
    mema_fail(MEMA_NOT_KIN);
    return false;
  }
  if (!mema_findOwn(from, slab, ptr, &chunk)) {
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  mema_Block *block = chunk.record;
  if (to == from) return true;
  if (!recharge(to, from, block->size)) return false;
  mema_unlinkBlock(from, block);
  from->frees++;
  mema_linkBlock(to, block, block->ptr, block->size);
  block->poolAllocated = !chunk.slab->outside;
  to->allocations++;
  mema_announceLow(to);
  return true;
}
