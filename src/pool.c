/* pool.c - a pool's life and budget: init, reset, resize, trim, free. Chunks are chunk.c's business. */
#define _GNU_SOURCE
#include "pool.h"

#include <string.h>

#include "engines/arena.h"
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
  arenaSpread = 2,          /* the area of an arena: then slabs outside serve it, which reuse what is freed */
  cellBudgetMax = 1 << 20,  /* up to here areas are rounded to a power of two, so that pools can share regions */
};

static const uint64_t areaMax = (uint64_t)1 << 40, arenaMax = (uint64_t)1 << 35;

/* Generations that a slab gives by itself, without an atomic addition, before it takes as many more. */
static const uintptr_t livesAtOnce = sizeof(uintptr_t) == 8 ? 1 << 16 : 1;

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

static size_t areaFor(size_t poolSize, size_t times, uint64_t most) {
  if (poolSize <= cellBudgetMax) {
    size_t least = poolSize * times;
    return least <= areaMin ? areaMin : (size_t)1 << (64 - __builtin_clzll(least - 1));
  }
  if (poolSize >= most / times) return (size_t)most;
  return mema_roundUp(poolSize * times, areaStep);
}

size_t mema_committedReservation(size_t poolSize) {
  return poolSize > MEMA_UNLIMITED / 4 ? MEMA_UNLIMITED : mema_roundUp(poolSize * 2 + areaMin / 2, areaStep);
}

static size_t arenaFor(size_t poolSize) {
  return areaFor(poolSize, arenaSpread, arenaMax);
}

static mema_SlabPlan planFor(const mema_Options *options) {
  mema_SlabPlan plan = {.budget = options->poolSize,
                        .records = !options->untracked,
                        .shared = options->shared,
                        .threads = options->shared && options->untracked,
                        .committed = options->committed,
                        .arena = options->engine == MEMA_ARENA};
  if (options->reservation != 0) {
    plan.area =
        options->reservation < reservationMin ? reservationMin : mema_roundUp(options->reservation, mema_osPageSize());
    plan.exact = true;
  } else {
    plan.area = options->committed ? mema_committedReservation(options->poolSize)
                : plan.arena       ? arenaFor(options->poolSize)
                                   : areaFor(options->poolSize, spread, areaMax);
  }
  if (plan.arena && plan.area > arenaMax) plan.area = (size_t)arenaMax; /* grains are counted in 32 bits */
  if (plan.threads) {
    plan.unitShift = mema_unitShiftMax;
    if (plan.area < sharedAreaMin && !options->committed) plan.area = sharedAreaMin;
  }
  /* A committed reservation is had whole or not at all. */
  plan.least = options->committed ? plan.area : plan.area < areaStep ? plan.area : areaStep;
  return plan;
}

/* Eight words at a time: for a few hundred bytes compilers put a loop in microcode, which takes longer to begin than this to end. */
typedef uintptr_t Words __attribute__((vector_size(8 * sizeof(uintptr_t)), aligned(sizeof(uintptr_t)), may_alias));
enum { wordsFrom = offsetof(mema_Pool, watch), rows = (sizeof(mema_Pool) - wordsFrom) / sizeof(Words) };

_Static_assert(sizeof(mema_Pool) % sizeof(uintptr_t) == 0 && wordsFrom % sizeof(uintptr_t) == 0, "a Pool is words");

/* No pool any more. Other threads may be looking whether a shared pool lives. */
static void forget(mema_Pool *pool) {
  mema_storeWord(&pool->seal, 0);
  mema_storeWord(&pool->generation, 0);
  __atomic_store_n(&pool->slab, NULL, __ATOMIC_RELAXED);
  pool->poolSize = pool->freeSize = 0;
  pool->initialized = false;
  pool->mem = NULL;
  pool->head = pool->tail = NULL;
}

/* All zero again. */
static void forgetAll(mema_Pool *pool) {
  Words *at = (Words *)(void *)((char *)pool + wordsFrom);
  forget(pool);
  for (int i = 0; i < rows; i++) at[i] = (Words){0};
  memset(at + rows, 0, sizeof *pool - wordsFrom - rows * sizeof *at);
}

/* Never 0; no two lives of any pools share one. */
static uintptr_t nextGeneration(mema_Slab *slab) {
  if (slab->lives % livesAtOnce == 0)
    slab->lives = atomic_fetch_add_explicit(&generations, livesAtOnce, memory_order_relaxed);
  return ++slab->lives * mema_allWays;
}

/* Who the pool is comes last, since other threads may be looking whether a shared one lives that was here before. */
static void setUp(mema_Pool *pool, mema_Slab *slab, const mema_Options *options) {
  forgetAll(pool);
  pool->poolSize = pool->freeSize = pool->lowWater = pool->watch = options->poolSize;
  if (mema_isArena(slab)) pool->watch = 0; /* see mema_noteLow */
  pool->stamp = 1;                         /* poolAllocated */
  pool->initialized = true;
  pool->mem = slab->area;
  pool->untracked = options->untracked;
  pool->committed = options->committed;
  if (options->name != NULL) {
    size_t length = strnlen(options->name, sizeof pool->name - 1);
    memcpy(pool->name, options->name, length);
  }
  uintptr_t seal = mema_sealOf(pool, slab), generation = nextGeneration(slab);
  mema_storeWord(&slab->generation, generation + slab->ways);
  mema_storeWord(&pool->generation, generation);
  __atomic_store_n(&pool->slab, slab, __ATOMIC_RELAXED);
  mema_storeWord(&pool->seal, options->shared ? ~seal : seal);
}

/* MEMA_OK where the arguments are good. */
static mema_Reason judge(const mema_Pool *pool, const mema_Options *options) {
  if (pool == NULL || options == NULL || options->poolSize == 0) return MEMA_BAD_ARGUMENT;
  if (mema_slabOf(pool) != NULL) return MEMA_LIVE_POOL;
  if (options->poolSize > MEMA_UNLIMITED) return MEMA_TOO_LARGE;
  if (options->engine == MEMA_ARENA && options->shared) return MEMA_BAD_ARGUMENT;
  return options->reservation > MEMA_UNLIMITED ? MEMA_BAD_ARGUMENT : MEMA_OK;
}

/* The common case of an arena is a matter of nanoseconds. */
static mema_Slab *openSlab(const mema_Options *options) {
  if (options->engine == MEMA_ARENA && options->reservation == 0 && !options->committed) {
    mema_Slab *warm = mema_arenaOpenWarm(arenaFor(options->poolSize), !options->untracked);
    if (warm != NULL) return warm;
  }
  mema_SlabPlan plan = planFor(options);
  return mema_slabOpen(&plan);
}

bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options) {
  mema_Reason reason = judge(pool, options);
  if (reason != MEMA_OK) {
    mema_fail(reason);
    return false;
  }
  drawSecret();
  mema_Slab *slab = openSlab(options);
  if (slab == NULL) {
    mema_failBytes(MEMA_NO_MEMORY, options->poolSize, 0);
    return false;
  }
  setUp(pool, slab, options);
  if (!options->shared || mema_openShare(pool, slab)) return true;
  mema_slabClose(slab);
  forgetAll(pool);
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
  mema_Slab *slab = mema_holdPool(pool, true);
  if (slab == NULL) return false;
  closeOutside(slab);
  mema_slabClearStates(slab);
  mema_slabClear(slab);
  pool->head = pool->tail = NULL;
  mema_noteLow(pool);
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
  if (!pool->watched && !mema_isArena(slab)) pool->watch = pool->lowWater;
  if (slab->share != NULL) mema_wakeWaiting(slab->share);
  for (; slab != NULL; slab = slab->next) mema_slabSetBudget(slab, poolSize - pool->charged);
  return true;
}

bool mema_resizePool(mema_Pool *pool, size_t poolSize) {
  mema_Slab *slab = mema_openPool(pool);
  if (slab == NULL) return false;
  if (poolSize == 0 || poolSize > MEMA_UNLIMITED) {
    mema_fail(poolSize == 0 ? MEMA_BAD_ARGUMENT : MEMA_TOO_LARGE);
    return false;
  }
  slab = mema_holdPool(pool, false);
  if (slab == NULL) return false;
  bool done = resize(pool, slab, poolSize);
  mema_unlockPool(slab);
  return done;
}

size_t mema_trimPool(mema_Pool *pool) {
  size_t bytes = 0;
  if (pool != NULL) {
    mema_Slab *first = mema_holdPool(pool, true);
    if (first == NULL) return 0;
    bytes = mema_dropEmptySlabs(first, 0);
    for (mema_Slab *slab = first; slab != NULL; slab = slab->next) bytes += mema_slabTrim(slab);
    mema_unlockPool(first);
  }
  return bytes + mema_slabTrimWarm();
}

size_t mema_freeSize(const mema_Pool *pool) {
  mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL || !mema_holdQuietly(pool, slab)) return 0;
  size_t bytes = pool->freeSize;
  mema_unlockPool(slab);
  return bytes;
}
