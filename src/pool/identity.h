/* identity.h - the identity of a Pool. Every call first tests whether its Pool lives, and of which kind it
 * is.
 *
 *   seal         the sum of a secret, drawn once per process, the address of the Pool, and the address of its
 *                heap's header. A shared pool has the complement of that sum. So the seal of a copy of a Pool
 *                does not fit, and memory that is no pool fits by chance once in 2^64 times.
 *   generation   a number that no two lives of pools share. The header begins with this number plus the heap's
 *                mode (heap.h), or with 0. So one subtraction tells a live Pool from the restored copy of a
 *                freed one, and yields the mode as well.
 *
 * A header is read only if the seal fits. The header of a slab or arena is never unmapped. The header of a
 * fixed pool lies in the caller's buffer. */
#ifndef MEMA_POOL_IDENTITY_H
#define MEMA_POOL_IDENTITY_H

#include <stdatomic.h>

#include "../base/base.h"
#include "../base/error.h"

/* This is a constant until the first pool is made. */
MEMA_HIDDEN extern _Atomic uintptr_t mema_secret;
/* True once the secret is drawn, unless the program runs under memcheck (checkers.h). */
MEMA_HIDDEN extern _Atomic bool mema_isSettled;

static inline uintptr_t mema_sealOf(const mema_Pool *pool, const mema_Heap *heap) {
  uintptr_t sum = (uintptr_t)pool + (uintptr_t)heap;
#if MEMA_X86_64
  __asm__("addq %1, %0"
          : "+r"(sum)
          : "m"(mema_secret)
          : "cc"); /* gcc does not load atomics in the instruction that uses them */
  return sum;
#else
  return sum + atomic_load_explicit(&mema_secret, memory_order_relaxed);
#endif
}

/* The header that a Pool names. Memory that is no pool names an arbitrary address. */
static inline mema_Heap *mema_heapField(const mema_Pool *pool) {
  return (mema_Heap *)mema_loadWord((const uintptr_t *)(const void *)&pool->heap);
}

/* Returns the distance of a header's generation from the Pool's: the mode of a live pool. */
static inline uintptr_t mema_modeOf(const mema_Pool *pool, const mema_Heap *heap) {
  return mema_loadWord((const uintptr_t *)(const void *)heap) - mema_loadWord(&pool->generation);
}

/* True iff a pool that was found live with this heap is unshared. It reads the seal, not the heap, which may serve
 * another pool by now. False if the Pool was ended meanwhile, even if another pool lives there. */
static inline bool mema_isUnsharedIn(const mema_Pool *pool, const mema_Heap *heap) {
  return mema_loadWord(&pool->seal) == mema_sealOf(pool, heap);
}

/* Like the above, of a pool that no other thread can end now. */
static inline bool mema_isUnshared(const mema_Pool *pool) {
  return mema_isUnsharedIn(pool, mema_heapField(pool));
}

/* True iff a header that is `mode` away from the Pool's generation is that of a live pool. */
static inline bool mema_isMode(uintptr_t mode) {
  return mode <= mema_modeFixed || mode - mema_modeGeneral < mema_generationStep - mema_modeGeneral;
}

/* Returns the header of a Pool sealed as unshared, and its mode; else NULL. The pool is live iff mema_isMode. */
static inline mema_Heap *mema_sealedHeap(const mema_Pool *pool, uintptr_t *mode) {
  if (mema_unlikely(pool == NULL)) return NULL;
  mema_Heap *heap = mema_heapField(pool);
  if (mema_unlikely(mema_loadWord(&pool->seal) != mema_sealOf(pool, heap))) return NULL;
  *mode = mema_modeOf(pool, heap);
  return heap;
}

/* Returns the heap of a live shared pool, else NULL. */
static inline mema_Heap *mema_sharedHeapOf(const mema_Pool *pool) {
  if (mema_unlikely(pool == NULL)) return NULL;
  mema_Heap *heap = mema_heapField(pool);
  if (mema_unlikely(~mema_loadWord(&pool->seal) != mema_sealOf(pool, heap))) return NULL;
  return mema_modeOf(pool, heap) < mema_modeCount ? heap : NULL;
}

/* ---- which kind ---------------------------------------------------------------------------------------------------------- */

typedef enum mema_Kind {
  mema_noPool,
  mema_plainPool,  /* for one thread at a time */
  mema_sharedPool, /* a slab that threads share */
} mema_Kind;

/* tree.c: true iff a sealed Pool that used its parent's heap still does. */
MEMA_HIDDEN bool mema_isInTree(const mema_Pool *pool);

/* Returns the kind of a Pool that is sealed as unshared, by its mode. */
static inline mema_Kind mema_kindByMode(const mema_Pool *pool, uintptr_t mode) {
  if (mema_unlikely(mode >= mema_modeCount)) return mema_isMode(mode) ? mema_plainPool : mema_noPool;
  return mema_likely((mode & mema_modeParentHeap) == 0) || mema_isInTree(pool) ? mema_plainPool : mema_noPool;
}

/* Returns the kind of a Pool, and the header that this answer is about. Another thread may end a shared pool at any
 * time: read the Pool's header once, here, and not again. */
static inline mema_Kind mema_kindIn(const mema_Pool *pool, mema_Heap **header) {
  uintptr_t mode;
  *header = mema_sealedHeap(pool, &mode);
  if (mema_likely(*header != NULL)) return mema_kindByMode(pool, mode);
  *header = mema_sharedHeapOf(pool);
  return *header != NULL ? mema_sharedPool : mema_noPool;
}

static inline mema_Kind mema_kindOf(const mema_Pool *pool) {
  mema_Heap *header;
  return mema_kindIn(pool, &header);
}

/* Like mema_kindIn; notes MEMA_BAD_POOL if the Pool is not live. */
static inline mema_Kind mema_openKindIn(const mema_Pool *pool, mema_Heap **header) {
  mema_Kind kind = mema_kindIn(pool, header);
  if (mema_unlikely(kind == mema_noPool)) mema_fail(MEMA_BAD_POOL);
  return kind;
}

static inline mema_Kind mema_openKind(const mema_Pool *pool) {
  mema_Heap *header;
  return mema_openKindIn(pool, &header);
}

/* identity.c: does the work of mema_isLivePool until mema_isSettled is true. */
MEMA_HIDDEN MEMA_SLOW bool mema_isLiveUnsettled(const mema_Pool *pool);

/* True iff a Pool, which may be undefined memory, is a live pool. The secret is drawn when this returns. */
static inline bool mema_isLivePool(const mema_Pool *pool) {
  bool settled = atomic_load_explicit(&mema_isSettled, memory_order_acquire);
  return mema_likely(settled) ? mema_kindOf(pool) != mema_noPool : mema_isLiveUnsettled(pool);
}

/* Returns the heap of a live pool, else NULL. */
static inline mema_Heap *mema_heapOf(const mema_Pool *pool) {
  mema_Heap *heap;
  return mema_kindIn(pool, &heap) != mema_noPool ? heap : NULL;
}

/* Like mema_heapOf, and notes MEMA_BAD_POOL for NULL. */
static inline mema_Heap *mema_openPool(const mema_Pool *pool) {
  mema_Heap *heap = mema_heapOf(pool);
  if (mema_unlikely(heap == NULL)) mema_fail(MEMA_BAD_POOL);
  return heap;
}

/* ---- identity.c ---------------------------------------------------------------------------------------------------------- */

/* Note MEMA_BAD_POOL. They are for tail calls: common paths then need no stack frame. */
MEMA_HIDDEN MEMA_SLOW void *mema_nullForBadPool(void);
MEMA_HIDDEN MEMA_SLOW bool mema_falseForBadPool(void);

/* Returns a generation that no pool has used, never 0. It comes from the numbers that `lives` has left, if
 * there are any. */
MEMA_HIDDEN uintptr_t mema_nextGeneration(uintptr_t *lives);
/* Sets a Pool's identity. The header has the generation already. */
MEMA_HIDDEN void mema_identify(mema_Pool *pool, mema_Heap *heap, uintptr_t generation, bool shared);

#endif
