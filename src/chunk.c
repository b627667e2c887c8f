/* chunk.c - palloc and pfree.
 *
 *   palloc:  is it a pool? -> has the budget room? -> a slot (slab.h) -> the budget is charged, the chain grows
 *   pfree:   is it a pool? -> which slot, and is it live? (slab.h) -> the bit is set, the budget is credited, the chain shrinks
 *
 * (In a family the bit comes last, since the general path may have to take over. For arenas see arena.h.)
 *
 * The common path of each is inline down to the bitmap and calls nothing; everything else is a tail call to the general one.
 */
#include <string.h>

#include "engines/arena.h"
#include "family/kin.h"
#include "fixed/fixedPool.h"
#include "memory/os.h"
#include "pressure.h"
#include "threads/share.h"

/* Bytes: a slab outside the reservation is at least so large, where the system has it; and is no larger than that of itself. */
static const size_t outsideMin = (size_t)1 << 20, outsideMax = (size_t)1 << 40;

void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  size_t available =
      pool->freeSize < wanted ? pool->freeSize : wanted - 1; /* who was asked for room may have freed enough, and said no */
  pool->refused++;
  mema_failBytes(reason, reason == MEMA_TOO_LARGE ? 0 : wanted, reason == MEMA_OVER_BUDGET ? available : 0);
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
                        .records = !pool->untracked || mema_isArena(first),
                        .outside = true,
                        .like = first};
  last->next = mema_slabOpen(&plan);
  return last->next;
}

bool mema_takeMemory(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Slab *each = slab; /* there is one */
  do {
    if (mema_slabTake(each, size, alignment, chunk)) return true;
    each = each->next;
  } while (each != NULL);
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

/* Takes the memory of a request that may have to wait for others to make room; false: refused, and counted. */
static bool takeMemoryAndRoom(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, size_t charge,
                              mema_Chunk *chunk) {
  for (;;) {
    /* Other threads may take a shared root's budget meanwhile: whether there is room is told by charging it. */
    bool ask = charge > pool->freeSize || (mema_isBelow(pool) && !mema_isContended(pool));
    if (ask && !mema_makeRoom(pool, charge)) return false;
    if (mema_takeMemory(pool, slab, size, alignment, chunk)) return true;
    if (mema_askExhausted(pool, size)) continue;
    mema_refuse(pool, MEMA_NO_MEMORY, size);
    return false;
  }
}

/* Charges a chunk that was taken. False iff a shared root has no room. */
static bool chargeTaken(mema_Pool *pool, size_t charge) {
  if (!mema_isBelow(pool) && !pool->watched) return mema_charge(pool, charge); /* true: it was asked before */
  if (!mema_chargeLevels(pool, charge)) return false;
  pool->allocations++;
  if (pool->watched) mema_setWatch(pool);
  return true;
}

bool mema_allocate(mema_Pool *pool, mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  if (size > MEMA_UNLIMITED || mema_failsOnPurpose(pool)) {
    mema_refuse(pool, size > MEMA_UNLIMITED ? MEMA_TOO_LARGE : MEMA_INJECTED, size);
    return false;
  }
  size += size == 0;
  size_t charge = pool->untracked ? mema_slabRoom(slab, size, alignment) : size;
  for (bool again = false;; again = true) {
    if (!takeMemoryAndRoom(pool, slab, size, alignment, charge, chunk)) return false;
    if (chunk->slab->outside) chunk->slab->liveChunks++;
    if (chargeTaken(pool, charge)) break;
    mema_giveMemory(slab, chunk);
    if (again) return mema_refuseLevels(pool, charge);
    if (!mema_makeRoom(pool, charge)) return false;
  }
  if (!pool->untracked) {
    mema_linkBlock(pool, chunk->record, chunk->ptr, size);
    chunk->record->poolAllocated = !chunk->slab->outside;
  } else if (chunk->record != NULL) { /* outside an arena: see marks.c */
    chunk->record->size = charge;
    mema_setStamp(chunk->record, pool->stamp);
  }
  mema_announceLow(pool);
  return true;
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

static MEMA_SLOW void *pallocSlow(mema_Pool *pool, size_t size, mema_Slab *slab) {
  mema_Chunk chunk;
  return mema_allocate(pool, slab, size, MEMA_ALIGNMENT, &chunk) ? chunk.ptr : NULL;
}

static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class);

static MEMA_INLINE bool chargeBy(unsigned ways, mema_Pool *pool, size_t charge) {
  return (ways & mema_inFamily) != 0 ? mema_chargeChild(pool, charge) : mema_charge(pool, charge);
}

/* A chunk of at most the class's slot size. `ways` is a constant: each variant becomes a function of its own, in which nothing is asked
 * that is known beforehand, and no register has to be saved. */
static MEMA_INLINE void *pallocBy(unsigned ways, mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  if ((ways & mema_inFamily) != 0 && mema_unlikely(!mema_kinLives(pool))) return nullForBadPool();
  size_t slotSize = class->slotSize, charge = (ways & mema_withRecords) != 0 ? size + (size == 0) : slotSize;
  mema_Block *record;
  char *ptr;
  if ((ways & mema_withMagazines) != 0) {
    if (mema_unlikely(class->top == class->bottom)) return pallocRefill(pool, size, slab, class);
    if (mema_unlikely(!chargeBy(ways, pool, charge))) return pallocSlow(pool, size, slab);
    const mema_FreeSlot *slot = mema_takeRecent(class);
    ptr = slot->ptr;
    record = slot->record;
  } else {
    uint64_t *word = class->word, free = *word;
    if (mema_unlikely(free == 0)) return pallocRefill(pool, size, slab, class);
    if (mema_unlikely(!chargeBy(ways, pool, charge))) return pallocSlow(pool, size, slab);
    uint64_t bit = mema_takeSlot(slab, class, word, free);
    slab->lastPtr = ptr = class->base + bit * slotSize;
    record = (ways & mema_withRecords) != 0 ? slab->records + class->firstRecord + bit : NULL;
  }
  if ((ways & mema_withRecords) != 0) mema_linkBlock(pool, record, ptr, charge);
  return ptr;
}

static MEMA_NOINLINE void *pallocWord(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(0, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocWordTracked(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_withRecords, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocRecent(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_withMagazines, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocRecentTracked(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_withRecords | mema_withMagazines, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocFamily(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class);

static MEMA_NOINLINE void *pallocKinRecentTracked(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_inFamily | mema_withRecords | mema_withMagazines, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocKinWordTracked(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_inFamily | mema_withRecords, pool, size, slab, class);
}

/* The ways of most pools in families: tracked sub-pools, and their parents; */
static MEMA_INLINE bool isWordsOfKin(uintptr_t ways) {
  return (ways & ~(uintptr_t)mema_borrows) == (mema_inFamily | mema_withRecords);
}

/* the same of large ones. */
static MEMA_INLINE bool isRecentOfKin(uintptr_t ways) {
  return (ways & ~(uintptr_t)mema_borrows) == (mema_inFamily | mema_withRecords | mema_withMagazines);
}

/* A chunk of an arena. */
static MEMA_INLINE void *pallocBump(unsigned ways, mema_Pool *pool, size_t size, mema_Slab *slab) {
  if ((ways & mema_inFamily) != 0 && mema_unlikely(!mema_kinLives(pool))) return nullForBadPool();
  mema_Arena *arena = mema_arenaOf(slab);
  bool records = (ways & mema_withRecords) != 0;
  size_t grains = mema_grainsFor(size), grain = arena->bump, end = grain + grains;
  if (mema_unlikely(end > arena->limit)) return pallocSlow(pool, size, slab);
  if (records && mema_unlikely(arena->pieces >= arena->pieceLimit)) return pallocSlow(pool, size, slab);
  size_t charge = records ? size + (size == 0) : grains << mema_grainLog;
  if (mema_unlikely(!chargeBy(ways, pool, charge))) return pallocSlow(pool, size, slab);
  uint32_t piece = mema_arenaPut(arena, records, (uint32_t)grain, (uint32_t)end);
  char *ptr = mema_grainAddress(slab, (uint32_t)grain);
  if (records) mema_linkBlock(pool, slab->records + piece, ptr, charge);
  return ptr;
}

static MEMA_NOINLINE void *pallocBumpTracked(mema_Pool *pool, size_t size, mema_Slab *slab) {
  return pallocBump(mema_bumps | mema_withRecords, pool, size, slab);
}

static MEMA_NOINLINE void *pallocKinBump(mema_Pool *pool, size_t size, mema_Slab *slab) {
  return pallocBump(mema_inFamily | mema_bumps, pool, size, slab);
}

static MEMA_NOINLINE void *pallocKinBumpTracked(mema_Pool *pool, size_t size, mema_Slab *slab) {
  return pallocBump(mema_inFamily | mema_bumps | mema_withRecords, pool, size, slab);
}

/* Of none of a slab's plain ways: an arena, a pool in a family, or no pool. */
static MEMA_NOINLINE void *pallocElse(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class, uintptr_t ways) {
  if (ways == mema_bumps) return pallocBump(mema_bumps, pool, size, slab);
  if (ways == (mema_bumps | mema_withRecords)) return pallocBumpTracked(pool, size, slab);
  if (isRecentOfKin(ways)) return pallocKinRecentTracked(pool, size, slab, class);
  return ways < mema_allWays ? pallocFamily(pool, size, slab, class) : nullForBadPool();
}

/* `ways` tell a live pool, or none. */
static MEMA_INLINE void *pallocClass(uintptr_t ways, mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  if (ways == 0) return pallocWord(pool, size, slab, class);
  if (ways == mema_withRecords) return pallocWordTracked(pool, size, slab, class);
  if (ways == mema_withMagazines) return pallocRecent(pool, size, slab, class);
  if (mema_likely(ways <= mema_plainWays)) return pallocRecentTracked(pool, size, slab, class);
  if (isWordsOfKin(ways)) return pallocKinWordTracked(pool, size, slab, class);
  return pallocElse(pool, size, slab, class, ways);
}

static MEMA_NOINLINE void *pallocKinWord(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_inFamily, pool, size, slab, class);
}

static MEMA_NOINLINE void *pallocKinRecent(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  return pallocBy(mema_inFamily | mema_withMagazines, pool, size, slab, class);
}

/* Of a pool in a family, whatever its ways. */
static MEMA_NOINLINE void *pallocFamily(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  unsigned ways = slab->ways & (mema_plainWays | mema_bumps);
  if (ways == mema_bumps) return pallocKinBump(pool, size, slab);
  if (ways == (mema_bumps | mema_withRecords)) return pallocKinBumpTracked(pool, size, slab);
  if (ways == mema_withRecords) return pallocKinWordTracked(pool, size, slab, class);
  if (ways == 0) return pallocKinWord(pool, size, slab, class);
  if (ways == mema_withMagazines) return pallocKinRecent(pool, size, slab, class);
  return pallocKinRecentTracked(pool, size, slab, class);
}

/* Of a live pool that no other thread is in. */
static MEMA_INLINE void *pallocKnown(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  if (mema_unlikely(pool->kin != NULL)) return pallocFamily(pool, size, slab, class);
  return pallocClass(slab->ways & mema_plainWays, pool, size, slab, class);
}

/* The class has no slot at hand. (A refill need not keep an alignment beyond MEMA_ALIGNMENT: mema_pmemalign does not come here.) */
static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  size_t charge = pool->untracked ? class->slotSize : size + (size == 0);
  if (charge > pool->freeSize || !mema_slabRefill(slab, (unsigned)(class - slab->classes)))
    return pallocSlow(pool, size, slab);
  return pallocKnown(pool, size, slab, class);
}

/* Any size, in a pool that no other thread is in. */
static MEMA_INLINE void *pallocAny(mema_Pool *pool, mema_Slab *slab, size_t size) {
  unsigned index = mema_slabClass(slab, size, MEMA_ALIGNMENT);
  if (index == slab->classCount) return pallocSlow(pool, size, slab);
  return pallocKnown(pool, size, slab, &slab->classes[index]);
}

void *mema_pallocTurn(mema_Pool *pool, mema_Slab *slab, size_t size) {
  return pallocAny(pool, slab, size);
}

/* A size that the byte table does not have. */
static MEMA_NOINLINE void *pallocLarger(mema_Pool *pool, size_t size) {
  uintptr_t ways = mema_allWays;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  if (mema_likely(ways <= mema_plainWays)) return pallocAny(pool, slab, size);
  if ((ways & mema_bumps) != 0) return pallocElse(pool, size, slab, NULL, ways);
  return mema_slabOf(pool) != NULL ? pallocAny(pool, slab, size) : nullForBadPool();
}

void *mema_palloc(mema_Pool *pool, size_t size) {
  uintptr_t ways;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  if (slab == NULL) return mema_likely(pool != NULL) ? mema_sharedPalloc(pool, size) : nullForBadPool();
  if (ways != 0) {
    if (ways == mema_bumps) return pallocBump(mema_bumps, pool, size, slab);
    return mema_likely(size <= mema_tableMax) ? pallocClass(ways, pool, size, slab, mema_smallClass(slab, size))
                                              : pallocLarger(pool, size);
  }
  return mema_likely(size <= mema_tableMax) ? pallocBy(0, pool, size, slab, mema_smallClass(slab, size))
                                            : pallocLarger(pool, size);
}

/* ---- pfree ------------------------------------------------------------------------------------------------------------- */

static inline void credit(mema_Pool *pool, size_t charge) {
  pool->freeSize += charge;
  pool->frees++;
}

bool mema_releaseChunk(mema_Pool *pool, mema_Slab *slab, const mema_Chunk *chunk) {
  size_t bytes = mema_chargeOf(pool, chunk);
  if (!pool->untracked) mema_unlinkBlock(pool, chunk->record);
  mema_creditBytes(pool, bytes);
  pool->frees++;
  mema_giveMemory(slab, chunk);
  return true;
}

static MEMA_SLOW bool pfreeSlow(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  mema_Chunk chunk;
  if (mema_findOwn(pool, slab, ptr, &chunk)) return mema_releaseChunk(pool, slab, &chunk);
  pool->badFrees += ptr != NULL;
  mema_fail(MEMA_BAD_POINTER);
  return false;
}

/* False, with nothing changed, iff the general path has to do it: only in families. */
static MEMA_INLINE bool creditBy(unsigned ways, mema_Pool *pool, size_t charge) {
  if ((ways & mema_inFamily) != 0) return mema_creditChild(pool, charge);
  credit(pool, charge);
  return true;
}

/* The same for a chunk with a Block, which must be the pool's own: the Block leaves the chain. */
static MEMA_INLINE bool creditBlockBy(unsigned ways, mema_Pool *pool, const mema_Block *block) {
  if ((ways & mema_inFamily) != 0 && mema_unlikely(!mema_isOwn(pool, block))) return false;
  if (mema_unlikely(!creditBy(ways, pool, block->size))) return false;
  mema_unlinkBlock(pool, block);
  return true;
}

/* Of the slot handed out last. */
static MEMA_INLINE bool creditLastBy(unsigned ways, mema_Pool *pool, mema_Slab *slab) {
  const mema_SlotClass *class = mema_lastClass(slab);
  if ((ways & mema_withRecords) == 0) return creditBy(ways, pool, class->slotSize);
  return creditBlockBy(ways, pool, slab->records + class->firstRecord + slab->lastSlot % 64);
}

static MEMA_NOINLINE bool pfreeLast(mema_Pool *pool, mema_Slab *slab) {
  return creditLastBy(0, pool, slab);
}

static MEMA_NOINLINE bool pfreeLastTracked(mema_Pool *pool, mema_Slab *slab) {
  return creditLastBy(mema_withRecords, pool, slab);
}

/* The same in a family, where the slot is not marked free yet. */
static MEMA_INLINE bool pfreeLastKinBy(unsigned ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  uint64_t *word = mema_lastClass(slab)->word, after;
  if (mema_unlikely(!mema_kinLives(pool))) return falseForBadPool();
  if (mema_unlikely(mema_setBit(*word, slab->lastSlot, &after)) || mema_unlikely(!creditLastBy(ways, pool, slab)))
    return pfreeSlow(pool, slab, ptr);
  *word = after;
  return true;
}

static MEMA_NOINLINE bool pfreeLastKin(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeLastKinBy(mema_inFamily, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeLastKinTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeLastKinBy(mema_inFamily | mema_withRecords, pool, slab, ptr);
}

/* `ways` as for pallocBy. */
static MEMA_INLINE bool pfreeBy(unsigned ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if ((ways & mema_inFamily) == 0 && (ways & mema_withMagazines) == 0 && mema_giveLast(slab, ptr))
    return (ways & mema_withRecords) != 0 ? pfreeLastTracked(pool, slab) : pfreeLast(pool, slab);
  if ((ways & mema_inFamily) != 0 && (ways & mema_withMagazines) == 0 && ptr == slab->lastPtr)
    return (ways & mema_withRecords) != 0 ? pfreeLastKinTracked(pool, slab, ptr) : pfreeLastKin(pool, slab, ptr);
  if ((ways & mema_inFamily) != 0 && mema_unlikely(!mema_kinLives(pool))) return falseForBadPool();
  size_t slot;
  mema_Span *span = mema_anySlot(slab, ptr, &slot);
  if (mema_unlikely(span == NULL)) return pfreeSlow(pool, slab, ptr);
  uint64_t *word = &span->bitmap[slot / 64], before = *word, after;
  if (mema_unlikely(mema_setBit(before, slot, &after))) return pfreeSlow(pool, slab, ptr);
  if ((ways & mema_inFamily) == 0) *word = after;
  mema_Block *record = (ways & mema_withRecords) != 0 ? slab->records + span->firstRecord + slot : NULL;
  bool credited = (ways & mema_withRecords) != 0 ? creditBlockBy(ways, pool, record) : creditBy(ways, pool, span->slotSize);
  if (mema_unlikely(!credited)) return pfreeSlow(pool, slab, ptr);
  if ((ways & mema_inFamily) != 0) *word = after;
  if ((ways & mema_withMagazines) == 0) return mema_noteGiven(slab, span, slot, before, after);
  return mema_keepRecent(ways, slab, span, slot, ptr, word, record) || mema_slabNote(slab, span, (uint32_t)(slot / 64));
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

static MEMA_NOINLINE bool pfreeKin(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_inFamily, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeKinTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_inFamily | mema_withRecords, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeKinRecent(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_inFamily | mema_withMagazines, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeKinRecentTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBy(mema_inFamily | mema_withRecords | mema_withMagazines, pool, slab, ptr);
}

/* Of an arena. */
static MEMA_INLINE bool pfreeBump(unsigned ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if ((ways & mema_inFamily) != 0 && mema_unlikely(!mema_kinLives(pool))) return falseForBadPool();
  const mema_Arena *arena = mema_arenaOf(slab);
  size_t place = mema_grainOf(slab, ptr);
  if (mema_unlikely(!mema_arenaIsLive(arena, place))) return pfreeSlow(pool, slab, ptr);
  uint32_t grain = (uint32_t)place, end = mema_pieceEnd(arena, grain);
  mema_noteLow(pool);
  bool credited = (ways & mema_withRecords) != 0 ? creditBlockBy(ways, pool, mema_arenaRecord(slab, arena, grain))
                                                 : creditBy(ways, pool, (size_t)(end - grain) << mema_grainLog);
  return mema_likely(credited) ? mema_arenaGive(slab, grain, end) : pfreeSlow(pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeArena(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBump(mema_bumps, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeArenaTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBump(mema_bumps | mema_withRecords, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeKinBump(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBump(mema_inFamily | mema_bumps, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeKinBumpTracked(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  return pfreeBump(mema_inFamily | mema_bumps | mema_withRecords, pool, slab, ptr);
}

static MEMA_NOINLINE bool pfreeFamily(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  unsigned ways = slab->ways & (mema_plainWays | mema_bumps);
  if (ways == mema_bumps) return pfreeKinBump(pool, slab, ptr);
  if (ways == (mema_bumps | mema_withRecords)) return pfreeKinBumpTracked(pool, slab, ptr);
  if (ways == mema_withRecords) return pfreeKinTracked(pool, slab, ptr);
  if (ways == 0) return pfreeKin(pool, slab, ptr);
  return ways == mema_withMagazines ? pfreeKinRecent(pool, slab, ptr) : pfreeKinRecentTracked(pool, slab, ptr);
}

/* Of none of a slab's plain ways: an arena, a pool in a family, or no pool. */
static MEMA_NOINLINE bool pfreeElse(uintptr_t ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if (ways == mema_bumps) return pfreeArena(pool, slab, ptr);
  if (ways == (mema_bumps | mema_withRecords)) return pfreeArenaTracked(pool, slab, ptr);
  if (isRecentOfKin(ways)) return pfreeKinRecentTracked(pool, slab, ptr);
  return ways < mema_allWays ? pfreeFamily(pool, slab, ptr) : falseForBadPool();
}

/* Of a pool that no other thread is in, if it is one; with other ways than none. */
static MEMA_INLINE bool pfreeClass(uintptr_t ways, mema_Pool *pool, mema_Slab *slab, void *ptr) {
  if (ways == mema_withRecords) return pfreeTracked(pool, slab, ptr);
  if (ways == mema_withMagazines) return pfreeRecent(pool, slab, ptr);
  if (mema_likely(ways <= mema_plainWays)) return pfreeRecentTracked(pool, slab, ptr);
  if (isWordsOfKin(ways)) return pfreeKinTracked(pool, slab, ptr);
  return pfreeElse(ways, pool, slab, ptr);
}

bool mema_pfreeTurn(mema_Pool *pool, mema_Slab *slab, void *ptr) {
  uintptr_t ways = slab->ways & mema_plainWays;
  return ways == 0 ? pfreeBy(0, pool, slab, ptr) : pfreeClass(ways, pool, slab, ptr);
}

bool mema_pfree(mema_Pool *pool, void *ptr) {
  uintptr_t ways;
  mema_Slab *slab = mema_sealedSlab(pool, &ways);
  if (slab == NULL) return mema_likely(pool != NULL) ? mema_sharedPfree(pool, ptr) : falseForBadPool();
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

/* What no slot holds. */
static MEMA_NOINLINE void *pcallocLarge(mema_Pool *pool, size_t bytes) {
  bool zeroed;
  void *ptr = allocateInTurn(pool, bytes, MEMA_ALIGNMENT, &zeroed);
  if (ptr == NULL || zeroed) return ptr;
  const mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL) return memset(ptr, 0, bytes); /* a fixed pool */
  mema_slabZero(slab, ptr, bytes);
  return ptr;
}

void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuseCall(pool, MEMA_OVERFLOW, 0);
  if (mema_unlikely(bytes > mema_slotMax)) return pcallocLarge(pool, bytes);
  void *ptr = mema_palloc(pool, bytes);
  return ptr != NULL ? memset(ptr, 0, bytes + (bytes == 0)) : NULL;
}

void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size) {
  bool zeroed;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) return refuseCall(pool, MEMA_BAD_ALIGNMENT, 0);
  if (alignment > (size_t)1 << 30) return refuseCall(pool, MEMA_NO_MEMORY, size);
  mema_Slab *slab = mema_slabOf(pool);
  if (slab == NULL) return allocateElse(pool, size, alignment);
  if (mema_isPlain(pool, slab) && pool->kin == NULL && !pool->watched) {
    unsigned index = mema_slabClass(slab, size, alignment);
    mema_SlotClass *class = &slab->classes[index];
    if (index < slab->classCount && mema_slotAtHand(class) && class->slotSize <= pool->freeSize)
      return pallocClass(slab->ways, pool, size, slab, class);
  } else if (!mema_isPlain(pool, slab)) {
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
    return fixed != NULL ? mema_fixedChunkSize(fixed, ptr) : 0;
  }
  if (!mema_isPlain(pool, slab)) return mema_sharedChunkSize(pool, ptr);
  return mema_findOwn(pool, slab, ptr, &chunk) ? mema_chargeOf(pool, &chunk) : 0;
}

bool mema_ownsChunk(const mema_Pool *pool, const void *ptr) {
  return mema_chunkSize(pool, ptr) != 0;
}
