/* marks.c - marks in a pool's chain, and going back to them.
 *
 * A pool has an age, which grows with each mark. The Block of a chunk keeps the age at which the chunk was
 * allocated. The chain is in the order of allocation, so ages never fall along it. The chunks younger than a
 * mark are those at the end of the chain whose age is at least the mark's:
 *     block.age <= block.next.age <= pool.age        a mark's age <= pool.age, while it is valid
 * So a mark is a few numbers, needs no release, and stays valid when any single chunks are freed.
 *
 * An untracked arena has no chain. Its marks include a position: chunks in the area at or behind it are
 * younger. A chunk in a slab outside has a Block even there, which keeps its age. Going back examines these
 * chunks one by one.
 *
 * Going back to a mark expires the younger marks, not the mark itself. The pool remembers the range of their
 * serials. Going back also forgets all remembered ranges above the mark, so only ranges between valid marks
 * take up room. There is room for four ranges. When a fifth is needed, the oldest is forgotten. A mark in
 * that range is then taken for the nearest older valid mark, and using it is still safe. */
#include <string.h>

#include "tree.h"

enum { rangeWords = 2 };

static const size_t words = sizeof(((mema_Pool *)0)->stale) / sizeof(uintptr_t);

static uint32_t ageOf(const mema_Pool *pool) {
  return (uint32_t)(pool->ownerAndAge >> mema_ageShift);
}

static void setAge(mema_Pool *pool, uint32_t age) {
  pool->ownerAndAge = (pool->ownerAndAge & UINT32_MAX) | (uint64_t)age << mema_ageShift;
}

/* ---- expired marks ------------------------------------------------------------------------------------------------------ */

static bool isOver(const mema_Pool *pool, uintptr_t serial) {
  for (size_t i = 0; i < words; i += rangeWords)
    if (serial > pool->stale[i] && serial <= pool->stale[i + 1]) return true;
  return false;
}

/* Expires all marks above this one. */
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

/* ---- untracked arenas -------------------------------------------------------------------------------------------------- */

typedef void Visit(mema_Pool *pool, const mema_Chunk *chunk, uint32_t age);

static void makeOldest(mema_Pool *pool, const mema_Chunk *chunk, uint32_t age) {
  (void)pool;
  (void)age;
  mema_setOwnerAndAge(chunk->record, mema_ownerAndAge(chunk->record) & UINT32_MAX);
}

static void freeIfYounger(mema_Pool *pool, const mema_Chunk *chunk, uint32_t age) {
  if (mema_ageOf(chunk->record) >= age) mema_releaseChunk(pool, mema_heapField(pool), chunk);
}

/* Visits each live chunk outside. An outside slab is kept while its chunks are visited. */
static void visitOutside(mema_Pool *pool, Visit *visit, uint32_t age) {
  mema_Heap *first = mema_heapField(pool);
  mema_Chunk chunk;
  for (mema_Heap *heap = first->next; heap != NULL; heap = heap->next) {
    const char *area = heap->area;
    mema_countOutside(heap, 1); /* it is not empty, whatever is freed */
    for (size_t at = 0; heap->ops->walk(heap, at, &chunk);) {
      at = (size_t)(chunk.ptr - area) + chunk.room;
      visit(pool, &chunk, age);
    }
    mema_countOutside(heap, SIZE_MAX);
  }
  mema_dropEmptyHeaps(first, 1);
}

static void rewindArena(mema_Pool *pool, const mema_Mark *mark) {
  size_t bytes, chunks;
  mema_Heap *heap = mema_heapField(pool);
  heap->ops->rewind(heap, (uint32_t)mark->position, &bytes, &chunks);
  pool->frees += chunks;
  mema_creditBytes(pool, bytes);
  visitOutside(pool, freeIfYounger, (uint32_t)mark->age);
}

/* True if the mark's position is valid for the pool: one that the heap can go back to, or 0 where chunks have
 * no position. */
static bool mayBeAt(const mema_Pool *pool, uintptr_t position) {
  const mema_Heap *heap = mema_heapField(pool);
  return pool->untracked ? heap->ops->mayRewind(heap, position) : position == 0;
}

/* ---- marking ------------------------------------------------------------------------------------------------------------ */

/* True iff marks can be used here: the pool is live, unshared, and has a chain or is an arena. Otherwise the
 * failure is noted. */
static bool canMark(const mema_Pool *pool) {
  mema_Kind kind = mema_openKind(pool);
  if (kind == mema_noPool) return false;
  if (kind == mema_sharedPool) return mema_failFor(mema_sharedMark, 0, 0);
  bool marks = !pool->untracked || mema_heapField(pool)->ops->mark != NULL;
  return marks || mema_failFor(mema_untrackedMark, 0, 0);
}

/* Returns the Block of the pool's own live chunk that starts at ptr, or NULL. */
static mema_Block *blockOf(const mema_Pool *pool, const void *ptr) {
  mema_Chunk chunk;
  return mema_findOwn(pool, mema_heapField(pool), ptr, &chunk) ? chunk.record : NULL;
}

bool mema_isIntactBlock(const mema_Pool *pool, mema_Heap *first, const mema_Block *block) {
  mema_Chunk chunk = {.record = NULL};
  if (block == NULL || !mema_exposesBlocks(pool, first)) return true;
  if (mema_isReadable(first, block) && mema_findChunk(first, block->ptr, &chunk) && chunk.record == block)
    return mema_examineBlock(pool, first, &chunk);
  mema_failBroken("a chunk's Block was written over");
  return false;
}

/* Starts the count of ages again, after four billion marks with chunks in between. All earlier marks expire. */
static void restartAges(mema_Pool *pool) {
  for (mema_Block *block = pool->head; block != NULL; block = block->next)
    mema_setOwnerAndAge(block, mema_ownerAndAge(block) & UINT32_MAX);
  if (pool->untracked) visitOutside(pool, makeOldest, 0);
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
  if (pool->untracked) mark.position = mema_heapField(pool)->ops->mark(mema_heapField(pool));
  return mark;
}

/* True iff the pool is live and the mark is a valid mark of it. Otherwise the failure is noted. */
static bool openMark(const mema_Pool *pool, const mema_Mark *mark) {
  if (mema_openKind(pool) == mema_noPool) return false;
  if (mark->life == 0) return mema_failFor(mema_markIsZero, 0, 0);
  bool ours = mark->life == pool->markLife && mark->serial - 1 < pool->markSerial; /* serials and ages begin at 1 */
  if (ours && isOver(pool, mark->serial)) return mema_failFor(mema_markIsOver, 0, 0);
  return (ours && mark->age - 1 < ageOf(pool) && mayBeAt(pool, mark->position)) || mema_failFor(mema_markIsForeign, 0, 0);
}

bool mema_rewindPool(mema_Pool *pool, mema_Mark mark) {
  if (!openMark(pool, &mark) || !mema_mayEnd(pool) || !mema_endLives(pool, mark.serial)) return false;
  if (pool->untracked) {
    rewindArena(pool, &mark);
  } else if (!mema_freeYounger(pool, (uint32_t)mark.age)) {
    return false;
  }
  endAbove(pool, mark.serial);
  setAge(pool, (uint32_t)mark.age);
  pool->markedAt = pool->allocations;
  return true;
}

bool mema_keepChunk(mema_Pool *pool, mema_Mark mark, void *ptr) {
  if (!openMark(pool, &mark)) return false;
  if (pool->untracked) return mema_failFor(mema_untrackedKeep, 0, 0);
  mema_Block *block = blockOf(pool, ptr);
  if (block == NULL) {
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  mema_Heap *heap = mema_heapField(pool);
  if (!mema_isIntactBlock(pool, heap, block)) return false;
  mema_Block *before = block->prev;
  if (mema_ageOf(block) < mark.age) return true;
  size_t steps = pool->allocations - pool->frees;
  for (;; before = before->prev) {
    if (!mema_isIntactBlock(pool, heap, before)) return false;
    if (before == NULL || mema_ageOf(before) < mark.age) break;
    if (steps-- > 0) continue;
    mema_failBroken("the chain comes to an end"); /* a Block was written over: see intact.c */
    return false;
  }
  mema_setOwnerAndAge(block, (mema_ownerAndAge(block) & UINT32_MAX) | (uint64_t)(mark.age - 1) << mema_ageShift);
  if (before != block->prev) mema_moveBlock(pool, block, before);
  return true;
}
