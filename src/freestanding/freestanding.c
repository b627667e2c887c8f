/* freestanding.c - libmema-fixed.a: the public calls for fixed pools alone, without a C library or an operating
 * system. The general paths are those of the hosted library; alone.h stands for the rooms that it leaves out.
 *
 * It differs from the hosted library (docs/design.md, "The fixed engine") in these points. It refuses
 * (MEMA_BAD_ARGUMENT) pools with another engine than MEMA_FIXED, and pools with a fallback. It does not print or
 * draw. It has no errno. The last failure is one for the whole program, not one for each thread. The secret in the
 * seals is a constant, mixed with addresses, so a program can forge a Pool on purpose.
 *
 * gcc and clang generate calls of memcpy, memmove and memset, whatever the flags. For programs without these
 * functions, this file defines weak ones. They are marked as used, since optimization at link time finds no call of them
 * before it generates one. */
#include "../heap/engines.h"
#include "../pool/fixedChunk.h"
#include "alone.h"

const mema_HeapOps *const mema_engines[] = {[MEMA_FIXED] = &mema_fixedOps};
const unsigned mema_engineCount = sizeof mema_engines / sizeof mema_engines[0];

/* ---- functions that compilers call --------------------------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN_LOOP __attribute__((optimize("no-tree-loop-distribute-patterns")))
#else
#define PLAIN_LOOP
#endif

MEMA_PUBLIC void *memcpy(void *restrict to, const void *restrict from, size_t n);
MEMA_PUBLIC void *memmove(void *to, const void *from, size_t n);
MEMA_PUBLIC void *memset(void *to, int byte, size_t n);

__attribute__((weak, used)) PLAIN_LOOP void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  volatile char *target = to; /* volatile: else the compiler makes the loop a call of memcpy */
  const char *source = from;
  while (n-- > 0) *target++ = *source++;
  return to;
}

__attribute__((weak, used)) PLAIN_LOOP void *memmove(void *to, const void *from, size_t n) {
  volatile char *target = to;
  const volatile char *source = from;
  if ((uintptr_t)to <= (uintptr_t)from) {
    for (size_t i = 0; i < n; i++) target[i] = source[i];
  } else {
    while (n-- > 0) target[n] = source[n];
  }
  return to;
}

__attribute__((weak, used)) PLAIN_LOOP void *memset(void *to, int byte, size_t n) {
  volatile char *target = to;
  while (n-- > 0) *target++ = (char)byte;
  return to;
}

/* ---- identity ------------------------------------------------------------------------------------------------------------ */

_Atomic uintptr_t mema_secret = (uintptr_t)0x9E3779B97F4A7C15u;

/* The shadow of the three words that mema_aloneHeap reads is enough. */
bool mema_isLiveUnsettled(const mema_Pool *pool) {
  enum { looked = offsetof(mema_Pool, heap) + sizeof(void *) - offsetof(mema_Pool, seal) };
  uint8_t shadow[looked];
  bool lifted = mema_liftShadow(&pool->seal, shadow, looked), live = mema_aloneHeap(pool) != NULL;
  if (lifted) mema_restoreShadow(&pool->seal, shadow, looked);
  return live;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the hosted library writes it */
uintptr_t mema_nextGeneration(uintptr_t *lives) {
  static _Atomic uintptr_t generations;
  (void)lives;
  return (atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1) * mema_generationStep;
}

void mema_identify(mema_Pool *pool, mema_Heap *heap, uintptr_t generation, bool shared) {
  (void)shared;
  pool->generation = generation;
  pool->heap = heap;
  pool->seal = mema_sealOf(pool, heap);
}

/* ---- what alone.h asks for ------------------------------------------------------------------------------------------------ */

mema_Heap *mema_aloneHeap(const mema_Pool *pool) {
  uintptr_t mode;
  mema_Heap *heap = mema_sealedHeap(pool, &mode);
  return heap != NULL && mema_isMode(mode) ? heap : NULL;
}

mema_Heap *mema_openAlone(const mema_Pool *pool) {
  mema_Heap *heap = mema_aloneHeap(pool);
  if (heap == NULL) mema_fail(MEMA_BAD_POOL);
  return heap;
}

void mema_noteLowAlone(mema_Pool *pool) {
  if (pool->freeSize < pool->lowWater) pool->lowWater = pool->freeSize;
  pool->slowPathBelow = pool->lowWater;
}

bool mema_hasRoomAlone(mema_Pool *pool, size_t bytes) {
  if (bytes <= pool->freeSize) return true;
  mema_refuse(pool, MEMA_OVER_BUDGET, bytes);
  return false;
}

/* ---- the calls on chunks --------------------------------------------------------------------------------------------------- */

void *mema_palloc(mema_Pool *pool, size_t size) {
  mema_Heap *heap = mema_openAlone(pool);
  if (heap == NULL) return NULL;
  return heap->mode == mema_modeFixed ? mema_fixedPalloc(pool, size, mema_fixedIn(heap)) : mema_pallocSlow(pool, size, heap);
}

bool mema_pfree(mema_Pool *pool, void *ptr) {
  mema_Heap *heap = mema_openAlone(pool);
  if (heap == NULL) return false;
  return heap->mode == mema_modeFixed ? mema_fixedPfree(pool, ptr, mema_fixedIn(heap)) : mema_pfreeSlow(pool, ptr, heap);
}

void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) {
  if (ptr == NULL) return mema_palloc(pool, size);
  mema_Heap *heap = mema_openAlone(pool);
  return heap != NULL ? mema_changeChunk(pool, ptr, size, heap) : NULL;
}

void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    if (mema_openAlone(pool) != NULL) mema_refuseFor(pool, mema_productOverflows, count, size);
    return NULL;
  }
  void *ptr = mema_palloc(pool, bytes);
  return ptr != NULL ? __builtin_memset(ptr, 0, bytes + (bytes == 0)) : NULL;
}

void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size) {
  mema_Heap *heap = mema_openAlone(pool);
  mema_Chunk chunk;
  if (heap == NULL) return NULL;
  bool isPower = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (isPower && alignment <= (size_t)1 << 30) return mema_allocate(pool, heap, size, alignment, &chunk) ? chunk.ptr : NULL;
  mema_refuseFor(pool, isPower ? mema_alignmentIsLarge : mema_alignmentIsBad, isPower ? size : alignment, alignment);
  return NULL;
}

MEMA_NOINLINE size_t mema_chunkSize(const mema_Pool *pool, const void *ptr) {
  mema_Heap *heap = mema_aloneHeap(pool);
  mema_Chunk chunk;
  return heap != NULL && mema_findChunk(heap, ptr, &chunk) ? mema_sizeOf(pool, &chunk) : 0;
}

bool mema_ownsChunk(const mema_Pool *pool, const void *ptr) {
  return mema_chunkSize(pool, ptr) != 0;
}

size_t mema_largestChunk(const mema_Pool *pool) {
  mema_Heap *heap = mema_aloneHeap(pool);
  return heap != NULL ? mema_largestIn(pool, heap, pool->freeSize) : 0;
}
