/* chunk.c - palloc and pfree.
 *
 *   palloc:  is it a pool? -> has the budget room? -> a slot (slab.h) -> the budget is charged, the chain grows
 *   pfree:   is it a pool? -> which slot, and is it live? (slab.h) -> the chain shrinks, the budget is credited -> the bit is set
 *
 * The common path of each is inline down to the bitmap and calls nothing; everything else is a tail call to the general one.
 */
#include <string.h>

#include "fixed/fixedPool.h"
#include "memory/os.h"
#include "pool.h"
#include "threads/share.h"

/* Bytes: a slab outside the reservation is at least so large, where the system has it; and is no larger than that of itself. */
static const size_t outsideMin = (size_t)1 << 20, outsideMax = (size_t)1 << 40;

void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  pool->refused++;
  mema_failBytes(reason, reason == MEMA_TOO_LARGE ? 0 : wanted, reason == MEMA_OVER_BUDGET ? pool->freeSize : 0);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

/* Another slab for a pool whose slabs have no room, as large as all of them outside so far, so that their number stays small
 * (each search walks them); the system may give less. It goes last: the older ones are tried first. */
static mema_Slab *addSlab(mema_Pool *pool, mema_Slab *first, size_t size, size_t alignment) {
  if (size > MEMA_UNLIMITED / 4 || alignment > MEMA_UNLIMITED / 4) return NULL;
  mema_Slab *last = first;
  size_t outside = 0;
  for (; last->next != NULL; last = last->next) outside += last->next->areaSize;
  size_t least = mema_roundUp(size + (alignment > mema_osPageSize() ? alignment : 0), 64 * 1024),
         span = mema_spanUnitsMax << first->unitShift;
  size_t area = outside;
  if (least < span) least = span; /* room for a span of any class */
  if (area < outsideMin) area = outsideMin;
  if (area > outsideMax) area = outsideMax;
  if (area < least) area = least;
  mema_SlabPlan plan = {.area = mema_roundUp(area, 64 * 1024),
                        .least = least,
                        .unitShift = first->unitShift,
                        .budget = pool->poolSize - pool->charged,
                        .records = !pool->untracked,
                        .outside = true};
  last->next = mema_slabOpen(&plan);
  return last->next;
}

bool mema_takeMemory(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  for (mema_Slab *each = slab; each != NULL; each = each->next)
    if (mema_slabTake(each, size, alignment, chunk)) return true;
  mema_Slab *added = addSlab(pool, slab, size, alignment);
  return added != NULL && mema_slabTake(added, size, alignment, chunk);
}

/* When one becomes empty another empty one goes, but not the only one: a chunk taken and freed again and again would map and
 * unmap each time. */
size_t mema_dropEmptySlabs(mema_Slab *first, unsigned keep) {
  size_t bytes = 0;
  for (mema_Slab **link = &first->next; *link != NULL;) {
    mema_Slab *slab = *link;
    if (slab->liveChunks != 0 || keep > 0) {
      if (slab->liveChunks == 0) keep--;
      link = &slab->next;
    } else {
      *link = slab->next;
      bytes += mema_slabFootprint(slab);
      mema_slabClose(slab);
    }
  }
  return bytes;
}

void mema_giveMemory(mema_Slab *first, const mema_Chunk *chunk) {
  mema_Slab *slab = chunk->slab;
  mema_slabGive(slab, chunk);
  if (slab->outside && --slab->liveChunks == 0) mema_dropEmptySlabs(first, 1);
}

/* ---- palloc ------------------------------------------------------------------------------------------------------------ */

bool mema_allocate(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  if (size > MEMA_UNLIMITED) {
    mema_refuse(pool, MEMA_TOO_LARGE, size);
    return false;
  }
  size += size == 0;
  size_t charge = pool->untracked ? mema_slabRoom(slab, size, alignment) : size;
  if (charge > pool->freeSize) {
    mema_refuse(pool, MEMA_OVER_BUDGET, charge);
    return false;
  }
  if (!mema_takeMemory(pool, slab, size, alignment, chunk)) {
    mema_refuse(pool, MEMA_NO_MEMORY, size);
    return false;
  }
  if (chunk->slab->outside) chunk->slab->liveChunks++;
  if (!pool->untracked) {
    mema_linkBlock(pool, chunk->record, chunk->ptr, size);
    chunk->record->poolAllocated = !chunk->slab->outside;
  }
  return mema_charge(pool, charge); /* true: it was asked before */
}

/* For tail calls: the common paths below then need no stack frame. */
static MEMA_SLOW void *nullForBadPool(void) {
  mema_fail(MEMA_BAD_POOL);
  return NULL;
}

static MEMA_SLOW bool falseForBadPool(void) {
  mema_fail(MEMA_BAD_POOL);
  return false;
}

static MEMA_SLOW void *pallocSlow(mema_Pool *pool, mema_Slab *slab, size_t size) {
  mema_Chunk chunk;
  return mema_allocate(pool, slab, size, MEMA_ALIGNMENT, &chunk) ? chunk.ptr : NULL;
}

static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size);

/* A chunk of at most the class's slot size. `ways` is a constant: each variant becomes a function of its own, in which nothing is asked
 * that is known beforehand, and no register has to be saved. */
static MEMA_INLINE void *pallocBy(unsigned ways, mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  size_t slotSize = class->slotSize, charge = (ways & mema_withRecords) != 0 ? size + (size == 0) : slotSize, record;
  char *ptr;
  if ((ways & mema_withMagazines) != 0) {
    if (mema_unlikely(class->top == class->bottom)) return pallocRefill(pool, slab, class, size);
    if (mema_unlikely(!mema_charge(pool, charge))) return pallocSlow(pool, slab, size);
    const mema_FreeSlot *slot = mema_takeRecent(class);
    ptr = slot->ptr;
    record = slot->record;
  } else {
    uint64_t *word = class->word, free = *word;
    if (mema_unlikely(free == 0)) return pallocRefill(pool, slab, class, size);
    if (mema_unlikely(!mema_charge(pool, charge))) return pallocSlow(pool, slab, size);
    uint64_t bit = mema_takeSlot(slab, class, word, free);
    slab->lastPtr = ptr = class->base + bit * slotSize;
    record = class->firstRecord + bit;
  }
  if ((ways & mema_withRecords) != 0) mema_linkBlock(pool, slab->records + record, ptr, charge);
  return ptr;
}

static MEMA_NOINLINE void *pallocWord(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  return pallocBy(0, pool, slab, class, size);
}

static MEMA_NOINLINE void *pallocWordTracked(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  return pallocBy(mema_withRecords, pool, slab, class, size);
}

static MEMA_NOINLINE void *pallocRecent(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  return pallocBy(mema_withMagazines, pool, slab, class, size);
}

static MEMA_NOINLINE void *pallocRecentTracked(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  return pallocBy(mema_withRecords | mema_withMagazines, pool, slab, class, size);
}

/* `ways` are plain ones, or the pool is none. */
static MEMA_INLINE void *pallocClass(uintptr_t ways, mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  if (ways == 0) return pallocWord(pool, slab, class, size);
  if (ways == mema_withRecords) return pallocWordTracked(pool, slab, class, size);
  if (ways == mema_withMagazines) return pallocRecent(pool, slab, class, size);
  return ways <= mema_plainWays ? pallocRecentTracked(pool, slab, class, size) : nullForBadPool();
}

/* The class has no slot at hand. (A refill need not keep an alignment beyond MEMA_ALIGNMENT: mema_pmemalign does not come here.) */
static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, mema_Slab *slab, mema_SlotClass *class, size_t size) {
  size_t charge = pool->untracked ? class->slotSize : size + (size == 0);
  if (charge > pool->freeSize || !mema_slabRefill(slab, (unsigned)(class - slab->classes)))
    return pallocSlow(pool, slab, size);
  return pallocClass(slab->ways & mema_plainWays, pool, slab, class, size);
}

/* Any size, in a pool that no other thread is in. */
static MEMA_INLINE void *pallocAny(mema_Pool *pool, mema_Slab *slab, size_t size) {
  unsigned index = mema_slabClass(slab, size, MEMA_ALIGNMENT);
  if (index == slab->classCount) return pallocSlow(pool, slab, size);
  return pallocClass(slab->ways & mema_plainWays, pool, slab, &slab->classes[index], size);
}

void *mema_pallocTurn(mema_Pool *pool, mema_Slab *slab, size_t size) {
  return pallocAny(pool, slab, size);
}

/* A size that the byte table does not have. */
static MEMA_NOINLINE void *pallocLarger(mema_Pool *pool, size_t size) {
  uintptr_t ways = mema_allWays;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  return ways <= mema_plainWays ? pallocAny(pool, slab, size) : nullForBadPool();
}

void *mema_palloc(mema_Pool *pool, size_t size) {
  uintptr_t ways;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  if (slab == NULL) return mema_sharedPalloc(pool, size);
  if (mema_unlikely(size > mema_tableMax)) return pallocLarger(pool, size);
  mema_SlotClass *class = mema_smallClass(slab, size);
  return ways == 0 ? pallocBy(0, pool, slab, class, size) : pallocClass(ways, pool, slab, class, size);
}

/* ---- pfree ------------------------------------------------------------------------------------------------------------- */

static inline void credit(mema_Pool *pool, size_t charge) {
  pool->freeSize += charge;
  pool->frees++;
}

/* The same for a tracked chunk, whose Block leaves the chain. */
static inline void creditBlock(mema_Pool *pool, const mema_Block *block) {
  mema_unlinkBlock(pool, block);
  credit(pool, block->size);
}

static MEMA_SLOW bool pfreeSlow(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  mema_Chunk chunk;
  if (!mema_findChunk(slab, ptr, &chunk)) {
    pool->badFrees += ptr != NULL;
    mema_fail(MEMA_BAD_POINTER);
    return false;
  }
  if (pool->untracked) {
    credit(pool, chunk.room);
  } else {
    creditBlock(pool, chunk.record);
  }
  mema_giveMemory(slab, &chunk);
  return true;
}

/* The chunk handed out last, whose slot is marked free already. */
static MEMA_INLINE bool pfreeLastBy(unsigned ways, mema_Pool *pool, mema_Slab *slab) {
  const mema_SlotClass *class = mema_lastClass(slab);
  if ((ways & mema_withRecords) != 0) {
    creditBlock(pool, slab->records + class->firstRecord + slab->lastSlot % 64);
  } else {
    credit(pool, class->slotSize);
  }
  return true;
}

static MEMA_NOINLINE bool pfreeLast(mema_Pool *pool, mema_Slab *slab) {
  return pfreeLastBy(0, pool, slab);
}

static MEMA_NOINLINE bool pfreeLastTracked(mema_Pool *pool, mema_Slab *slab) {
  return pfreeLastBy(mema_withRecords, pool, slab);
}

/* `ways` as for pallocBy. */
static MEMA_INLINE bool pfreeBy(unsigned ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if ((ways & mema_withMagazines) == 0 && mema_giveLast(slab, ptr))
    return (ways & mema_withRecords) != 0 ? pfreeLastTracked(pool, slab) : pfreeLast(pool, slab);
  size_t slot;
  mema_Span *span = mema_anySlot(slab, ptr, &slot);
  if (mema_unlikely(span == NULL)) return pfreeSlow(pool, slab, ptr);
  uint64_t *word = &span->bitmap[slot / 64], before = *word, after;
  if (mema_unlikely(mema_setBit(before, slot, &after))) return pfreeSlow(pool, slab, ptr);
  *word = after;
  if ((ways & mema_withRecords) != 0) {
    creditBlock(pool, slab->records + span->firstRecord + slot);
  } else {
    credit(pool, span->slotSize);
  }
  if ((ways & mema_withMagazines) == 0) return mema_noteGiven(slab, span, slot, before, after);
  return mema_keepRecent(&slab->classes[span->class], ptr, word, UINT64_C(1) << slot % 64, span->firstRecord + slot) ||
         mema_slabNote(slab, span, (uint32_t)(slot / 64));
}

static MEMA_NOINLINE bool pfreeTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_withRecords, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeRecent(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_withMagazines, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeRecentTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_withRecords | mema_withMagazines, pool, slab, ptr);
}

/* Of a pool that no other thread is in, if it is one; with other ways than none. */
static MEMA_INLINE bool pfreeClass(uintptr_t ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if (ways == mema_withRecords) return pfreeTracked(pool, slab, ptr);
  if (ways == mema_withMagazines) return pfreeRecent(pool, slab, ptr);
  return ways <= mema_plainWays ? pfreeRecentTracked(pool, slab, ptr) : falseForBadPool();
}

bool mema_pfreeTurn(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  uintptr_t ways = slab->ways & mema_plainWays;
  return ways == 0 ? pfreeBy(0, pool, slab, ptr) : pfreeClass(ways, pool, slab, ptr);
}

bool mema_pfree(mema_Pool *pool, void *ptr) {
  uintptr_t ways;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  if (slab == NULL) return mema_sharedPfree(pool, ptr);
  return ways == 0 ? pfreeBy(0, pool, slab, ptr) : pfreeClass(ways, pool, slab, ptr);
}

/* ---- the calls beside them --------------------------------------------------------------------------------------------- */

static void *refuseCall(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  bool isFixed = mema_fixedOf(pool) != NULL;
  if (isFixed) mema_refuse(pool, reason, wanted);
  mema_Slab *slab = isFixed ? NULL : mema_beginTurn(pool);
  if (slab == NULL) return NULL;
  mema_refuse(pool, reason, wanted);
  mema_unlockPool(slab);
  return NULL;
}

static void *takeAny(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, bool *zeroed) {
  mema_Chunk chunk;
  if (mema_hasShards(slab)) return mema_sharedTake(slab, size, alignment, zeroed);
  if (!mema_allocate(pool, slab, size, alignment, &chunk)) return NULL;
  *zeroed = chunk.zeroed;
  return chunk.ptr;
}

/* Of a fixed pool, or of none. */
static MEMA_NOINLINE void *allocateElse(mema_Pool *pool, size_t size, size_t alignment) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  return fixed != NULL ? mema_fixedPmemalign(pool, fixed, alignment, size) : nullForBadPool();
}

/* Any chunk, of any pool; *zeroed: its bytes are known to be zero. */
static void *allocateInTurn(mema_Pool *pool, size_t size, size_t alignment, bool *zeroed) {
  *zeroed = false;
  mema_Slab *slab = mema_slabOf(pool);
  if (mema_unlikely(slab == NULL)) return allocateElse(pool, size, alignment);
  if (!mema_isPlain(pool, slab) && !mema_lockPool(pool, slab)) return NULL;
  void *ptr = takeAny(pool, slab, size, alignment, zeroed);
  mema_unlockPool(slab);
  return ptr;
}

void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) {
  size_t bytes;
  bool overflow = __builtin_mul_overflow(count, size, &bytes), zeroed;
  if (mema_likely(!overflow && bytes <= mema_slotMax)) {
    void *ptr = mema_palloc(pool, bytes);
    return ptr != NULL ? memset(ptr, 0, bytes + (bytes == 0)) : NULL;
  }
  if (overflow) return refuseCall(pool, MEMA_OVERFLOW, 0);
  void *ptr = allocateInTurn(pool, bytes, MEMA_ALIGNMENT, &zeroed);
  return ptr == NULL || zeroed ? ptr : memset(ptr, 0, bytes);
}

void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size) {
  bool zeroed;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) return refuseCall(pool, MEMA_BAD_ALIGNMENT, 0);
  if (alignment > (size_t)1 << 30) return refuseCall(pool, MEMA_NO_MEMORY, size);
  mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL) return allocateElse(pool, size, alignment);
  if (mema_isPlain(pool, slab)) {
    unsigned index = mema_slabClass(slab, size, alignment);
    mema_SlotClass *class = &slab->classes[index];
    if (index < slab->classCount && mema_slotAtHand(class) && class->slotSize <= pool->freeSize)
      return pallocClass(slab->ways, pool, slab, class, size);
  } else {
    void *ptr = mema_sharedAligned(pool, alignment, size);
    if (ptr != NULL) return ptr;
  }
  return allocateInTurn(pool, size, alignment, &zeroed);
}

size_t mema_chunkSize(const mema_Pool *pool, const void *ptr) {
  mema_Chunk chunk;
  mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL) {
    mema_Fixed *fixed = mema_fixedOf(pool);
    return fixed != NULL ? mema_fixedChunkSize(pool, fixed, ptr) : 0;
  }
  if (!mema_isPlain(pool, slab)) return mema_sharedChunkSize(pool, slab, ptr);
  return mema_findChunk(slab, ptr, &chunk) ? mema_chargeOf(pool, &chunk) : 0;
}

bool mema_ownsChunk(const mema_Pool *pool, const void *ptr) {
  return mema_chunkSize(pool, ptr) != 0;
}
