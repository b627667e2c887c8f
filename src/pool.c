/* pool.c - a pool's life and budget: init, reset, resize, trim, free. Chunks are chunk.c's business. */
#define _GNU_SOURCE
#include "pool.h"

#include <string.h>

#include "fixed/fixedPool.h"
#include "threads/share.h"

_Static_assert(offsetof(mema_Pool, poolSize) == 0, "the specification's fields come first, in its order");
_Static_assert(offsetof(mema_Pool, freeSize) == sizeof(size_t), "freeSize");
_Static_assert(offsetof(mema_Pool, initialized) == 2 * sizeof(size_t), "initialized");
_Static_assert(offsetof(mema_Pool, mem) == 3 * sizeof(size_t), "mem");
_Static_assert(offsetof(mema_Pool, head) == 4 * sizeof(size_t), "head");
_Static_assert(offsetof(mema_Pool, tail) == 5 * sizeof(size_t), "tail");
_Static_assert(offsetof(mema_Block, ptr) == 0 && offsetof(mema_Block, size) == sizeof(void *) &&
                   offsetof(mema_Block, next) == 2 * sizeof(void *) && offsetof(mema_Block, prev) == 3 * sizeof(void *) &&
                   offsetof(mema_Block, poolAllocated) == 4 * sizeof(void *) && sizeof(mema_Block) == 5 * sizeof(void *),
               "Block is the specification's, and its last word has room for more");

enum {
  spread = 16, /* the area is so many times the budget: chunks of one byte, 16 bytes each, still lie in it */
  areaMin = 256 * 1024,
  areaStep = 64 * 1024,
  reservationMin = 16 * 1024,
  sharedAreaMin = 64 << 20, /* of a shared pool with a shard for each thread: room for spans of each class */
  cellBudgetMax = 1 << 20,  /* up to here areas are rounded to a power of two, so that pools can share regions */
};

static const uint64_t areaMax = (uint64_t)1 << 40;

/* Before the first pool is made; addresses and small numbers, whichever, do not make a seal that fits. */
static const uintptr_t undrawn = (uintptr_t)0x9E3779B97F4A7C15u;

_Atomic uintptr_t mema_secret = (uintptr_t)0x9E3779B97F4A7C15u;
static _Atomic uintptr_t generations;

/* ---- init -------------------------------------------------------------------------------------------------------------- */

static void drawSecret(void) {
  uintptr_t none = undrawn;
  if (atomic_load_explicit(&mema_secret, memory_order_relaxed) != undrawn) return;
  atomic_compare_exchange_strong_explicit(&mema_secret, &none, mema_osRandom(), memory_order_relaxed, memory_order_relaxed);
}

static size_t areaFor(size_t poolSize) {
  if (poolSize <= cellBudgetMax) {
    size_t area = areaMin;
    while (area < poolSize * spread) area *= 2;
    return area;
  }
  if (poolSize >= areaMax / spread) return (size_t)areaMax;
  return mema_roundUp(poolSize * spread, areaStep);
}

size_t mema_committedReservation(size_t poolSize) {
  return poolSize > MEMA_UNLIMITED / 4 ? MEMA_UNLIMITED : mema_roundUp(poolSize * 2 + areaMin / 2, areaStep);
}

static mema_SlabPlan planFor(const mema_Options *options) {
  mema_SlabPlan plan = {.budget = options->poolSize,
                        .records = !options->untracked,
                        .shared = options->shared,
                        .threads = options->shared && options->untracked,
                        .committed = options->committed};
  if (options->reservation != 0) {
    plan.area =
        options->reservation < reservationMin ? reservationMin : mema_roundUp(options->reservation, mema_osPageSize());
    plan.exact = true;
  } else {
    plan.area = options->committed ? mema_committedReservation(options->poolSize) : areaFor(options->poolSize);
  }
  if (plan.threads) {
    plan.unitShift = mema_unitShiftMax;
    if (plan.area < sharedAreaMin && !options->committed) plan.area = sharedAreaMin;
  }
  /* A committed reservation is had whole or not at all. */
  plan.least = options->committed ? plan.area : plan.area < areaStep ? plan.area : areaStep;
  return plan;
}

/* All zero again. Other threads may be looking whether a shared pool lives. */
static void forget(mema_Pool *pool) {
  mema_storeWord(&pool->seal, 0);
  mema_storeWord(&pool->generation, 0);
  __atomic_store_n(&pool->slab, NULL, __ATOMIC_RELAXED);
  memset(pool, 0, offsetof(mema_Pool, seal));
  memset(&pool->watch, 0, sizeof *pool - offsetof(mema_Pool, watch));
}

/* No two lives of any pool have the same; ways can be added to it. */
static uintptr_t nextGeneration(void) {
  return (atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1) * mema_allWays;
}

/* Who the pool is comes last, since other threads may be looking whether a shared one lives that was here before. */
static void setUp(mema_Pool *pool, mema_Slab *slab, const mema_Options *options) {
  forget(pool);
  pool->poolSize = pool->freeSize = pool->lowWater = pool->watch = options->poolSize;
  pool->stamp = 1; /* poolAllocated */
  pool->initialized = true;
  pool->mem = slab->area;
  pool->untracked = options->untracked;
  pool->committed = options->committed;
  if (options->name != NULL) {
    size_t length = strnlen(options->name, sizeof pool->name - 1);
    memcpy(pool->name, options->name, length);
  }
  uintptr_t seal = mema_sealOf(pool, slab), generation = nextGeneration();
  mema_storeWord(&slab->generation, generation + slab->ways);
  mema_storeWord(&pool->generation, generation);
  __atomic_store_n(&pool->slab, slab, __ATOMIC_RELAXED);
  mema_storeWord(&pool->seal, options->shared ? ~seal : seal);
}

/* MEMA_OK where the arguments are good. */
static mema_Reason judge(const mema_Pool *pool, const mema_Options *options) {
  if (pool == NULL || options == NULL) return MEMA_BAD_ARGUMENT;
  bool isFixed = options->engine == MEMA_FIXED;
  if (options->poolSize == 0 && !isFixed) return MEMA_BAD_ARGUMENT;
  if (mema_slabOf(pool) != NULL || mema_fixedOf(pool) != NULL) return MEMA_LIVE_POOL;
  if (isFixed) return mema_fixedJudge(options);
  if (options->poolSize > MEMA_UNLIMITED) return MEMA_TOO_LARGE;
  return options->reservation > MEMA_UNLIMITED ? MEMA_BAD_ARGUMENT : MEMA_OK;
}

bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options) {
  mema_Reason reason = judge(pool, options);
  if (reason != MEMA_OK) {
    mema_fail(reason);
    return false;
  }
  drawSecret();
  if (options->engine == MEMA_FIXED) return mema_fixedInit(pool, options, nextGeneration());
  mema_SlabPlan plan = planFor(options);
  mema_Slab *slab = mema_slabOpen(&plan);
  if (slab == NULL) {
    mema_failBytes(MEMA_NO_MEMORY, options->poolSize, 0);
    return false;
  }
  setUp(pool, slab, options);
  if (!options->shared || mema_openShare(pool, slab)) return true;
  mema_slabClose(slab);
  forget(pool);
  mema_failBytes(MEMA_NO_MEMORY, options->poolSize, 0);
  return false;
}

bool mema_initPool(mema_Pool *pool, size_t poolSize) {
  mema_Options options = {.poolSize = poolSize};
  return mema_initPoolWith(pool, &options);
}

/* ---- the end, and the end of all chunks -------------------------------------------------------------------------------- */

static void closeOutside(mema_Slab *first) {
  while (first->next != NULL) {
    mema_Slab *slab = first->next;
    first->next = slab->next;
    mema_slabClose(slab);
  }
}

bool mema_freePool(mema_Pool *pool) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed != NULL) return mema_fixedFree(pool, fixed);
  mema_Slab *slab = mema_holdPool(pool, false);
  if (slab == NULL) return false;
  mema_storeWord(&slab->generation, 0);
  forget(pool);
  if (slab->share != NULL) mema_closeShare(slab);
  closeOutside(slab);
  mema_slabClearStates(slab);
  mema_slabClose(slab);
  return true;
}

bool mema_resetPool(mema_Pool *pool) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed != NULL) return mema_fixedReset(pool, fixed);
  mema_Slab *slab = mema_holdPool(pool, true);
  if (slab == NULL) return false;
  closeOutside(slab);
  mema_slabClearStates(slab);
  mema_slabClear(slab);
  pool->head = pool->tail = NULL;
  pool->freeSize = pool->poolSize - pool->charged;
  pool->frees = pool->allocations;
  if (slab->share != NULL) mema_wakeWaiting(slab->share);
  mema_unlockPool(slab);
  return true;
}

/* ---- the budget, and what is kept beyond it ---------------------------------------------------------------------------- */

static bool resize(mema_Pool *pool, mema_Slab *slab, size_t poolSize) {
  size_t live = pool->poolSize - pool->freeSize;
  if (poolSize < live) {
    mema_failBytes(MEMA_BELOW_USE, poolSize, live);
    return false;
  }
  pool->poolSize = poolSize;
  pool->lowWater = pool->freeSize = poolSize - live;
  if (!pool->watched) pool->watch = pool->lowWater;
  if (slab->share != NULL) mema_wakeWaiting(slab->share);
  for (; slab != NULL; slab = slab->next) mema_slabSetBudget(slab, poolSize - pool->charged);
  return true;
}

bool mema_resizePool(mema_Pool *pool, size_t poolSize) {
  bool isFixed = mema_fixedOf(pool) != NULL;
  mema_Slab *slab = isFixed ? NULL : mema_openPool(pool);
  if (slab == NULL && !isFixed) return false;
  if (poolSize == 0 || poolSize > MEMA_UNLIMITED) {
    mema_fail(poolSize == 0 ? MEMA_BAD_ARGUMENT : MEMA_TOO_LARGE);
    return false;
  }
  if (isFixed) return mema_fixedResize(pool, poolSize);
  slab = mema_holdPool(pool, false);
  if (slab == NULL) return false;
  bool done = resize(pool, slab, poolSize);
  mema_unlockPool(slab);
  return done;
}

size_t mema_trimPool(mema_Pool *pool) {
  size_t bytes = 0;
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed != NULL) {
    bytes = mema_outsideTrim(fixed);
  } else if (pool != NULL) {
    mema_Slab *first = mema_holdPool(pool, true);
    if (first == NULL) return 0;
    bytes = mema_dropEmptySlabs(first, 0);
    for (mema_Slab *slab = first; slab != NULL; slab = slab->next) bytes += mema_slabTrim(slab);
    mema_unlockPool(first);
  }
  return bytes + mema_slabTrimWarm();
}

size_t mema_freeSize(const mema_Pool *pool) {
  if (mema_fixedOf(pool) != NULL) return pool->freeSize;
  mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL || !mema_holdQuietly(pool, slab)) return 0;
  size_t bytes = pool->freeSize;
  mema_unlockPool(slab);
  return bytes;
}
