/* pressure.h - what happens when a budget runs low: callbacks, requests that fail on purpose, and room made.
 *
 * The common paths ask one question of a budget, whether a charge would leave less than pool->watch. Where no one is to be told anything, that
 * is the least there has been so far (lowWater), and the answer is a new least, or no room. In a `watched` pool it is above that, as
 * far up as there is something to do: such requests take the general path (mema_allocate), and callbacks are made there, never
 * from the midst of a common one:
 *     watch == lowWater                                    unless watched; 0 in an arena that stands alone (see mema_noteLow)
 *     watch == max(lowWater, lowWaterBytes)                with onLowWater
 *     watch == the most there is                           while requests are counted (failIn), and in a fixed pool whose budget bounds memory
 */
#ifndef MEMA_POOL_PRESSURE_H
#define MEMA_POOL_PRESSURE_H

#include "pool.h"

MEMA_HIDDEN void mema_setSlowPath(mema_Pool *pool);

/* A callback made on behalf of a call to this pool begins, or is over: meanwhile no pool at or above it can end. */
MEMA_HIDDEN void mema_enterCallback(mema_Pool *pool);
MEMA_HIDDEN void mema_leaveCallback(mema_Pool *pool);

/* Whether this request is to fail on purpose. */
MEMA_HIDDEN bool mema_failsOnPurpose(mema_Pool *pool);

/* Sees to it that all levels have room for `bytes` more: whoever has not is asked to make some. False iff there is none: the refusal is then
 * counted and noted. Callbacks may have freed any chunk of the pool. */
MEMA_HIDDEN bool mema_makeRoom(mema_Pool *pool, size_t bytes);

/* Asks whoever has no room for `bytes` more, once. True iff the request is to be tried again: all have room, or something was freed. */
MEMA_HIDDEN bool mema_askForRoom(mema_Pool *pool, size_t bytes);

/* Where the budgets have room, but not the system, or the buffer: this pool is asked first, then those above. True iff something was
 * freed. */
MEMA_HIDDEN bool mema_askExhausted(mema_Pool *pool, size_t wanted);

/* freeSize was `before`: whether the pool's low water was passed. */
static inline void mema_noteCrossing(mema_Pool *pool, size_t before) {
  if (mema_likely(pool->onLowWater == NULL)) return;
  if (before >= pool->lowWaterBytes && pool->freeSize < pool->lowWaterBytes) pool->lowering = true;
}

/* At the end of a call to a pool that stands alone, whose freeSize was `before`. */
MEMA_HIDDEN void mema_settlePressure(mema_Pool *pool, size_t before);

/* Tells those, at or above this pool, whose budget went below their low water. After the call is done. */
MEMA_HIDDEN void mema_announceLow(mema_Pool *pool);

#endif
