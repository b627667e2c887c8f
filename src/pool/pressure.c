/* pressure.c - callbacks when a budget runs low, and requests that fail on purpose: see pressure.h. */
#include "pressure.h"

#include "tree.h"
#include "../threads/share.h"

/* ---- the slow path ------------------------------------------------------------------------------------------------------ */

/* True iff the pool notes its lows late: see mema_noteLow. */
static bool isLate(const mema_Pool *pool) {
  return pool->node == NULL && mema_kindOf(pool) == mema_plainPool && mema_heapField(pool)->ops->notesLowLate;
}

void mema_setSlowPath(mema_Pool *pool) {
  mema_noteLow(pool);
  bool all = pool->failIn != 0 || pool->stackEvery != 0;
  pool->alwaysSlow = pool->onLowWater != NULL || all;
  pool->slowPathBelow = !pool->alwaysSlow && isLate(pool) ? 0 : pool->lowWater;
  if (pool->onLowWater != NULL && pool->slowPathBelow < pool->lowWaterBytes) pool->slowPathBelow = pool->lowWaterBytes;
  if (all) pool->slowPathBelow = PTRDIFF_MAX;
}

/* True iff the pool is live and unshared; else the failure is noted, for a shared pool with this fault. A
 * shared pool has no callbacks: any of its threads would have to run them, with or without the pool's lock. */
static bool isUnshared(const mema_Pool *pool, mema_Fault fault) {
  mema_Kind kind = mema_openKind(pool);
  return kind != mema_noPool && (kind != mema_sharedPool || mema_failFor(fault, 0, 0));
}

bool mema_onLowWater(mema_Pool *pool, size_t bytes, void (*fn)(mema_Pool *, void *), void *arg) {
  if (!isUnshared(pool, mema_sharedLowWater)) return false;
  if (bytes > MEMA_UNLIMITED) bytes = MEMA_UNLIMITED;
  pool->onLowWater = fn;
  pool->lowWaterArg = arg;
  pool->lowWaterBytes = fn != NULL ? bytes : 0;
  pool->lowering = false;
  mema_setSlowPath(pool);
  return true;
}

bool mema_onExhausted(mema_Pool *pool, bool (*fn)(mema_Pool *, size_t, void *), void *arg) {
  if (!isUnshared(pool, mema_sharedExhausted)) return false;
  pool->onExhausted = fn;
  pool->exhaustedArg = arg;
  return true;
}

bool mema_failAfter(mema_Pool *pool, size_t n, bool once) {
  if (!isUnshared(pool, mema_sharedInjection)) return false;
  pool->failIn = n < MEMA_UNLIMITED ? n + 1 : 0;
  pool->failsOnce = once;
  mema_setSlowPath(pool);
  return true;
}

bool mema_failsOnPurpose(mema_Pool *pool) {
  if (mema_likely(pool->failIn == 0)) return false;
  if (pool->failIn > 1) {
    pool->failIn--;
    return false;
  }
  if (pool->failsOnce) {
    pool->failIn = 0;
    mema_setSlowPath(pool);
  }
  return true;
}

/* ---- callbacks ---------------------------------------------------------------------------------------------------------- */

static mema_Pool *above(const mema_Pool *pool) {
  const mema_Node *parent = pool->node != NULL ? pool->node->parent : NULL;
  return parent != NULL && mema_isPresent(parent) ? parent->pool : NULL;
}

typedef struct Question {
  mema_Pool *limiting;
  size_t wanted;
  bool again;
} Question;

static void callExhausted(void *arg) {
  Question *question = arg;
  mema_Pool *pool = question->limiting;
  pool->exhausting = true;
  question->again = pool->onExhausted(pool, question->wanted, pool->exhaustedArg);
  pool->exhausting = false;
}

/* Calls onExhausted of `limiting`, a pool at or above `pool`. */
static bool ask(mema_Pool *pool, mema_Pool *limiting, size_t wanted) {
  if (limiting->onExhausted == NULL || mema_isAsked(limiting)) return false;
  size_t before = limiting->freeSize;
  Question question = {limiting, wanted, false};
  mema_callBack(pool, callExhausted, &question);
  return question.again && limiting->freeSize > before; /* else the loop could call it without end */
}

bool mema_askExhausted(mema_Pool *pool, size_t wanted) {
  if (!mema_isUnshared(pool)) return ask(pool, pool, wanted); /* threads do not run a parent's callbacks */
  for (mema_Pool *each = pool; each != NULL; each = above(each))
    if (ask(pool, each, wanted)) return true;
  return false;
}

bool mema_askForRoom(mema_Pool *pool, size_t bytes) {
  size_t room;
  mema_Pool *limiting = mema_limitingPool(pool, bytes, &room);
  return limiting == NULL || ask(pool, limiting, bytes);
}

bool mema_makeRoom(mema_Pool *pool, size_t bytes) {
  size_t room;
  mema_Pool *limiting;
  while ((limiting = mema_limitingPool(pool, bytes, &room)) != NULL) {
    if (!ask(pool, limiting, bytes)) return mema_refuseLevels(pool, bytes);
  }
  return true;
}

static void callLow(void *arg) {
  mema_Pool *pool = arg;
  if (pool->onLowWater != NULL && pool->freeSize < pool->lowWaterBytes) pool->onLowWater(pool, pool->lowWaterArg);
}

void mema_announceLow(mema_Pool *pool) {
  for (mema_Pool *each = pool; each != NULL; each = above(each)) {
    if (mema_likely(!each->lowering)) continue;
    each->lowering = false;
    mema_callBack(pool, callLow, each);
  }
}

/* ---- the largest chunk --------------------------------------------------------------------------------------------------- */

size_t mema_largestChunk(const mema_Pool *pool) {
  mema_Heap *header;
  mema_Kind kind = mema_kindIn(pool, &header);
  if (kind == mema_noPool) return 0;
  size_t room = mema_freeSize(pool);
  if (mema_isBelow(pool)) mema_limitingPool((mema_Pool *)(uintptr_t)pool, 0, &room);
  return mema_largestIn(pool, header, room);
}
