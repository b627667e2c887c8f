/* pool.c - a pool's life and budget: init, reset, resize, trim, free. For chunks see api/chunk.c and
 * allocate.c. */
#include "../heap/engines.h"
#include "../heap/watch/watch.h"
#include "../threads/calls.h"
#include "../threads/hold.h"
#include "pressure.h"
#include "sites.h"
#include "tree.h"

_Static_assert(offsetof(mema_Pool, poolSize) == 0, "the specification's fields come first, in its order");
_Static_assert(offsetof(mema_Pool, freeSize) == sizeof(size_t), "freeSize");
_Static_assert(offsetof(mema_Pool, initialized) == 2 * sizeof(size_t), "initialized");
_Static_assert(offsetof(mema_Pool, mem) == 3 * sizeof(size_t), "mem");
_Static_assert(offsetof(mema_Pool, head) == 4 * sizeof(size_t), "head");
_Static_assert(offsetof(mema_Pool, tail) == 5 * sizeof(size_t), "tail");
_Static_assert(offsetof(mema_Block, ptr) == 0 && offsetof(mema_Block, size) == sizeof(void *) &&
                   offsetof(mema_Block, next) == 2 * sizeof(void *) && offsetof(mema_Block, prev) == 3 * sizeof(void *) &&
                   offsetof(mema_Block, poolAllocated) == 4 * sizeof(void *) &&
                   sizeof(mema_Block) >= 4 * sizeof(void *) + sizeof(uint64_t),
               "Block is the specification's, and its last word has room for more");

/* ---- init -------------------------------------------------------------------------------------------------------------- */

/* Eight words, written at once. For a few hundred bytes compilers use a microcoded loop, which starts more
 * slowly than this runs. */
typedef uintptr_t Words __attribute__((vector_size(8 * sizeof(uintptr_t)), aligned(sizeof(uintptr_t)), may_alias));
enum { wordsFrom = offsetof(mema_Pool, slowPathBelow), rows = (sizeof(mema_Pool) - wordsFrom) / sizeof(Words) };

_Static_assert(sizeof(mema_Pool) % sizeof(uintptr_t) == 0 && wordsFrom % sizeof(uintptr_t) == 0, "a Pool is words");

/* Clears the identity of a Pool, which then is no pool. Other threads may be testing whether a shared pool
 * lives. */
static void forget(mema_Pool *pool) {
  mema_storeWord(&pool->seal, 0);
  mema_storeWord(&pool->generation, 0);
  __atomic_store_n(&pool->heap, NULL, __ATOMIC_RELAXED);
  pool->poolSize = pool->freeSize = 0;
  pool->initialized = false;
  pool->mem = NULL;
  pool->head = pool->tail = NULL;
}

/* Sets all fields of a Pool to zero. */
static void forgetAll(mema_Pool *pool) {
  Words *at = (Words *)(void *)((char *)pool + wordsFrom);
  forget(pool);
#if defined(MEMA_THREAD_SANITIZED)
  /* Other threads may look at the words of a shared pool that was here before. Each is stored whole below, too. */
  for (char *word = (char *)at; word < (char *)(pool + 1); word += sizeof(uintptr_t))
    mema_storeWord((uintptr_t *)(void *)word, 0);
#else
  for (int i = 0; i < rows; i++) at[i] = (Words){0};
  __builtin_memset(at + rows, 0, sizeof *pool - wordsFrom - rows * sizeof *at);
#endif
}

void mema_layPool(mema_Pool *pool, const mema_Options *options) {
  forgetAll(pool);
  pool->poolSize = pool->freeSize = pool->lowWater = pool->slowPathBelow = options->poolSize;
  pool->ownerAndAge = 1; /* poolAllocated */
  pool->initialized = true;
  pool->untracked = options->untracked;
  pool->committed = options->committed || options->locked;
  const char *name = options->name;
  for (size_t i = 0; name != NULL && i < sizeof pool->name - 1 && name[i] != '\0'; i++) pool->name[i] = name[i];
}

/* Returns a generation, from the numbers that the heap's header keeps, if it keeps any. */
static inline uintptr_t nextGeneration(mema_Heap *heap) {
  uintptr_t none = 0;
  size_t offset = heap->ops->livesOffset;
  return mema_nextGeneration(mema_likely(offset != 0) ? (uintptr_t *)(void *)((char *)heap + offset) : &none);
}

mema_Reason mema_setUpPool(mema_Pool *pool, mema_Heap *heap, const mema_Options *options) {
  mema_layPool(pool, options);
  pool->mem = heap->area;
  if (mema_unlikely(options->poolSize == 0)) /* see mema_HeapOps.inBuffer */
    pool->poolSize = pool->freeSize = pool->lowWater = pool->slowPathBelow = heap->ops->reservation(heap);
  if (heap->ops->notesLowLate) pool->slowPathBelow = 0; /* see mema_noteLow */
  if (mema_unlikely(options->boundMemory | options->sites)) {
    pool->bound = options->boundMemory && !options->untracked;
    if (options->sites) mema_noteSites(pool, options);
  }
  uintptr_t generation = nextGeneration(heap);
  mema_storeWord(&heap->generation, generation + heap->mode);
  mema_identify(pool, heap, generation, options->shared);
  mema_Reason reason = options->shared ? mema_openShare(pool, heap) : MEMA_OK;
  if (mema_likely(reason == MEMA_OK)) return reason;
  heap->ops->close(heap);
  forget(pool);
  return reason;
}

/* Returns the first fault of the arguments. */
static inline mema_Fault faultOf(const mema_Pool *pool, const mema_Options *options, const mema_HeapOps *ops) {
  if (pool == NULL || options == NULL) return pool == NULL ? mema_poolIsNull : mema_optionsAreNull;
  if (options->poolSize == 0 && (ops == NULL || !ops->inBuffer)) return mema_poolSizeIsZero;
  if (mema_isLivePool(pool)) return mema_poolIsLive;
  if (options->poolSize > MEMA_UNLIMITED) return mema_sizeIsTooLarge;
  if (ops == NULL) return mema_engineIsNone;
  if (options->shared && ops->noShared != mema_noFault) return ops->noShared;
  if (options->memory != NULL) {
    if (ops->noHooks != mema_noFault) return ops->noHooks;
    if (options->memory->reserve == NULL) return mema_noReserveHook;
  }
  if (options->reservation > MEMA_UNLIMITED && !ops->inBuffer) return mema_reservationIsLarge;
  return mema_unlikely(options->sites) ? mema_faultOfSites(options) : mema_noFault;
}

/* Notes the fault, with its numbers. */
static MEMA_SLOW bool blame(mema_Fault fault, const mema_Options *options) {
  if (fault == mema_engineIsNone) return mema_failFor(fault, (unsigned)options->engine, 0);
  if (fault == mema_sizeIsTooLarge) return mema_failFor(fault, options->poolSize, MEMA_UNLIMITED);
  if (fault == mema_reservationIsLarge) return mema_failFor(fault, options->reservation, MEMA_UNLIMITED);
  return mema_failFor(fault, 0, 0);
}

bool mema_judgeOptions(const mema_Pool *pool, const mema_Options *options) {
  const mema_HeapOps *ops = mema_likely(options != NULL) ? mema_engineOf(options->engine) : NULL;
  mema_Fault fault = faultOf(pool, options, ops);
  if (mema_unlikely(fault != mema_noFault)) return blame(fault, options);
  return mema_likely(ops->judge == NULL) || ops->judge(options);
}

static void failMemoryOf(const mema_Options *options) {
  mema_failFor(options->locked           ? mema_lockedMemory
               : options->memory != NULL ? mema_hookedMemory
               : options->committed      ? mema_committedMemory
                                         : mema_plainMemory,
               options->poolSize, 0);
}

void mema_failToOpen(mema_Reason reason, const mema_Options *options) {
  if (reason == MEMA_NO_MEMORY) {
    failMemoryOf(options);
  } else {
    mema_fail(reason);
  }
}

mema_Heap *mema_openHeapFor(const mema_Options *options) {
  const mema_HeapOps *engine = mema_engines[options->engine];
  return mema_mayWatch(options) ? mema_openWatched(engine, options) : engine->open(options);
}

bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options) {
  if (!mema_judgeOptions(pool, options)) return false;
  mema_Heap *heap = mema_openHeapFor(options);
  mema_Reason reason = heap != NULL ? mema_setUpPool(pool, heap, options) : MEMA_NO_MEMORY;
  if (mema_likely(reason == MEMA_OK)) return true;
  mema_failToOpen(reason, options);
  return false;
}

bool mema_initPool(mema_Pool *pool, size_t poolSize) {
  mema_Options options = {.poolSize = poolSize};
  return mema_initPoolWith(pool, &options);
}

/* ---- the end, and the end of all chunks -------------------------------------------------------------------------------- */

bool mema_closePool(mema_Pool *pool) {
  mema_Heap *heap;
  if (mema_kindIn(pool, &heap) != mema_plainPool) heap = mema_holdPool(pool, false);
  if (heap == NULL) return false;
  mema_Node *node = mema_nodeOf(pool);
  if (mema_unlikely(node != NULL && node->newest != NULL &&
                    mema_shareOf(heap) != NULL)) { /* another thread has just made it */
    mema_unlockPool(heap);
    return mema_endLives(pool, 0) && mema_closePool(pool);
  }
  bool borrowed = node != NULL && node->usesParentHeap;
  size_t held = node != NULL && node->parent != NULL ? mema_holds(pool) : 0;
  if (!borrowed) mema_storeWord(&heap->generation, 0);
  forget(pool);
  if (!borrowed) {
    if (mema_shareOf(heap) != NULL) mema_closeShare(heap);
    mema_closeOutside(heap);
    heap->ops->close(heap);
  }
  if (node != NULL) mema_leaveFamily(node, heap, held);
  return true;
}

bool mema_freePool(mema_Pool *pool) {
  mema_Kind kind = mema_openKind(pool);
  if (kind == mema_noPool || !mema_mayEnd(pool)) return false;
  if (mema_unlikely(kind == mema_sharedPool || mema_nodeOf(pool) != NULL) && !mema_mayLeave(pool)) return false;
  if (!mema_endLives(pool, 0)) return false;
  if (mema_usesParentHeap(pool)) mema_leaveParentHeap(pool);
  return mema_closePool(pool);
}

/* Frees all chunks of a pool with a heap of its own. Its sub-pools are gone, so all chunks in the heap belong
 * to this pool. */
static void clearHeaps(mema_Pool *pool, mema_Heap *heap) {
  mema_closeOutside(heap);
  heap->ops->clear(heap);
  size_t free = pool->poolSize - pool->charged - pool->held;
  pool->head = pool->tail = NULL;
  pool->frees = pool->allocations;
  mema_creditBytes(pool, free - pool->freeSize);
  if (mema_shareOf(heap) != NULL) mema_wakeWaiting(mema_shareOf(heap));
}

static void forgetMarks(mema_Pool *pool) {
  pool->markLife = pool->markSerial = 0;
  __builtin_memset(pool->stale, 0, sizeof pool->stale);
  pool->ownerAndAge &= UINT32_MAX; /* the age starts again */
}

bool mema_resetPool(mema_Pool *pool) {
  mema_Kind kind = mema_openKind(pool);
  if (kind == mema_noPool || !mema_mayEnd(pool) || !mema_endLives(pool, 0)) return false;
  mema_Heap *heap = mema_holdPool(pool, true);
  if (heap == NULL) return false;
  if (mema_usesParentHeap(pool)) {
    mema_freeYounger(pool, 0);
  } else {
    clearHeaps(pool, heap);
  }
  __atomic_store_n(&pool->ending, false, __ATOMIC_RELAXED);
  forgetMarks(pool);
  mema_unlockPool(heap);
  return true;
}

/* ---- the budget, and pages kept beyond it ------------------------------------------------------------------------------ */

static size_t guaranteedTo(const mema_Pool *pool) {
  return mema_nodeOf(pool) != NULL ? mema_nodeOf(pool)->guaranteed : 0;
}

static bool resize(mema_Pool *pool, mema_Heap *heap, size_t poolSize) {
  size_t live = pool->poolSize - pool->freeSize;
  if (poolSize < guaranteedTo(pool) && live <= guaranteedTo(pool))
    return mema_failFor(mema_belowGuaranteed, poolSize, guaranteedTo(pool));
  if (poolSize < live) return mema_failFor(mema_plainBelowUse, poolSize, live);
  size_t before = pool->freeSize;
  pool->poolSize = poolSize;
  pool->lowWater = pool->freeSize = poolSize - live;
  mema_setSlowPath(pool);
  if (mema_nodeOf(pool) != NULL) mema_setGuard(mema_nodeOf(pool), poolSize);
  mema_noteCrossing(pool, before);
  if (mema_shareOf(heap) != NULL) mema_wakeWaiting(mema_shareOf(heap));
  if (mema_usesParentHeap(pool)) return true;
  mema_setHeapBudgets(heap, poolSize - pool->charged);
  return true;
}

/* True iff the budget of a live pool may be changed. A shared sub-pool's whole budget is guaranteed by its
 * parent, so it may not. */
static bool canResize(const mema_Pool *pool, mema_Kind kind, size_t poolSize) {
  if (poolSize == 0) return mema_failFor(mema_poolSizeIsZero, 0, 0);
  if (poolSize > MEMA_UNLIMITED) return mema_failFor(mema_sizeIsTooLarge, poolSize, MEMA_UNLIMITED);
  const mema_Node *node = __atomic_load_n(&pool->node, __ATOMIC_ACQUIRE); /* another thread may be setting it */
  bool carvedWhole = kind == mema_sharedPool && node != NULL && node->parent != NULL;
  return !carvedWhole || mema_failFor(mema_sharedChildResized, 0, 0);
}

/* Changes the budget and returns the new one; 0: refused. `atLeast`: if more than poolSize is in use or
 * guaranteed, the budget becomes that many bytes. *peakBytes is set to the peak that ends. */
static size_t changeBudget(mema_Pool *pool, size_t poolSize, bool atLeast, size_t *peakBytes) {
  mema_Kind kind = mema_openKind(pool);
  if (kind == mema_noPool || !canResize(pool, kind, poolSize)) return 0;
  mema_Heap *heap = mema_holdPool(pool, false);
  if (heap == NULL) return 0;
  size_t live = pool->poolSize - pool->freeSize, least = live > guaranteedTo(pool) ? live : guaranteedTo(pool);
  if (atLeast && poolSize < least) poolSize = least;
  *peakBytes = pool->poolSize - pool->lowWater;
  bool done = resize(pool, heap, poolSize);
  mema_unlockPool(heap);
  if (!done) return 0;
  if (kind == mema_plainPool) mema_announceLow(pool);
  return poolSize;
}

bool mema_resizePool(mema_Pool *pool, size_t poolSize) {
  size_t peak;
  return changeBudget(pool, poolSize, false, &peak) != 0;
}

size_t mema_shrinkPool(mema_Pool *pool, size_t poolSize) {
  size_t peak;
  return changeBudget(pool, poolSize, true, &peak);
}

size_t mema_sharedRebudget(mema_Pool *pool, size_t poolSize, size_t *peakBytes) {
  return changeBudget(pool, poolSize, true, peakBytes);
}

size_t mema_trimPool(mema_Pool *pool) {
  size_t bytes = 0;
  if (pool != NULL) {
    mema_Heap *first = mema_holdPool(pool, true);
    if (first == NULL) return 0;
    bytes = mema_trimHeaps(first);
    mema_unlockPool(first);
  }
  return bytes + mema_trimWarm();
}

size_t mema_freeSize(const mema_Pool *pool) {
  mema_Heap *heap;
  mema_Kind kind = mema_kindIn(pool, &heap);
  if (kind != mema_sharedPool) return kind != mema_noPool ? pool->freeSize : 0;
  if (!mema_holdQuietly(pool, heap)) return 0;
  size_t bytes = pool->freeSize;
  mema_unlockPool(heap);
  return bytes;
}
