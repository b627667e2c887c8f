/* fixedPool.h - pools in a caller's buffer: the pool's calls over the fixed engine (heap/fixed).
 *
 *   fixedPool.c     chunks: palloc, pfree, repalloc, and the questions
 *   fixedLife.c     a pool's life and budget, statistics, the check
 *   fixedOutside.c  chunks that the buffer has no room for, in slabs of the system's (options.fallback)
 *
 * The first two files call only memcpy, memmove and memset of the C library. Of the rest of src/ they call
 * the functions declared under "asked for" below, base/error.c, and the refusals and callbacks of pool.h and
 * pressure.h. src/freestanding/ implements all of these but error.c a second time. Together they are
 * libmema-fixed.a, which needs no operating system.
 *
 * In a tracked pool the Block of a chunk lies at the start of the chunk's piece, in front of the chunk. So a
 * chunk that overflows may write over its neighbour's Block. A Block is therefore compared with the map and
 * with the Blocks around it before its fields are used. */
#ifndef MEMA_POOL_FIXED_FIXED_POOL_H
#define MEMA_POOL_FIXED_FIXED_POOL_H

#include "../../heap/fixed/fixed.h"
#include "../pool.h"

/* A live chunk, in the buffer or outside. */
typedef struct mema_FixedChunk {
  char *ptr;
  size_t room;            /* the bytes that the program may use */
  mema_Block *record;     /* NULL in an untracked pool */
  uint32_t grain, grains; /* its piece; 0: the chunk lies outside */
  mema_Chunk outside;
} mema_FixedChunk;

/* ---- fixedPool.c: the pool is live; `fixed`, its engine, comes last: the other arguments stay in their registers ------------ */

MEMA_HIDDEN void *mema_fixedPalloc(mema_Pool *pool, size_t size, mema_Fixed *fixed);
MEMA_HIDDEN bool mema_fixedPfree(mema_Pool *pool, void *ptr, mema_Fixed *fixed);
MEMA_HIDDEN void *mema_fixedRepalloc(mema_Pool *pool, void *ptr, size_t size, mema_Fixed *fixed);
MEMA_HIDDEN void *mema_fixedPmemalign(mema_Pool *pool, size_t alignment, size_t size, mema_Fixed *fixed);
/* Returns a chunk of count * size zero bytes. */
MEMA_HIDDEN void *mema_fixedPcalloc(mema_Pool *pool, size_t count, size_t size, mema_Fixed *fixed);
MEMA_HIDDEN size_t mema_fixedChunkSize(mema_Fixed *fixed, const void *ptr);
/* Returns the largest request that would be granted now. Constant time. */
MEMA_HIDDEN size_t mema_fixedLargest(const mema_Pool *pool, mema_Fixed *fixed);
/* Returns the charge of a live chunk. */
static inline size_t mema_fixedChargeOf(const mema_Fixed *fixed, const mema_FixedChunk *chunk) {
  if (!fixed->bySize || chunk->record == NULL) return chunk->room + fixed->beside;
  return chunk->record->size;
}
MEMA_HIDDEN bool mema_fixedFindChunk(mema_Fixed *fixed, const void *ptr, mema_FixedChunk *chunk);
/* True iff `block`, which may be any pointer, is the intact Block of a live chunk, so that its neighbours in
 * the chain exist. Otherwise MEMA_BROKEN is noted. */
MEMA_HIDDEN bool mema_fixedIsWhole(const mema_Pool *pool, mema_Fixed *fixed, const mema_Block *block);

/* ---- fixedLife.c ----------------------------------------------------------------------------------------------------------- */

/* True iff the options of a pool with MEMA_FIXED are good; else the failure is noted. The caller has checked
 * the Pool itself. */
MEMA_HIDDEN bool mema_fixedJudge(const mema_Options *options);
/* Sets up the pool. The caller has checked the options. False, and the failure noted, iff the buffer is too
 * small. */
MEMA_HIDDEN bool mema_fixedInit(mema_Pool *pool, const mema_Options *options, uintptr_t generation);
MEMA_HIDDEN bool mema_fixedFree(mema_Pool *pool, mema_Fixed *fixed);
MEMA_HIDDEN bool mema_fixedReset(mema_Pool *pool, mema_Fixed *fixed);
/* Changes the budget and returns the new one; 0: refused. poolSize is neither 0 nor too large. `atLeast`: if
 * more than poolSize is in use, the budget becomes the bytes in use. */
MEMA_HIDDEN size_t mema_fixedResize(mema_Pool *pool, size_t poolSize, bool atLeast);
MEMA_HIDDEN bool mema_fixedCharge(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN bool mema_fixedCredit(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN void mema_fixedStats(const mema_Pool *pool, const mema_Fixed *fixed, mema_Stats *stats);
MEMA_HIDDEN bool mema_fixedCheckPool(const mema_Pool *pool, mema_Fixed *fixed);

/* ---- asked for: fixedOutside.c, or src/freestanding/, which has no outside --------------------------------------------------- */

/* Returns the bytes that a chunk outside would occupy; 0 iff there can be none. */
MEMA_HIDDEN size_t mema_outsideRoom(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment);
/* Returns the largest size of an untracked chunk outside that the budget has room for. */
MEMA_HIDDEN size_t mema_outsideLargest(const mema_Pool *pool, mema_Fixed *fixed);
MEMA_HIDDEN bool mema_outsideTake(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment, mema_Chunk *chunk);
MEMA_HIDDEN bool mema_outsideFind(const mema_Fixed *fixed, const void *ptr, mema_Chunk *chunk);
MEMA_HIDDEN void mema_outsideGive(mema_Fixed *fixed, const mema_Chunk *chunk);
MEMA_HIDDEN bool mema_outsideStretch(mema_Chunk *chunk, size_t size);
/* True iff `block` can be a Block of a chunk outside. Only then may it be read. */
MEMA_HIDDEN bool mema_outsideHolds(const mema_Fixed *fixed, const mema_Block *block);
MEMA_HIDDEN void mema_outsideClose(mema_Fixed *fixed);
MEMA_HIDDEN void mema_outsideStats(const mema_Fixed *fixed, mema_Stats *stats);
MEMA_HIDDEN const char *mema_outsideCheck(const mema_Fixed *fixed, size_t *chunks, size_t *bytes);
MEMA_HIDDEN size_t mema_outsideTrim(mema_Fixed *fixed);

#endif
