/* callbacks.c - callbacks and clean-ups under way, and those that a jump left: see pressure.h.
 *
 * A pool that is busy, because a callback is under way or because it is about to end, notes where on which stack that
 * began: callThread and callFrame, of the outermost one. A callback may be left by longjmp or by an exception. Its frames
 * are gone then, and nothing else tells so. A later call proves it if
 *   - its own frames lie where those of the callback were: two calls that are under way share no byte of a stack; or
 *   - it comes from the same thread, from a frame above, and both frames lie on the stack that the thread was given.
 * In all other cases the callback may be under way, and the pool stays busy. */
#include "pressure.h"

#include "tree.h"
#include "../memory/os.h"
#include "../threads/hold.h"

/* Its address is the identity of a thread. A thread that has ended may have had the same: it is in no callback. */
static _Thread_local char self;

static uintptr_t noted(const uintptr_t *word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED); /* other threads may look at the sub-pools of a shared pool */
}

static void noteThread(mema_Pool *pool, uintptr_t thread) {
  __atomic_store_n(&pool->callThread, thread, __ATOMIC_RELAXED);
}

static void noteFrame(mema_Pool *pool, uintptr_t frame) {
  __atomic_store_n(&pool->callFrame, frame, __ATOMIC_RELAXED);
}

static uint32_t callersOf(const mema_Pool *pool) {
  return __atomic_load_n(&pool->callers, __ATOMIC_RELAXED);
}

static bool endingOf(const mema_Pool *pool) {
  return __atomic_load_n(&pool->ending, __ATOMIC_RELAXED);
}

static bool isBusy(const mema_Pool *pool) {
  return callersOf(pool) != 0 || endingOf(pool) || pool->exhausting;
}

/* ---- what was left ------------------------------------------------------------------------------------------------------- */

/* True iff the frames that the pool has noted are gone for certain. */
static MEMA_SLOW bool isLeft(const mema_Pool *pool) {
  MEMA_HOLD_STACK(frame);
  uintptr_t here = (uintptr_t)frame, there = noted(&pool->callFrame), thread = noted(&pool->callThread);
  if (thread == 0) return false;
  if (here - there < mema_heldStack || there - here < mema_heldStack) return true;
  return thread == (uintptr_t)&self && here > there && mema_osIsOnOwnStack(there, here);
}

static void clear(mema_Pool *pool) {
  noteThread(pool, 0);
  __atomic_store_n(&pool->callers, 0, __ATOMIC_RELAXED);
  pool->exhausting = false;
  __atomic_store_n(&pool->ending, false, __ATOMIC_RELAXED);
}

/* Returns the next node of the unshared part of a family, from `top` down. */
static const mema_Node *nextUnshared(const mema_Node *top, const mema_Node *node) {
  return mema_nextNode(top, node, mema_isThere(node) && mema_isUnshared(node->pool));
}

/* True iff no thread is in a callback of a pool below a shared sub-pool of this family. */
static bool areThreadsOut(const mema_Node *top) {
  for (const mema_Node *node = top; node != NULL; node = nextUnshared(top, node))
    if (mema_isThere(node) && !mema_isUnshared(node->pool) && callersOf(node->pool) != 0) return false;
  return true;
}

/* Adds `change` to the count of callers of each pool above this one. Several threads may change the count of a
 * shared root, so the addition is atomic. A lost pool has no count: the walk passes over it, so the counts above
 * it stay balanced. */
static void countAbove(const mema_Pool *pool, uint32_t change) {
  for (const mema_Node *node = pool->node != NULL ? pool->node->parent : NULL; node != NULL; node = node->parent)
    if (mema_isPresent(node)) __atomic_fetch_add(&node->pool->callers, change, __ATOMIC_RELAXED);
}

/* Makes an unshared pool, and those below it, as if the callbacks that were left had returned. */
static void forgetCalls(mema_Pool *pool) {
  if (pool->node != NULL && !areThreadsOut(pool->node)) return;
  countAbove(pool, 0 - callersOf(pool));
  clear(pool);
  if (pool->node == NULL) return;
  for (const mema_Node *node = pool->node; node != NULL; node = nextUnshared(pool->node, node))
    if (mema_isThere(node) && mema_isUnshared(node->pool)) clear(node->pool);
}

static void forgetLeftOf(mema_Pool *pool) {
  if (mema_unlikely(isBusy(pool)) && isLeft(pool)) forgetCalls(pool);
}

/* Like the above, of a shared pool, whose counts are those of its sub-pools. The pools below a shared sub-pool are left out:
 * an end of that sub-pool itself finds them. */
static void forgetLeftOfShared(mema_Pool *pool) {
  if (endingOf(pool) && isLeft(pool)) {
    noteThread(pool, 0);
    __atomic_store_n(&pool->ending, false, __ATOMIC_RELAXED);
  }
  mema_Heap *locked = callersOf(pool) != 0 ? mema_lockForCall(pool) : NULL;
  if (locked == NULL) return;
  for (const mema_Node *node = pool->node != NULL ? pool->node->newest : NULL; node != NULL; node = node->older)
    if (mema_isThere(node) && mema_isUnshared(node->pool) && callersOf(node->pool) != 0) forgetLeftOf(node->pool);
  mema_unlockPool(locked);
}

static void forgetLeft(mema_Pool *pool) {
  if (mema_isUnshared(pool)) {
    forgetLeftOf(pool);
  } else {
    forgetLeftOfShared(pool);
  }
}

/* ---- what may be done ---------------------------------------------------------------------------------------------------- */

bool mema_isEnding(const mema_Pool *pool) {
  if (mema_likely(!endingOf(pool))) return false;
  forgetLeft((mema_Pool *)(uintptr_t)pool);
  return endingOf(pool);
}

bool mema_mayEnd(const mema_Pool *pool) {
  if (mema_likely(callersOf(pool) == 0 && !endingOf(pool))) return true;
  forgetLeft((mema_Pool *)(uintptr_t)pool);
  bool called = callersOf(pool) != 0;
  if (!called && !endingOf(pool)) return true;
  return mema_failFor(called ? mema_calledBack : mema_endsSoon, 0, 0);
}

bool mema_isAsked(mema_Pool *pool) {
  if (pool->exhausting) forgetLeft(pool);
  return pool->exhausting;
}

/* ---- what is under way --------------------------------------------------------------------------------------------------- */

/* Notes where a call begins that keeps an unshared pool busy. The note of an outer call stays. */
static void noteUnshared(mema_Pool *pool, uintptr_t frame) {
  uintptr_t thread = (uintptr_t)&self;
  if (isBusy(pool)) {
    if (noted(&pool->callThread) != thread) thread = 0;
    if (noted(&pool->callFrame) > frame) frame = noted(&pool->callFrame);
  }
  noteThread(pool, thread);
  noteFrame(pool, frame);
}

bool mema_beginEnding(mema_Pool *pool, const char *frame) {
  if (mema_isUnshared(pool)) {
    noteUnshared(pool, (uintptr_t)frame);
    pool->ending = true; /* mema_mayEnd found it false */
    return true;
  }
  if (__atomic_exchange_n(&pool->ending, true, __ATOMIC_RELAXED)) return false;
  noteFrame(pool, (uintptr_t)frame);
  noteThread(pool, (uintptr_t)&self);
  return true;
}

void mema_leaveEnding(mema_Pool *pool) {
  if (mema_isUnshared(pool)) {
    pool->ending = false;
  } else {
    noteThread(pool, 0); /* it ends from here on without callbacks; see mema_endFamily */
  }
}

/* Begins a callback of the pool: neither the pool nor any pool above it can end. The threads of a shared pool may be in
 * callbacks of its sub-pools at once, so no frame is noted for it, nor for a pool above it. */
static void enter(mema_Pool *pool, const char *frame) {
  mema_Pool *each = pool;
  for (const mema_Node *node = pool->node; mema_isUnshared(each); each = node->pool) {
    forgetLeftOf(each);
    noteUnshared(each, (uintptr_t)frame);
    if (node == NULL || (node = node->parent) == NULL || !mema_isPresent(node)) break;
  }
  __atomic_fetch_add(&pool->callers, 1, __ATOMIC_RELAXED);
  countAbove(pool, 1);
}

static void leave(mema_Pool *pool) {
  __atomic_fetch_add(&pool->callers, UINT32_MAX, __ATOMIC_RELAXED);
  countAbove(pool, UINT32_MAX);
}

void mema_callBack(mema_Pool *pool, void (*run)(void *arg), void *arg) {
  MEMA_HOLD_STACK(frame);
  enter(pool, frame);
  run(arg);
  leave(pool);
}
