/* Families of pools in tests: sub-pools made in a line, and a second opinion on each level. */
#ifndef FAMILY_H
#define FAMILY_H

#include "unit.h"

static inline bool makeChild(Pool *child, Pool *parent, size_t poolSize, size_t guaranteed) {
  mema_Options options = {.poolSize = poolSize, .guaranteed = guaranteed};
  memset(child, 0xa5, sizeof *child);
  return mema_initSubPool(child, parent, &options);
}

static inline bool makeChildOf(Pool *child, Pool *parent, const Kind *kind, size_t poolSize, size_t guaranteed) {
  mema_Options options = kind->options;
  options.poolSize = poolSize;
  options.guaranteed = options.shared ? poolSize : guaranteed;
  memset(child, 0xa5, sizeof *child);
  return mema_initSubPool(child, parent, &options);
}

/* A pool of the kind that is the test's state. */
static inline bool makeRoot(Pool *pool, void **state, size_t poolSize) {
  const Kind *kind = *state;
  return makePool(pool, kind, poolSize);
}

/* Pools with a chain of their own, with all kinds of memory. */
#define aloneKinds(test)                                                                                  \
  withKind(test, kindTracked), withKind(test, kindOutside), withKind(test, kindHooked), arenaKinds(test), \
      withKind(test, kindFixed)

/* The bytes that a pool holds of its parent's budget. */
static inline size_t holdsOf(const Pool *pool, size_t guaranteed) {
  size_t used = pool->poolSize - mema_freeSize(pool);
  return used > guaranteed ? used : guaranteed;
}

/* NULL if P1 holds on this level, by public calls. */
static inline const char *levelIsWrong(const Pool *pool) {
  mema_Stats stats;
  if (!mema_checkPool(pool)) return mema_lastError()->sentence;
  if (!mema_poolStats(pool, &stats)) return "mema_poolStats fails";
  size_t bytes = 0, chunks = 0;
  for (const Block *block = pool->head; block != NULL; block = block->next, chunks++) {
    if (!mema_ownsChunk(pool, block->ptr) || mema_chunkSize(pool, block->ptr) != block->size)
      return "a chunk is not its own";
    bytes += block->size;
  }
  if (stats.untracked) return NULL;
  if (chunks != stats.liveChunks) return "the chain has another number of chunks";
  return pool->poolSize == mema_freeSize(pool) + bytes + stats.chargedBytes + stats.subPoolBytes ? NULL : "P1";
}

/* Of an array of pools. */
#define assertLevels(pools, count) \
  for (size_t level = 0; level < (count); level++) assertWell(levelIsWrong(&(pools)[level]))

#endif
