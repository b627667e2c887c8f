/* marks.c - marks in a pool's chain, and going back to them.
 *
 * A pool has an age, which grows with each mark; a chunk keeps, in its Block, the age at which it was allocated. Since the chain is in the order
 * of allocation, ages never fall along it, and the chunks younger than a mark are those at its end whose age is at least the mark's:
 *     block.age <= block.next.age <= pool.age        a mark's age <= pool.age, while it is valid
 * So a mark is a few numbers, costs nothing when it is forgotten, and stays valid whatever single chunks are freed.
 *
 * Going back to a mark ends the younger marks, not the mark itself. Their serials are a range, which is remembered; ranges that lie above a mark
 * that was gone back to are forgotten with it, so that only ranges between marks that are still valid take up room. There is room for
 * four; where more are needed the oldest is forgotten: a mark in it is then taken for the nearest older one, and is safe to use still. */
#include <string.h>

#include "../fixed/fixedPool.h"
#include "kin.h"

enum { rangeWords = 2 };

static const size_t words = sizeof(((mema_Pool *)0)->stale) / sizeof(uintptr_t);

static uint32_t ageOf(const mema_Pool *pool) {
  return (uint32_t)(pool->stamp >> mema_ageShift);
}

static void setAge(mema_Pool *pool, uint32_t age) {
  pool->stamp = (pool->stamp & UINT32_MAX) | (uint64_t)age << mema_ageShift;
}

/* ---- marks that are over ------------------------------------------------------------------------------------------------ */

static bool isOver(const mema_Pool *pool, uintptr_t serial) {
  for (size_t i = 0; i < words; i += rangeWords)
    if (serial > pool->stale[i] && serial <= pool->stale[i + 1]) return true;
  return false;
}

/* All marks above this one end. */
static void endAbove(mema_Pool *pool, uintptr_t serial) {
  size_t used = 0;
  while (used < words && pool->stale[used + 1] != 0 && pool->stale[used] < serial) used += rangeWords;
  for (size_t i = used; i < words; i++) pool->stale[i] = 0;
  if (serial == pool->markSerial) return;
  if (used == words) {
    used -= rangeWords;
    memmove(pool->stale, pool->stale + rangeWords, used * sizeof pool->stale[0]);
  }
  pool->stale[used] = serial;
  pool->stale[used + 1] = pool->markSerial;
}

/* ---- marking ------------------------------------------------------------------------------------------------------------ */

/* Whether this is a live pool with a chain that no other thread is in; else the failure is noted. */
static bool canMark(const mema_Pool *pool) {
  bool unshared = mema_fixedOf(pool) != NULL;
  if (!unshared) {
    const mema_Slab *slab = mema_openPool(pool);
    if (slab == NULL) return false;
    unshared = mema_isPlain(pool, slab);
  }
  if (!unshared || pool->untracked) mema_fail(MEMA_BAD_ARGUMENT);
  return unshared && !pool->untracked;
}

/* The Block of the pool's own live chunk that starts at ptr, or NULL. */
static mema_Block *blockOf(const mema_Pool *pool, const void *ptr) {
  mema_Chunk chunk;
  mema_FixedChunk inBuffer;
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed != NULL) return mema_fixedFindChunk(fixed, ptr, &inBuffer) ? inBuffer.record : NULL;
  return mema_findOwn(pool, mema_slabField(pool), ptr, &chunk) ? chunk.record : NULL;
}

/* After four billion marks with chunks in between the count begins anew; the marks so far are over then. */
static void restartAges(mema_Pool *pool) {
  for (mema_Block *block = pool->head; block != NULL; block = block->next)
    mema_setStamp(block, mema_stampOf(block) & UINT32_MAX);
  setAge(pool, 0);
  endAbove(pool, 0);
}

mema_Mark mema_markPool(mema_Pool *pool) {
  static _Atomic uintptr_t lives;
  mema_Mark mark = {0};
  if (!canMark(pool)) return mark;
  if (pool->markLife == 0) pool->markLife = atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed) + 1;
  if (ageOf(pool) == UINT32_MAX) restartAges(pool);
  if (pool->markSerial == 0 || pool->markedAt != pool->allocations) setAge(pool, ageOf(pool) + 1);
  pool->markedAt = pool->allocations;
  pool->markSerial++;
  mark = (mema_Mark){.life = pool->markLife, .serial = pool->markSerial, .age = ageOf(pool)};
  return mark;
}

/* Whether this is a live pool, and the mark a valid one of it; else the failure is noted. */
static bool openMark(const mema_Pool *pool, const mema_Mark *mark) {
  if (mema_fixedOf(pool) == NULL && mema_openPool(pool) == NULL) return false;
  bool made = mark->life != 0 && mark->life == pool->markLife && mark->serial - 1 < pool->markSerial &&
              mark->age - 1 < ageOf(pool); /* neither is 0 */
  if (made && !isOver(pool, mark->serial)) return true;
  mema_fail(MEMA_STALE_MARK);
  return false;
}

bool mema_rewindPool(mema_Pool *pool, mema_Mark mark) {
  if (!openMark(pool, &mark) || !mema_mayEnd(pool) || !mema_endLives(pool, mark.serial)) return false;
  mema_freeYounger(pool, (uint32_t)mark.age);
  endAbove(pool, mark.serial);
  setAge(pool, (uint32_t)mark.age);
  pool->markedAt = pool->allocations;
  return true;
}

bool mema_keepChunk(mema_Pool *pool, mema_Mark mark, void *ptr) {
  if (!openMark(pool, &mark)) return false;
  mema_Block *block = blockOf(pool, ptr);
  if (block == NULL) {
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  mema_Block *before = block->prev;
  if (mema_ageOf(block) < mark.age) return true;
  while (before != NULL && mema_ageOf(before) >= mark.age) before = before->prev;
  mema_setStamp(block, (mema_stampOf(block) & UINT32_MAX) | (uint64_t)(mark.age - 1) << mema_ageShift);
  if (before != block->prev) mema_moveBlock(pool, block, before);
  return true;
}
