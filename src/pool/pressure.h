/* pressure.h - what happens when a budget runs low: callbacks, requests that fail on purpose, and room made.
 *
 * The common paths test one thing about a budget: would the charge leave less than pool->slowPathBelow? In
 * most pools that is lowWater, the least freeSize so far. A charge below it is then a new low, or the budget
 * has no room. In a pool that is alwaysSlow, slowPathBelow is higher, so that the general path
 * (mema_allocate) handles each request that may need a callback. All callbacks are made there, never in the
 * middle of a common path:
 *     slowPathBelow == lowWater                          unless alwaysSlow; 0 in an arena without a family (see mema_noteLow)
 *     slowPathBelow == max(lowWater, lowWaterBytes)      with onLowWater
 *     slowPathBelow == PTRDIFF_MAX                       while requests are counted (failIn), or stacks noted (sites.h) */
#ifndef MEMA_POOL_PRESSURE_H
#define MEMA_POOL_PRESSURE_H

#include "pool.h"

MEMA_HIDDEN void mema_setSlowPath(mema_Pool *pool);

/* True iff this request is to fail on purpose. Counts the request. */
MEMA_HIDDEN bool mema_failsOnPurpose(mema_Pool *pool);

/* Makes sure that all levels have room for `bytes` more, and calls onExhausted of each pool that has none.
 * False iff no room was made: the refusal is then counted and noted. Callbacks may have freed any chunk of
 * the pool. */
MEMA_HIDDEN bool mema_makeRoom(mema_Pool *pool, size_t bytes);

/* Calls onExhausted once, of the pool that has no room for `bytes` more. True iff the request is worth
 * another try: all levels have room, or the callback has freed something. */
MEMA_HIDDEN bool mema_askForRoom(mema_Pool *pool, size_t bytes);

/* Calls onExhausted if the budgets have room, but the system or the buffer has none: first of this pool, then
 * of the pools above. True iff a callback has freed something. */
MEMA_HIDDEN bool mema_askExhausted(mema_Pool *pool, size_t wanted);

/* Notes that onLowWater is due if freeSize, which was `before`, has fallen below lowWaterBytes. */
static inline void mema_noteCrossing(mema_Pool *pool, size_t before) {
  if (mema_likely(pool->onLowWater == NULL)) return;
  if (before >= pool->lowWaterBytes && pool->freeSize < pool->lowWaterBytes) pool->lowering = true;
}

/* Calls onLowWater of this pool, and of each pool above, if freeSize fell below lowWaterBytes. Called at the
 * end of a call. */
MEMA_HIDDEN void mema_announceLow(mema_Pool *pool);

/* ---- callbacks.c: callbacks under way ------------------------------------------------------------------------------------- */

/* Takes a piece of the stack until the calling function returns, and sets `name` to its low end. The frames of all that
 * the function calls lie below it. */
enum { mema_heldStack = 1024 };
#define MEMA_HOLD_STACK(name)                    \
  char *name = __builtin_alloca(mema_heldStack); \
  __asm__ volatile("" : "+r"(name) : : "memory")

/* Calls run(arg), a callback or clean-up, during a call to this pool. Meanwhile neither the pool nor any pool above it
 * can end. If the callback is left by a jump, a later call of the pool finds out. */
MEMA_HIDDEN void mema_callBack(mema_Pool *pool, void (*run)(void *arg), void *arg);

/* True iff the callback onExhausted of an unshared pool is under way. */
MEMA_HIDDEN bool mema_isAsked(mema_Pool *pool);

/* Marks a pool as ending, by a call that holds the stack at `frame`. False iff the pool is shared and another thread is
 * ending it already. mema_leaveEnding follows the last callback; a shared pool goes on to end then. */
MEMA_HIDDEN bool mema_beginEnding(mema_Pool *pool, const char *frame);
MEMA_HIDDEN void mema_leaveEnding(mema_Pool *pool);

#endif
