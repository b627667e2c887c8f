/* plan.c - how large a reservation a slab or an arena gets, and of which memory. */
#include "plan.h"

#include "slab/source.h"
#include "../memory/os.h"

enum {
  /* The area in budgets: chunks of one byte, which occupy 16 bytes each, still lie in it. Where addresses have 32 bits, slabs
   * outside serve so small chunks: thousands of pools find room. */
  spread = sizeof(void *) > 4 ? 16 : 4,
  reservationMin = 16 * 1024,
  sharedAreaMin = 64 << 20, /* for a shared pool with thread caches: room for spans of each class */
  committedSpans = 4 << 20, /* see mema_committedReservation */
};

static const uint64_t areaMax = (uint64_t)1 << mema_reservationLogMost;

/* The reservation is twice the budget, because from 32 bytes on a chunk occupies less than twice its bytes. (33
 * bytes take 48; one byte more than the largest slot takes two units.) To this come spans that are not full,
 * one of each class: 60 units of 64 KiB, or at most 80 of smaller ones. A reservation has a thousand units or
 * more. */
size_t mema_committedReservation(size_t poolSize) {
  if (poolSize > MEMA_UNLIMITED / 4) return MEMA_UNLIMITED;
  size_t spans = poolSize / 4 < committedSpans ? poolSize / 4 : committedSpans;
  return mema_roundUp(poolSize * 2 + spans + mema_areaMin / 2, mema_areaStep);
}

/* Plans memory with an option of its own: hooks, huge pages, locked or bound memory. */
static MEMA_NOINLINE void planSource(mema_SlabPlan *plan, const mema_Options *options) {
  plan->neverCached = true;
  plan->hugePages = options->hugePages;
  plan->locked = options->locked;
  plan->memory = options->memory;
  plan->committed |= options->locked;
  plan->bound = options->boundMemory && !options->untracked;
  /* Smaller units need larger tables. So the unit size follows the budget, however small the reservation. */
  if (plan->bound && options->reservation != 0)
    plan->unitShift = mema_unitShiftFor(mema_areaFor(options->poolSize, spread, areaMax));
  plan->compactRecords = plan->committed || (options->memory != NULL && options->memory->commit == NULL);
}

static size_t plannedArea(const mema_SlabPlan *plan, const mema_Options *options, bool arena) {
  size_t poolSize = options->poolSize;
  if (options->reservation != 0) {
    size_t unit = (size_t)1 << plan->unitShift, least = unit < reservationMin ? reservationMin : unit;
    return options->reservation < least ? least : mema_roundUp(options->reservation, mema_osPageSize());
  }
  if (plan->compactRecords) return mema_committedReservation(poolSize);
  return arena ? mema_arenaAreaFor(poolSize) : mema_areaFor(poolSize, spread, areaMax);
}

mema_SlabPlan mema_planFor(const mema_Options *options, const mema_Layout *layout, bool arena) {
  mema_SlabPlan plan = {.budget = options->poolSize,
                        .records = !options->untracked,
                        .threads = options->shared && options->untracked,
                        .committed = options->committed,
                        .compactRecords = options->committed,
                        .layout = layout};
  if (options->memory != NULL || options->hugePages || options->locked || options->boundMemory) planSource(&plan, options);
  plan.area = plannedArea(&plan, options, arena);
  plan.neverCached |= options->reservation != 0;
  if (arena && plan.area > mema_arenaMost) plan.area = (size_t)mema_arenaMost; /* grains are counted in 32 bits */
  if (plan.threads) {
    plan.unitShift = mema_unitShiftMax;
    if (plan.area < sharedAreaMin && !plan.compactRecords) plan.area = sharedAreaMin;
  }
  if (plan.hugePages && plan.area <= MEMA_UNLIMITED) plan.area = mema_roundUp(plan.area, mema_osHugeSize());
  /* A committed reservation is taken in full, or not at all. */
  plan.least = plan.committed ? plan.area : plan.area < mema_areaStep ? plan.area : mema_areaStep;
  return plan;
}
