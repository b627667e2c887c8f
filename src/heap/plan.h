/* plan.h - how large a reservation a slab or an arena gets, and of which memory. */
#ifndef MEMA_HEAP_PLAN_H
#define MEMA_HEAP_PLAN_H

#include "reservation.h"

/* The plan of a pool's own slab or arena. */
MEMA_HIDDEN mema_SlabPlan mema_planFor(const mema_Options *options, const mema_Layout *layout, bool arena);

enum {
  mema_areaMin = 256 * 1024,
  mema_areaStep = 64 * 1024,
  mema_cellBudgetMost = 1 << 20, /* up to this budget areas are powers of two, so that pools can share regions */
  mema_arenaSpread = 2,          /* the area of an arena, in budgets; beyond it slabs outside serve */
};

static const uint64_t mema_arenaMost = (uint64_t)1 << (mema_reservationLogMost < 35 ? mema_reservationLogMost : 35);

/* The area of a pool: `times` its budget, at most `most`. */
static inline size_t mema_areaFor(size_t poolSize, size_t times, uint64_t most) {
  if (poolSize <= mema_cellBudgetMost) {
    size_t least = poolSize * times;
    return least <= mema_areaMin ? mema_areaMin : (size_t)1 << (64 - __builtin_clzll(least - 1));
  }
  if (poolSize >= most / times) return (size_t)most;
  return mema_roundUp(poolSize * times, mema_areaStep);
}

/* The area of an arena with this budget, unless its options set another. */
static inline size_t mema_arenaAreaFor(size_t poolSize) {
  return mema_areaFor(poolSize, mema_arenaSpread, mema_arenaMost);
}

#endif
