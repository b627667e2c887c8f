/* levels.c - a charge on all levels of a family, or on none.
 *
 * A pool passes on to its parent the change of the bytes it holds, max(guaranteed, poolSize - freeSize). With
 * guard == poolSize - guaranteed, these bytes are guaranteed + max(0, guard - freeSize). So the change is the
 * change of the second term. */
#include "pressure.h"
#include "../threads/share.h"
#include "tree.h"

static size_t beyondGuaranteed(const mema_Node *node, size_t freeSize) {
  return freeSize < node->guard ? node->guard - freeSize : 0;
}

static mema_Node *parentOf(const mema_Pool *pool) {
  return pool->node == NULL ? NULL : pool->node->parent;
}

/* True iff threads share the pool. A charge to it goes through the thread's cache, or through its lock. */
static bool isSharedRoot(const mema_Pool *pool) {
  return !mema_isUnshared(pool);
}

/* ---- a shared root ------------------------------------------------------------------------------------------------------ */

bool mema_chargeLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (mema_hasCaches(heap)) {
    if (!mema_lend(heap->share, NULL, bytes)) return false;
    mema_chargeShare(heap->share, bytes);
    return true;
  }
  if (bytes > pool->freeSize) return false;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  return true;
}

void mema_creditLocked(mema_Pool *pool, mema_Heap *heap, size_t bytes) {
  if (mema_hasCaches(heap)) {
    mema_creditShare(heap->share, bytes);
  } else {
    pool->freeSize += bytes;
  }
}

/* Applies the credit that creditShared deferred. The caller holds the lock. */
static void settleDeferredCredit(mema_Pool *root, mema_Heap *heap) {
  size_t deferredCredit = __atomic_exchange_n(&root->deferredCredit, 0, __ATOMIC_RELAXED);
  if (deferredCredit == 0) return;
  root->held -= deferredCredit;
  mema_creditLocked(root, heap, deferredCredit);
}

/* Charges through the thread's cache if its quota is large enough; else under the lock. */
static bool chargeShared(mema_Pool *root, size_t bytes) {
  if (mema_sharedHold(root, bytes)) return true;
  mema_Heap *heap = mema_lockForCall(root);
  if (heap == NULL) return false;
  settleDeferredCredit(root, heap);
  bool room = mema_hasCaches(heap) ? mema_sharedHoldLocked(heap->share, bytes) : mema_chargeLocked(root, heap, bytes);
  if (room && !mema_hasCaches(heap)) root->held += bytes;
  mema_unlockPool(heap);
  return room;
}

/* Credits a shared root. If the lock cannot be taken, it defers the credit: the call may come from a handler,
 * or from a hook of the root's memory, that interrupted the holder of the lock. */
static void creditShared(mema_Pool *root, size_t bytes) {
  if (mema_sharedLetGo(root, bytes)) return;
  mema_Heap *heap = mema_sharedHeapOf(root);
  if (heap == NULL || !mema_lockQuietly(root, heap)) {
    __atomic_fetch_add(&root->deferredCredit, bytes, __ATOMIC_RELAXED);
    return;
  }
  root->held -= bytes;
  mema_creditLocked(root, heap, bytes);
  settleDeferredCredit(root, heap);
  mema_unlockAfterCall(heap);
}

/* ---- charging ----------------------------------------------------------------------------------------------------------- */

mema_Pool *mema_limitingPool(mema_Pool *pool, size_t bytes, size_t *room) {
  mema_Pool *limiting = NULL;
  size_t inside = 0; /* the part of the charge that the guaranteed bytes of the levels so far cover */
  const mema_Pool *first = pool;
  *room = SIZE_MAX;
  for (;;) {
    size_t freeSize = pool != first && isSharedRoot(pool) ? mema_freeSize(pool) : pool->freeSize, whole = freeSize + inside;
    if (whole < *room) *room = whole;
    if (bytes > freeSize && limiting == NULL) limiting = pool;
    mema_Node *parent = parentOf(pool);
    if (parent == NULL || pool->node->guard == 0) return limiting;
    size_t cached = freeSize > pool->node->guard ? freeSize - pool->node->guard : 0;
    inside += cached;
    bytes = bytes > cached ? bytes - cached : 0;
    if (!mema_isPresent(parent)) break;
    pool = parent->pool;
  }
  if (inside < *room) *room = inside;
  return limiting == NULL && bytes != 0 ? pool : limiting;
}

bool mema_refuseLevels(mema_Pool *pool, size_t bytes) {
  size_t room;
  mema_limitingPool(pool, bytes, &room);
  pool->refused++;
  mema_failBytes(MEMA_OVER_BUDGET, bytes, room < bytes ? room : bytes - 1); /* other threads may have freed enough since */
  return false;
}

bool mema_isContended(const mema_Pool *pool) {
  const mema_Node *node = pool->node;
  if (node == NULL) return isSharedRoot(pool);
  while (node->parent != NULL) node = node->parent;
  return mema_isPresent(node) && isSharedRoot(node->pool);
}

/* Returns the part of a charge that the parent has to take; 0: none. */
static size_t passedOn(const mema_Pool *pool, size_t bytes) {
  if (parentOf(pool) == NULL) return 0;
  return beyondGuaranteed(pool->node, pool->freeSize - bytes) - beyondGuaranteed(pool->node, pool->freeSize);
}

static bool haveRoom(const mema_Pool *pool, size_t bytes) {
  while (bytes != 0 && !isSharedRoot(pool)) {
    if (bytes > pool->freeSize) return false;
    bytes = passedOn(pool, bytes);
    if (bytes == 0) return true;
    if (!mema_isPresent(pool->node->parent)) return false;
    pool = pool->node->parent->pool;
  }
  return bytes == 0 || chargeShared((mema_Pool *)pool, bytes);
}

static void chargeOwn(mema_Pool *pool, size_t bytes) {
  size_t before = pool->freeSize;
  pool->freeSize -= bytes;
  mema_noteLow(pool);
  mema_noteCrossing(pool, before);
}

bool mema_chargeLevels(mema_Pool *pool, size_t bytes) {
  if (!haveRoom(pool, bytes)) return false;
  while (bytes != 0 && !isSharedRoot(pool)) {
    size_t more = passedOn(pool, bytes);
    chargeOwn(pool, bytes);
    if (more == 0) break;
    bytes = more;
    pool = pool->node->parent->pool;
  }
  return true;
}

void mema_creditLevels(mema_Pool *pool, size_t bytes) {
  while (bytes != 0) {
    if (isSharedRoot(pool)) {
      creditShared(pool, bytes);
      return;
    }
    mema_Node *parent = parentOf(pool);
    size_t before = parent == NULL ? 0 : beyondGuaranteed(pool->node, pool->freeSize);
    mema_noteLow(pool);
    pool->freeSize += bytes;
    if (parent == NULL) return;
    bytes = before - beyondGuaranteed(pool->node, pool->freeSize);
    if (!mema_isPresent(parent)) return;
    pool = parent->pool;
  }
}

size_t mema_heldBelow(const mema_Pool *pool) {
  size_t held = 0;
  if (pool->node == NULL || isSharedRoot(pool)) return pool->held;
  for (const mema_Node *node = pool->node->newest; node != NULL; node = node->older)
    if (mema_isThere(node)) held += mema_holds(node->pool);
  return held;
}

/* ---- a charge moved from one pool to another ----------------------------------------------------------------------------- */

static size_t levelsAbove(const mema_Node *node) {
  size_t levels = 0;
  while ((node = node->parent) != NULL) levels++;
  return levels;
}

/* Returns the node of the lowest pool that is at or above both. */
static mema_Node *meetingOf(mema_Node *a, mema_Node *b) {
  size_t levelsA = levelsAbove(a), levelsB = levelsAbove(b);
  for (; levelsA > levelsB; levelsA--) a = a->parent;
  for (; levelsB > levelsA; levelsB--) b = b->parent;
  for (; a != b; a = a->parent) b = b->parent;
  return a;
}

/* True iff every pool above `node`, up to and including `above`, is present. */
static bool arePresent(const mema_Node *above, const mema_Node *node) {
  for (; node != above; node = node->parent)
    if (!mema_isPresent(node->parent)) return false;
  return true;
}

/* Computes the part of a charge that reaches `above`, a pool at or above this one. False iff a level below
 * `above` has no room. */
static bool comesTo(const mema_Pool *above, const mema_Pool *pool, size_t *bytes) {
  for (; pool != above; pool = pool->node->parent->pool) {
    if (*bytes > pool->freeSize) return false;
    *bytes = passedOn(pool, *bytes);
  }
  return true;
}

bool mema_moveCharge(mema_Pool *to, mema_Pool *from, size_t bytes) {
  mema_Node *meeting = meetingOf(to->node, from->node);
  if (!arePresent(meeting, to->node) || !arePresent(meeting, from->node)) return false;
  mema_Pool *above = meeting->pool;
  size_t more = bytes, less = bytes;
  if (!comesTo(above, to, &more)) return false;
  for (const mema_Pool *pool = from; pool != above; pool = pool->node->parent->pool)
    less = beyondGuaranteed(pool->node, pool->freeSize) - beyondGuaranteed(pool->node, pool->freeSize + less);
  if (more > less && !mema_chargeLevels(above, more - less)) return false;
  if (more < less) mema_creditLevels(above, less - more);
  for (size_t charge = bytes, next; to != above; to = to->node->parent->pool, charge = next) {
    next = passedOn(to, charge);
    chargeOwn(to, charge);
  }
  for (size_t credit = bytes, next; from != above; from = from->node->parent->pool, credit = next) {
    next = beyondGuaranteed(from->node, from->freeSize) - beyondGuaranteed(from->node, from->freeSize + credit);
    from->freeSize += credit;
  }
  return true;
}
