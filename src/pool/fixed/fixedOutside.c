/* fixedOutside.c - the chunks of a fixed pool that its buffer has no room for. If options.fallback allows
 * them, they lie in slabs of the system's. The first such slab stays until the pool is reset or freed; the
 * other slabs go when they are empty (mema_giveMemory). */
#include "../../heap/slab/slabCheck.h"
#include "../../heap/slab/source.h"
#include "../../heap/heapList.h"
#include "../../heap/reservation.h"
#include "fixedPool.h"

enum { areaLeast = 1 << 20, areaStep = 64 * 1024 };

static mema_Slab *open(const mema_Pool *pool, size_t size, size_t alignment) {
  if (size > MEMA_UNLIMITED / 4 || alignment > MEMA_UNLIMITED / 4) return NULL;
  size_t least = mema_roundUp(size + (alignment > mema_osPageSize() ? alignment : 0), areaStep);
  mema_SlabPlan plan = {.area = least < areaLeast ? areaLeast : least,
                        .least = least,
                        .budget = pool->poolSize - pool->charged,
                        .records = !pool->untracked,
                        .outside = true,
                        .bound = pool->bound,
                        .layout = &mema_slabLayout};
  return mema_slabOpen(&plan);
}

size_t mema_outsideRoom(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment) {
  if (fixed->outside == NULL) fixed->outside = open(pool, size, alignment);
  return fixed->outside != NULL ? mema_slabRoom(&fixed->outside->heap, size, alignment) : 0;
}

size_t mema_outsideLargest(const mema_Pool *pool, mema_Fixed *fixed) {
  if (fixed->outside == NULL) fixed->outside = open(pool, 1, MEMA_ALIGNMENT);
  size_t room = pool->freeSize > fixed->beside ? pool->freeSize - fixed->beside : 0;
  return fixed->outside != NULL ? mema_slabLargest(&fixed->outside->heap, room) : 0;
}

bool mema_outsideTake(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment, mema_Chunk *chunk) {
  (void)pool;
  return mema_takeMemory(&fixed->outside->heap, size, alignment, chunk);
}

bool mema_outsideFind(const mema_Fixed *fixed, const void *ptr, mema_Chunk *chunk) {
  return fixed->outside != NULL && mema_findChunk(&fixed->outside->heap, ptr, chunk);
}

void mema_outsideGive(mema_Fixed *fixed, const mema_Chunk *chunk) {
  mema_giveMemory(&fixed->outside->heap, chunk);
}

bool mema_outsideStretch(mema_Chunk *chunk, size_t size) {
  return chunk->heap->ops->stretch(chunk->heap, chunk, size);
}

bool mema_outsideHolds(const mema_Fixed *fixed, const mema_Block *block) {
  for (const mema_Slab *slab = fixed->outside; slab != NULL; slab = mema_nextSlab(slab)) {
    uintptr_t offset = (uintptr_t)block - (uintptr_t)slab->records;
    size_t index = offset / sizeof(mema_Block);
    if (slab->records == NULL || offset % sizeof(mema_Block) != 0) continue;
    if (index < slab->recordRanges.nearNext ||
        (index >= slab->recordRanges.mainFirst && index < slab->recordRanges.mainNext))
      return true;
  }
  return false;
}

void mema_outsideClose(mema_Fixed *fixed) {
  for (mema_Slab *slab = fixed->outside, *next; slab != NULL; slab = next) {
    next = mema_nextSlab(slab);
    mema_slabClose(&slab->heap);
  }
  fixed->outside = NULL;
}

void mema_outsideStats(const mema_Fixed *fixed, mema_Stats *stats) {
  for (const mema_Slab *slab = fixed->outside; slab != NULL; slab = mema_nextSlab(slab)) {
    stats->outsideChunks += slab->liveChunks;
    stats->reservation += slab->areaSize;
    stats->footprint += mema_slabFootprint(&slab->heap);
  }
}

const char *mema_outsideCheck(const mema_Fixed *fixed, size_t *chunks, size_t *bytes) {
  for (mema_Slab *slab = fixed->outside; slab != NULL; slab = mema_nextSlab(slab)) {
    size_t before = *chunks;
    const char *broken = mema_slabCheck(&slab->heap, chunks, bytes);
    if (broken != NULL) return broken;
    if (*chunks - before != slab->liveChunks) return "a slab outside the buffer counts its chunks";
  }
  return NULL;
}

size_t mema_outsideTrim(mema_Fixed *fixed) {
  if (fixed->outside == NULL) return 0;
  return mema_trimHeaps(&fixed->outside->heap);
}
