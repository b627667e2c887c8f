/* subPool.c - a sub-pool's life, and chunks moved from one pool to another. */
#include "../heap/engines.h"
#include "../heap/slab/slab.h"
#include "pressure.h"
#include "../threads/share.h"
#include "sites.h"
#include "tree.h"

/* ---- the tree ----------------------------------------------------------------------------------------------------------- */

/* Locks a shared root, whose children several threads may make and free at once. Does nothing for an unshared
 * pool. */
static mema_Heap *lockRoot(const mema_Pool *root) {
  return mema_isUnshared(root) ? NULL : mema_lockForCall(root);
}

static void unlockRoot(mema_Heap *heap) {
  if (heap != NULL) mema_unlockPool(heap);
}

bool mema_isThere(const mema_Node *node) {
  const mema_Pool *pool = node->pool;
  return mema_heapOf(pool) != NULL && pool->node == node && mema_nodeLives(pool);
}

static void addChild(mema_Node *parent, mema_Node *node) {
  node->older = parent->newest;
  if (node->older != NULL) node->older->younger = node;
  parent->newest = node;
}

/* Links a new child to a shared root. A thread that ends the root sets `ending` before it scans the children
 * under the lock. So either that scan finds the child, or this call sees `ending`, and no child is missed.
 * MEMA_OK: the child is linked; MEMA_BAD_POOL: the root has ended; MEMA_BUSY: the root is about to end;
 * MEMA_REENTERED: the lock cannot be taken here. */
static mema_Reason linkToShared(mema_Node *node, mema_Node *parent, const mema_Pool *root) {
  mema_Heap *locked = mema_lockForCall(root);
  if (locked == NULL) return mema_lastReason();
  bool ending = __atomic_load_n(&root->ending, __ATOMIC_RELAXED); /* judge asked whether a jump left that end */
  mema_Reason reason = root->node != parent || !mema_isThere(parent) ? MEMA_BAD_POOL : ending ? MEMA_BUSY : MEMA_OK;
  if (reason == MEMA_OK) addChild(parent, node);
  mema_unlockPool(locked);
  return reason;
}

static mema_Reason linkNode(mema_Node *node, mema_Node *parent, const mema_Pool *root) {
  if (!mema_isUnshared(root)) return linkToShared(node, parent, root);
  addChild(parent, node);
  return MEMA_OK;
}

static void unlinkNode(mema_Node *node) {
  mema_Heap *locked = mema_isPresent(node->parent) ? lockRoot(node->parent->pool) : NULL;
  if (node->older != NULL) node->older->younger = node->younger;
  *(node->younger != NULL ? &node->younger->older : &node->parent->newest) = node->older;
  unlockRoot(locked);
}

/* Selects, for all pools that use this heap, the variants of the common paths for families, or those for
 * single pools. */
static void setFamilyMode(mema_Heap *heap, bool family) {
  uint8_t mode = (uint8_t)(family ? heap->mode | mema_modeFamily : heap->mode & ~mema_modeFamily);
  mema_storeWord(&heap->generation, heap->generation + mode - heap->mode);
  heap->mode = mode;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------------ */

/* True iff a new sub-pool may take its chunks from its parent's heap: its options ask for no memory that the
 * parent's heap does not provide. */
static bool mayUseParentHeap(const mema_Pool *parent, const mema_Heap *heap, const mema_Options *options) {
  return mema_isUnshared(parent) && !parent->untracked && heap->ops->servesSubPools && !options->untracked &&
         !options->shared && !options->committed && !options->locked && !options->hugePages && options->memory == NULL &&
         options->reservation == 0 && options->engine == MEMA_SLAB && (!options->boundMemory || parent->bound) &&
         options->sites == parent->sites;
}

/* True iff a live parent can have such a child; else the failure is noted. */
static bool judge(const mema_Pool *child, const mema_Pool *parent, const mema_Heap *heap, const mema_Options *options) {
  if (heap->ops->noFamily) return mema_failFor(mema_parentIsFixed, 0, 0);
  if (options == NULL) return mema_failFor(mema_optionsAreNull, 0, 0);
  const mema_HeapOps *ops = mema_engineOf(options->engine);
  if (ops != NULL && ops->noFamily) return mema_failFor(mema_childIsFixed, 0, 0);
  if (!mema_judgeOptions(child, options)) return false;
  size_t guaranteed = options->guaranteed, poolSize = options->poolSize;
  if (guaranteed > poolSize) return mema_failFor(mema_guaranteedIsLarge, guaranteed, poolSize);
  /* Otherwise the threads that share the child would have to charge its parent for each batch of budget. */
  if (options->shared && guaranteed != poolSize) return mema_failFor(mema_guaranteedInPart, guaranteed, poolSize);
  return !mema_isEnding(parent) || mema_failFor(mema_endsSoon, 0, 0);
}

/* Returns the parent's node, and makes it if there is none. NULL, with the reason set, iff there is no
 * memory, or another thread has freed the parent, or a signal handler has interrupted a call to the parent. */
static mema_Node *nodeOfParent(mema_Pool *parent, mema_Reason *reason) {
  bool plain = mema_isUnshared(parent);
  mema_Heap *locked = plain ? NULL : mema_lockForCall(parent);
  *reason = MEMA_NO_MEMORY;
  if (!plain && locked == NULL) {
    *reason = mema_lastReason();
    return NULL;
  }
  if (parent->node == NULL) {
    mema_Node *node = mema_takeNode();
    if (node != NULL) mema_ownNode(parent, node);
  }
  mema_Node *node = parent->node;
  unlockRoot(locked);
  return node;
}

/* Sets up a pool in its parent's heap: tree.h explains its generation. */
static void useParentHeap(mema_Pool *child, mema_Heap *heap, const mema_Options *options) {
  mema_layPool(child, options);
  child->mem = heap->area;
  child->bound = options->boundMemory;
  if (options->sites) mema_noteSites(child, options);
  if ((heap->mode & mema_modeFamily) == 0) setFamilyMode(heap, true);
  mema_identify(child, heap, heap->generation - heap->mode - mema_modeParentHeap, false);
}

static mema_Reason openHeap(mema_Pool *child, const mema_Options *options) {
  mema_Heap *heap = mema_openHeapFor(options);
  if (heap == NULL) return MEMA_NO_MEMORY;
  heap->mode |= mema_modeFamily;
  return mema_setUpPool(child, heap, options);
}

void mema_setGuard(mema_Node *node, size_t poolSize) {
  bool near = node->parent != NULL && node->parent->parent == NULL && mema_isUnshared(node->parentPool);
  node->guard = node->parent != NULL ? poolSize - node->guaranteed : 0;
  node->nearGuard = near ? node->guard : 0;
}

/* Closes a pool that was not linked to any parent. */
static void closeStray(mema_Pool *child, mema_Node *node) {
  node->parent = NULL;
  mema_closePool(child);
}

/* Makes the child and links it. The budget had room for the guaranteed bytes, and a shared parent is charged
 * for them already. An unshared parent is charged only after all memory has been taken, so a failure does not
 * change its low-water mark. The child is complete before it is linked: from then on another thread may free
 * it together with its parent. */
static mema_Reason makeChild(mema_Pool *child, mema_Pool *parent, mema_Node *nodeAbove, mema_Heap *heap,
                             const mema_Options *options) {
  mema_Node *node = mema_takeNode();
  if (node == NULL) return MEMA_NO_MEMORY;
  uint32_t ownersMost = options->sites ? mema_ownersBesideSites : mema_ownersMost;
  node->usesParentHeap = mayUseParentHeap(parent, heap, options) && node->id <= ownersMost;
  if (node->usesParentHeap) {
    useParentHeap(child, heap, options);
  } else {
    mema_Reason opened = openHeap(child, options);
    if (opened != MEMA_OK) {
      mema_dropNode(node);
      return opened;
    }
  }
  node->guaranteed = options->guaranteed;
  node->parent = nodeAbove;
  node->parentPool = parent;
  mema_setGuard(node, options->poolSize);
  node->kind = mema_heapField(child)->ops->kind;
  node->born = parent->markSerial;
  if (node->id <= ownersMost) child->ownerAndAge |= (uint64_t)node->id << mema_ownerShift; /* else it uses its heap alone */
  mema_ownNode(child, node);
  bool charged = options->guaranteed == 0 || !mema_isUnshared(parent) || mema_chargeLevels(parent, options->guaranteed);
  mema_Reason reason = charged ? linkNode(node, nodeAbove, parent) : MEMA_OVER_BUDGET;
  if (reason != MEMA_OK) {
    closeStray(child, node);
  } else if (mema_isUnshared(parent) && heap->ops->notesLowLate) {
    mema_setSlowPath(parent); /* a parent no longer notes its lows late */
  }
  return reason;
}

/* Notes the reason why no child was made, although its options were good. */
static void failChild(mema_Reason reason, const mema_Options *options) {
  if (reason == MEMA_BUSY) {
    mema_failFor(mema_endsSoon, 0, 0);
  } else {
    mema_failToOpen(reason, options);
  }
}

bool mema_initSubPool(mema_Pool *child, mema_Pool *parent, const mema_Options *options) {
  mema_Heap *heap;
  mema_Kind parentKind = mema_openKindIn(parent, &heap);
  if (parentKind == mema_noPool || !judge(child, parent, heap, options)) return false;
  mema_Options asked = *options; /* callbacks may change the caller's options */
  if (mema_unlikely(parent->bound)) asked.boundMemory = true;
  options = &asked;
  mema_Reason reason;
  mema_Node *node = nodeOfParent(parent, &reason);
  if (node != NULL && !mema_reserveGuarantee(parent, options->guaranteed)) return false;
  /* A callback that made room may have made this child meanwhile. */
  bool taken = mema_isLivePool(child);
  if (node != NULL) reason = taken ? MEMA_LIVE_POOL : makeChild(child, parent, node, heap, options);
  if (reason == MEMA_OK) {
    if (mema_isUnshared(parent)) mema_announceLow(parent);
    return true;
  }
  if (reason == MEMA_OVER_BUDGET) return mema_refuseLevels(parent, options->guaranteed); /* another thread took the room */
  if (node != NULL && parentKind == mema_sharedPool)
    mema_creditLevels(parent, options->guaranteed); /* harmless if the parent has been freed */
  failChild(reason, options);
  return false;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

/* True iff the calling thread is not inside a call to this pool, so that it can take the lock when needed.
 * Otherwise the failure is noted. */
static bool isAtRest(const mema_Pool *pool) {
  mema_Heap *locked = lockRoot(pool);
  unlockRoot(locked);
  return locked != NULL || mema_isUnshared(pool);
}

/* True iff the calling thread is not changing the list of shared pools. A shared pool that ends, with its
 * parent or alone, has to be taken off that list. Otherwise the failure is noted. */
static bool mayUnlist(void) {
  if (mema_likely(!mema_isInList())) return true;
  mema_fail(MEMA_REENTERED);
  return false;
}

bool mema_mayLeave(const mema_Pool *pool) {
  const mema_Node *node = __atomic_load_n(&pool->node, __ATOMIC_ACQUIRE); /* another thread may be setting it */
  const mema_Node *parent = node != NULL ? node->parent : NULL;
  if (parent == NULL || mema_isUnshared(parent->pool)) return mema_isUnshared(pool) || mayUnlist();
  return mayUnlist() && (!mema_isThere(parent) || isAtRest(parent->pool));
}

void mema_leaveFamily(mema_Node *node, mema_Heap *heap, size_t held) {
  mema_Node *parent = node->parent;
  if (parent != NULL) {
    unlinkNode(node);
    if (mema_isThere(parent)) mema_creditLevels(parent->pool, held);
    if (node->usesParentHeap && parent->newest == NULL && parent->parent == NULL) setFamilyMode(heap, false);
  }
  mema_dropNode(node);
}

/* Returns the charges of all chunks of a pool. The time is linear in their number. */
static size_t chargesOf(const mema_Pool *pool) {
  size_t bytes = 0, chunks = 0;
  mema_Chunk chunk;
  if (!pool->untracked) {
    for (const mema_Block *block = pool->head; block != NULL; block = block->next)
      if (mema_findChunk(mema_heapField(pool), block->ptr, &chunk)) bytes += mema_chargeOf(pool, &chunk);
    return bytes;
  }
  for (const mema_Heap *heap = mema_heapField(pool); heap != NULL; heap = heap->next)
    heap->ops->check(heap, &chunks, &bytes);
  return bytes;
}

/* Returns the bytes of the used budget that belong to no chunk, no charge and no live sub-pool. */
static size_t unaccounted(const mema_Pool *pool) {
  size_t used = pool->poolSize - pool->freeSize, known = chargesOf(pool) + pool->charged + mema_heldBelow(pool);
  return known < used ? used - known : 0;
}

/* Unlinks a sub-pool whose Pool was moved or written over, so that it cannot end in the usual way. Its node
 * is not used again, since the Blocks of chunks may still bear its id. An unshared parent is credited with
 * the bytes that nothing else accounts for. */
static void loseChild(mema_Node *node) {
  mema_Node *parent = node->parent;
  unlinkNode(node);
  mema_storeWord(&node->life, 0);
  node->pool = NULL;
  if (mema_isThere(parent) && mema_isUnshared(parent->pool)) mema_creditLevels(parent->pool, unaccounted(parent->pool));
}

/* Frees the youngest chunk of a pool that charges by size, on the common path. False, with nothing changed,
 * unless the chunk is a sub-pool's own slot and mema_creditChild can credit it. */
static bool releaseYoungestSlot(mema_Pool *pool, mema_Slab *slab) {
  const mema_Block *block = pool->tail;
  size_t slot;
  mema_Span *span = mema_liveSlot(slab, block->ptr, &slot);
  if (span == NULL || !mema_isOwn(pool, block) || !mema_isBelow(pool) || !mema_creditChild(pool, block->size)) return false;
  char *ptr = block->ptr;
  mema_unlinkBlock(pool, block);
  mema_giveSlot(slab, span, slot, ptr);
  return true;
}

bool mema_freeAllYounger(mema_Pool *pool, uint32_t age) {
  mema_Heap *heap = mema_heapField(pool);
  mema_Chunk chunk;
  bool slots = (heap->mode & mema_modeBound) == 0 && heap->ops->servesSubPools, exposed = mema_exposesBlocks(pool, heap);
  while (pool->tail != NULL) {
    if (exposed && !mema_isIntactBlock(pool, heap, pool->tail)) return false;
    if (mema_ageOf(pool->tail) < age) break;
    if (slots && releaseYoungestSlot(pool, mema_slabIn(heap))) continue;
    if (!mema_findOwn(pool, heap, pool->tail->ptr, &chunk)) break;
    mema_releaseChunk(pool, heap, &chunk);
  }
  return true;
}

/* Ends one child, whose own children are gone. `bulk`: the heap that the child uses is about to be closed or
 * cleared. */
static void endChild(mema_Node *node, bool bulk) {
  if (!mema_isThere(node)) {
    loseChild(node);
    return;
  }
  mema_Pool *pool = node->pool;
  mema_runCleanups(pool, MEMA_AFTER_SUB_POOLS, 0);
  if (node->usesParentHeap && !bulk) mema_leaveParentHeap(pool);
  if (!mema_closePool(pool)) loseChild(node);
}

void mema_leaveParentHeap(mema_Pool *pool) {
  mema_Heap *heap = mema_heapField(pool);
  mema_setLeaving(heap, true);
  mema_freeYounger(pool, 0);
  mema_setLeaving(heap, false);
}

static mema_Node *newestSince(mema_Node *node, uintptr_t serial) {
  mema_Heap *locked = mema_isThere(node) ? lockRoot(node->pool) : NULL;
  mema_Node *newest = node->newest;
  unlockRoot(locked);
  return newest != NULL && newest->born >= serial ? newest : NULL;
}

/* Marks a pool as ending and runs its first clean-ups. False iff the pool is shared and another thread is
 * ending it already. */
static bool beginEnd(mema_Pool *pool, const char *frame, uintptr_t serial) {
  if (!mema_beginEnding(pool, frame)) return false;
  mema_runCleanups(pool, MEMA_BEFORE_SUB_POOLS, serial);
  return true;
}

/* True iff a pool of the family, from `top` down, has clean-ups. */
static bool isHeeded(const mema_Node *top) {
  for (const mema_Node *node = top; node != NULL; node = mema_nextNode(top, node, true))
    if (mema_isThere(node) && mema_hasCleanups(node->pool)) return true;
  return false;
}

/* Ends all sub-pools, each after its own children. It uses no recursion, since families may be deep. A pool
 * that is ending accepts no new clean-up and no new sub-pool, so the loop ends. `bulk`: see endChild. */
static void endChildren(mema_Node *top, const char *frame, uintptr_t serial, bool bulk) {
  for (mema_Node *node = top, *child;;) {
    if ((child = newestSince(node, node == top ? serial : 0)) != NULL) {
      node = child;
      if (mema_isThere(node)) beginEnd(node->pool, frame, 0);
      continue;
    }
    if (node == top) return;
    mema_Node *parent = node->parent;
    endChild(node, bulk);
    node = parent;
  }
}

/* Ends what mema_endFamily ends. A callback may leave it by a jump: see callbacks.c. */
static MEMA_SLOW bool endFamily(mema_Pool *pool, bool plain, uintptr_t serial) {
  MEMA_HOLD_STACK(frame);
  if (!beginEnd(pool, frame, serial)) return mema_failFor(mema_endsSoon, 0, 0);
  /* A clean-up must find each live chunk accounted to its pool. So if any pool has clean-ups, the chunks of
   * each sub-pool are freed one by one, not in bulk. */
  if (pool->node != NULL) {
    mema_Heap *locked = plain ? NULL : lockRoot(pool);
    bool bulk = serial == 0 && !mema_usesParentHeap(pool) && !isHeeded(pool->node);
    unlockRoot(locked);
    endChildren(pool->node, frame, serial, bulk);
  }
  mema_runCleanups(pool, MEMA_AFTER_SUB_POOLS, serial);
  mema_leaveEnding(pool); /* a shared pool is `ending` until it has ended, or to the end of a reset */
  return true;
}

bool mema_endFamily(mema_Pool *pool, uintptr_t serial) {
  bool plain = mema_isUnshared(pool);
  if (plain && !mema_hasCleanups(pool) && pool->node->newest == NULL) return true;
  if (!mayUnlist() || (!plain && !isAtRest(pool))) return false;
  return endFamily(pool, plain, serial);
}

/* ---- chunks moved from one pool to another ------------------------------------------------------------------------------- */

bool mema_moveChunk(mema_Pool *to, mema_Pool *from, void *ptr) {
  mema_Heap *heap;
  mema_Chunk chunk;
  mema_Kind kind = mema_openKindIn(from, &heap);
  if (kind == mema_noPool) return false;
  bool hasKin = !heap->ops->noFamily;
  if (hasKin && mema_openKind(to) == mema_noPool) return false;
  if (!hasKin || kind != mema_plainPool || mema_heapField(to) != heap || from->untracked) {
    mema_fail(MEMA_NOT_KIN);
    return false;
  }
  if (!mema_findOwn(from, heap, ptr, &chunk)) {
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  mema_Block *block = chunk.record;
  size_t charge = mema_chargeOf(from, &chunk);
  if (to != from && !mema_moveCharge(to, from, charge)) {
    mema_refuseLevels(to, charge);
    to->refused--; /* a move is no request */
    return false;
  }
  uint32_t site = mema_siteOf(block);
  mema_unlinkBlock(from, block);
  mema_linkBlock(to, block, block->ptr, block->size);
  if (from->sites) mema_setOwnerAndAge(block, mema_withSite(mema_ownerAndAge(block), site));
  block->poolAllocated = !chunk.heap->outside;
  if (to == from) {
    to->markedAt = to->allocations - 1; /* later marks then differ from earlier ones, as after an allocation */
    return true;
  }
  from->frees++;
  to->allocations++;
  mema_announceLow(to);
  return true;
}
