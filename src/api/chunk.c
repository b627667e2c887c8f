/* chunk.c - palloc and pfree.
 *
 *   palloc:  is it a pool? -> has the budget room? -> a slot (slab.h) -> the budget is charged, the chain grows
 *   pfree:   is it a pool? -> is a live slot there? (slab.h) -> the bit is set, the budget is credited, the chain shrinks
 *
 * In a family the bit is set last, since the general path may have to take over. For arenas see arena.h.
 *
 * The common path of each is inline down to the bitmap and calls nothing. Every other case is a tail call to
 * the general path. */
#include <string.h>

#include "../heap/arena/arena.h"
#include "../pool/fixedChunk.h"
#include "../pool/pressure.h"
#include "../pool/tree.h"
#include "../threads/share.h"

/* ---- palloc by mode ---------------------------------------------------------------------------------------------------- */

static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class);

static MEMA_INLINE bool chargeBy(unsigned mode, mema_Pool *pool, size_t charge) {
  return (mode & mema_modeFamily) != 0 ? mema_chargeChild(pool, charge) : mema_charge(pool, charge);
}

/* Takes a chunk from a class whose slots have room for it. */
static MEMA_INLINE void *takeSlotBy(unsigned mode, mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  size_t slotSize = class->slotSize, charge = (mode & mema_modeRecords) != 0 ? size + (size == 0) : slotSize;
  mema_Block *record;
  char *ptr;
  if ((mode & mema_modeMagazines) != 0) {
    if (mema_unlikely(class->top == class->bottom)) return pallocRefill(pool, size, slab, class);
    if (mema_unlikely(!chargeBy(mode, pool, charge))) return mema_pallocSlow(pool, size, &slab->heap);
    const mema_FreeSlot *slot = mema_takeRecent(class);
    ptr = slot->ptr;
    record = slot->record;
  } else {
    uint64_t *word = class->word, free = *word;
    if (mema_unlikely(free == 0)) return pallocRefill(pool, size, slab, class);
    if (mema_unlikely(!chargeBy(mode, pool, charge))) return mema_pallocSlow(pool, size, &slab->heap);
    uint64_t bit = mema_takeSlot(slab, class, word, free);
    slab->lastPtr = ptr = class->base + bit * slotSize;
    record = (mode & mema_modeRecords) != 0 ? slab->records + class->firstRecord + bit : NULL;
  }
  if ((mode & mema_modeRecords) != 0) mema_linkBlock(pool, record, ptr, charge);
  return ptr;
}

/* Takes a chunk of an arena. */
static MEMA_INLINE void *bumpBy(unsigned mode, mema_Pool *pool, size_t size, mema_Slab *slab) {
  mema_Arena *arena = mema_arenaOf(slab);
  bool records = (mode & mema_modeRecords) != 0;
  size_t grains = mema_grainsFor(size), grain = arena->bump, end = grain + grains;
  if (mema_unlikely(end > arena->limit)) return mema_pallocSlow(pool, size, &slab->heap);
  if (records && mema_unlikely(arena->pieces >= arena->pieceLimit)) return mema_pallocSlow(pool, size, &slab->heap);
  size_t charge = records ? size + (size == 0) : grains << mema_grainLog;
  if (mema_unlikely(!chargeBy(mode, pool, charge))) return mema_pallocSlow(pool, size, &slab->heap);
  uint32_t piece = mema_arenaPut(arena, records, (uint32_t)grain, (uint32_t)end);
  char *ptr = mema_grainAddress(slab, (uint32_t)grain);
  if (records) mema_linkBlock(pool, slab->records + piece, ptr, charge);
  return ptr;
}

/* Takes a chunk, by the variant for a mode. `mode` is a constant, so each variant becomes a function of its
 * own. It tests nothing that the mode decides, and saves no register. */
static MEMA_INLINE void *pallocBy(unsigned mode, mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  if ((mode & mema_modeFamily) != 0 && mema_unlikely(!mema_nodeLives(pool))) return mema_nullForBadPool();
  return (mode & mema_modeArena) != 0 ? bumpBy(mode, pool, size, slab) : takeSlotBy(mode, pool, size, slab, class);
}

/* ---- pfree by mode ------------------------------------------------------------------------------------------------------ */

/* Credits a freed chunk. False, with nothing changed, iff the general path has to do so, which happens only
 * in families. */
static MEMA_INLINE bool creditBy(unsigned mode, mema_Pool *pool, size_t charge) {
  if ((mode & mema_modeFamily) != 0) return mema_creditChild(pool, charge);
  mema_creditChunk(pool, charge);
  return true;
}

/* Like creditBy, for a chunk with a Block: the Block leaves the chain. Also false if the chunk is not the
 * pool's own. */
static MEMA_INLINE bool creditBlockBy(unsigned mode, mema_Pool *pool, const mema_Block *block) {
  if ((mode & mema_modeFamily) != 0 && mema_unlikely(!mema_isOwn(pool, block))) return false;
  if (mema_unlikely(!creditBy(mode, pool, block->size))) return false;
  mema_unlinkBlock(pool, block);
  return true;
}

/* Credits the slot that was handed out last. */
static MEMA_INLINE bool creditLastBy(unsigned mode, mema_Pool *pool, mema_Slab *slab) {
  const mema_SlotClass *class = mema_lastClass(slab);
  if ((mode & mema_modeRecords) == 0) return creditBy(mode, pool, class->slotSize);
  return creditBlockBy(mode, pool, slab->records + class->firstRecord + slab->lastSlot % 64);
}

static MEMA_NOINLINE bool pfreeLast(mema_Pool *pool, mema_Slab *slab) {
  return creditLastBy(0, pool, slab);
}

static MEMA_NOINLINE bool pfreeLastTracked(mema_Pool *pool, mema_Slab *slab) {
  return creditLastBy(mema_modeRecords, pool, slab);
}

/* Frees the slot that was handed out last, in a family. The slot is not marked free yet. */
static MEMA_INLINE bool pfreeLastFamilyBy(unsigned mode, mema_Pool *pool, void *ptr, mema_Slab *slab) {
  uint64_t *word = mema_lastClass(slab)->word, after;
  if (mema_unlikely(!mema_nodeLives(pool))) return mema_falseForBadPool();
  if (mema_unlikely(mema_setBit(*word, slab->lastSlot, &after)) || mema_unlikely(!creditLastBy(mode, pool, slab)))
    return mema_pfreeSlow(pool, ptr, &slab->heap);
  *word = after;
  return true;
}

static MEMA_NOINLINE bool pfreeLastFamily(mema_Pool *pool, void *ptr, mema_Slab *slab) {
  return pfreeLastFamilyBy(mema_modeFamily, pool, ptr, slab);
}

static MEMA_NOINLINE bool pfreeLastFamilyTracked(mema_Pool *pool, void *ptr, mema_Slab *slab) {
  return pfreeLastFamilyBy(mema_modeFamily | mema_modeRecords, pool, ptr, slab);
}

/* Frees a chunk in a slot. */
static MEMA_INLINE bool giveSlotBy(unsigned mode, mema_Pool *pool, void *ptr, mema_Slab *slab) {
  bool family = (mode & mema_modeFamily) != 0, magazines = (mode & mema_modeMagazines) != 0;
  bool records = (mode & mema_modeRecords) != 0;
  if (!family && !magazines && mema_giveLast(slab, ptr))
    return records ? pfreeLastTracked(pool, slab) : pfreeLast(pool, slab);
  if (family && !magazines && ptr == slab->lastPtr)
    return records ? pfreeLastFamilyTracked(pool, ptr, slab) : pfreeLastFamily(pool, ptr, slab);
  if (family && mema_unlikely(!mema_nodeLives(pool))) return mema_falseForBadPool();
  size_t slot;
  mema_Span *span = mema_anySlot(slab, ptr, &slot);
  if (mema_unlikely(span == NULL)) return mema_pfreeSlow(pool, ptr, &slab->heap);
  uint64_t *word = &span->bitmap[slot / 64], before = *word, after;
  if (mema_unlikely(mema_setBit(before, slot, &after))) return mema_pfreeSlow(pool, ptr, &slab->heap);
  if (!family) *word = after;
  mema_Block *record = records ? slab->records + span->firstRecord + slot : NULL;
  bool credited = records ? creditBlockBy(mode, pool, record) : creditBy(mode, pool, span->slotSize);
  if (mema_unlikely(!credited)) return mema_pfreeSlow(pool, ptr, &slab->heap);
  if (family) *word = after;
  if (!magazines) return mema_noteGiven(slab, span, slot, before, after);
  return mema_keepRecent(mode, slab, span, slot, ptr, word, record) || mema_slabNote(slab, span, (uint32_t)(slot / 64));
}

/* Frees a chunk of an arena. */
static MEMA_INLINE bool giveGrainsBy(unsigned mode, mema_Pool *pool, void *ptr, mema_Slab *slab) {
  if ((mode & mema_modeFamily) != 0 && mema_unlikely(!mema_nodeLives(pool))) return mema_falseForBadPool();
  const mema_Arena *arena = mema_arenaOf(slab);
  size_t place = mema_grainOf(slab, ptr);
  if (mema_unlikely(!mema_arenaIsLive(arena, place))) return mema_pfreeSlow(pool, ptr, &slab->heap);
  uint32_t grain = (uint32_t)place, end = mema_pieceEnd(arena, grain);
  mema_noteLow(pool);
  bool credited = (mode & mema_modeRecords) != 0 ? creditBlockBy(mode, pool, mema_arenaRecord(slab, arena, grain))
                                                 : creditBy(mode, pool, (size_t)(end - grain) << mema_grainLog);
  return mema_likely(credited) ? mema_arenaGive(slab, grain, end) : mema_pfreeSlow(pool, ptr, &slab->heap);
}

/* Frees a chunk, by the variant for a mode; `mode` is a constant, as for pallocBy. */
static MEMA_INLINE bool pfreeBy(unsigned mode, mema_Pool *pool, void *ptr, mema_Slab *slab) {
  return (mode & mema_modeArena) != 0 ? giveGrainsBy(mode, pool, ptr, slab) : giveSlotBy(mode, pool, ptr, slab);
}

/* ---- by the general path ------------------------------------------------------------------------------------------------ */

/* True iff a pool whose budget bounds memory still lives: a sub-pool in its parent's heap may have ended. */
static bool isThere(const mema_Pool *pool) {
  return pool->node == NULL || mema_nodeLives(pool);
}

static void *pallocGeneral(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  (void)class;
  return isThere(pool) ? mema_pallocSlow(pool, size, mema_heapIn(slab)) : mema_nullForBadPool();
}

static bool pfreeGeneral(mema_Pool *pool, void *ptr, mema_Slab *slab) {
  return isThere(pool) ? mema_pfreeSlow(pool, ptr, mema_heapIn(slab)) : mema_falseForBadPool();
}

/* ---- the table of variants ---------------------------------------------------------------------------------------------- */

#define VARIANT(name, mode)                                                                                       \
  static MEMA_NOINLINE void *palloc##name(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) { \
    return pallocBy(mode, pool, size, slab, class);                                                               \
  }                                                                                                               \
  static MEMA_NOINLINE bool pfree##name(mema_Pool *pool, void *ptr, mema_Slab *slab) {                            \
    return pfreeBy(mode, pool, ptr, slab);                                                                        \
  }

VARIANT(Words, 0)
VARIANT(WordsTracked, mema_modeRecords)
VARIANT(Recent, mema_modeMagazines)
VARIANT(RecentTracked, mema_modeMagazines | mema_modeRecords)
VARIANT(Arena, mema_modeArena)
VARIANT(ArenaTracked, mema_modeArena | mema_modeRecords)
VARIANT(FamilyWords, mema_modeFamily)
VARIANT(FamilyWordsTracked, mema_modeFamily | mema_modeRecords)
VARIANT(FamilyRecent, mema_modeFamily | mema_modeMagazines)
VARIANT(FamilyRecentTracked, mema_modeFamily | mema_modeMagazines | mema_modeRecords)
VARIANT(FamilyArena, mema_modeFamily | mema_modeArena)
VARIANT(FamilyArenaTracked, mema_modeFamily | mema_modeArena | mema_modeRecords)

/* The entries for modes that do not exist: an arena has no magazines. */
static void *pallocNever(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  (void)pool, (void)size, (void)slab, (void)class;
  return mema_nullForBadPool();
}

static bool pfreeNever(mema_Pool *pool, void *ptr, mema_Slab *slab) {
  (void)pool, (void)ptr, (void)slab;
  return mema_falseForBadPool();
}

/* The types of the variants. The variants for arenas do not use the class. */
typedef void *Palloc(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class);
typedef bool Pfree(mema_Pool *pool, void *ptr, mema_Slab *slab);

#define WITHIN(call, prefix)                                                                                               \
  call##prefix##Words, call##prefix##WordsTracked, call##prefix##Recent, call##prefix##RecentTracked, call##prefix##Arena, \
      call##prefix##ArenaTracked, call##Never, call##Never
#define EIGHT(variant) variant, variant, variant, variant, variant, variant, variant, variant
#define BOUND(call) EIGHT(call##General), EIGHT(call##General), EIGHT(call##General), EIGHT(call##General)
#define ALL(call) WITHIN(call, ), WITHIN(call, Family), WITHIN(call, Family), WITHIN(call, Family), BOUND(call)

/* The variants by mode. The third row is for pools whose parent's heap serves no family any more. It has the
 * variants for families, which find out that such a pool has ended. */
static const struct {
  Palloc *palloc[mema_modeCount];
  Pfree *pfree[mema_modeCount];
} variants = {{ALL(palloc)}, {ALL(pfree)}};
_Static_assert(mema_modeCount == 8 * 8, "each mode has its variants");

/* ---- palloc ------------------------------------------------------------------------------------------------------------- */

/* Refills a class that has no slot at hand, and takes a slot. A refill need not keep an alignment beyond
 * MEMA_ALIGNMENT, since mema_pmemalign does not come here. */
static MEMA_NOINLINE void *pallocRefill(mema_Pool *pool, size_t size, mema_Slab *slab, mema_SlotClass *class) {
  size_t charge = pool->untracked ? class->slotSize : size + (size == 0);
  if (charge > pool->freeSize || !mema_slabRefill(slab, (unsigned)(class - slab->classes)))
    return mema_pallocSlow(pool, size, &slab->heap);
  return variants.palloc[slab->heap.mode](pool, size, slab, class);
}

/* Takes a chunk of any size, in a live pool that no other thread is in. */
static MEMA_INLINE void *pallocAny(uintptr_t mode, mema_Pool *pool, size_t size, mema_Slab *slab) {
  unsigned index = mema_slabClass(slab, size, MEMA_ALIGNMENT);
  bool isSlot = index < slab->classCount || (mode & mema_modeArena) != 0;
  return isSlot ? variants.palloc[mode](pool, size, slab, &slab->classes[index]) : mema_pallocSlow(pool, size, &slab->heap);
}

/* Takes a chunk of a size beyond the byte table. The general path does not test whether a pool is still in its
 * family, so this function does. */
static MEMA_NOINLINE void *pallocLarger(mema_Pool *pool, size_t size, mema_Slab *slab, uintptr_t mode) {
  bool family = (mode & (mema_modeFamily | mema_modeParentHeap)) != 0;
  bool lives = mode < mema_modeCount && (!family || mema_nodeLives(pool));
  return mema_likely(lives) ? pallocAny(mode, pool, size, slab) : mema_nullForBadPool();
}

/* Takes a chunk by `variant` if the byte table covers the size. */
static MEMA_INLINE void *pallocSized(Palloc *variant, uintptr_t mode, mema_Pool *pool, size_t size, mema_Slab *slab) {
  if (mema_unlikely(size > mema_tableMax)) return pallocLarger(pool, size, slab, mode);
  return variant(pool, size, slab, mema_smallClass(slab, size));
}

/* Handles a shared pool for which the calling thread has no cache at hand, and a Pool that is not live. */
static MEMA_NOINLINE void *pallocShared(mema_Pool *pool, size_t size) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (mema_unlikely(slab == NULL)) return mema_nullForBadPool();
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache != NULL) return mema_takeHere(pool, size, cache);
  if (!mema_lockPool(pool, &slab->heap)) return NULL;
  bool zeroed;
  void *ptr = mema_hasCaches(&slab->heap) ? mema_sharedTake(&slab->heap, size, MEMA_ALIGNMENT, &zeroed)
                                          : pallocAny(slab->heap.mode, pool, size, slab);
  mema_unlockPool(&slab->heap);
  return ptr;
}

/* Handles a mode that no slab or arena has: a fixed pool, another engine, or a Pool that is not live. */
static MEMA_INLINE void *pallocElse(uintptr_t mode, mema_Pool *pool, size_t size, mema_Slab *header) {
  if (mode == mema_modeFixed) return mema_fixedPalloc(pool, size, mema_fixedIn(mema_heapIn(header)));
  return mema_isMode(mode) ? pallocGeneral(pool, size, header, NULL) : mema_nullForBadPool();
}

void *mema_palloc(mema_Pool *pool, size_t size) {
  uintptr_t mode;
  if (mema_unlikely(pool == NULL)) return mema_nullForBadPool();
  mema_Slab *slab = mema_slabIn(mema_sealedHeap(pool, &mode));
  if (slab == NULL) {
    mema_ThreadCache *cache;
    return mema_enterAtHand(pool, &cache) ? mema_takeHere(pool, size, cache) : pallocShared(pool, size);
  }
  if (mode == 0) {
    if (mema_unlikely(size > mema_tableMax)) return pallocLarger(pool, size, slab, 0);
    return pallocBy(0, pool, size, slab, mema_smallClass(slab, size));
  }
  if (mode == mema_modeArena) return pallocBy(mema_modeArena, pool, size, slab, NULL);
  if (mode == mema_modeRecords) return pallocSized(pallocWordsTracked, mode, pool, size, slab);
  if (mode == mema_modeMagazines) return pallocSized(pallocRecent, mode, pool, size, slab);
  if (mode == mema_modeSlotsMost) return pallocSized(pallocRecentTracked, mode, pool, size, slab);
  if (mema_unlikely(mode >= mema_modeCount)) return pallocElse(mode, pool, size, slab);
  return pallocSized(variants.palloc[mode], mode, pool, size, slab);
}

/* ---- pfree -------------------------------------------------------------------------------------------------------------- */

/* Like pallocShared, for pfree. */
static MEMA_NOINLINE bool pfreeShared(mema_Pool *pool, void *ptr) {
  mema_Slab *slab = mema_slabIn(mema_sharedHeapOf(pool));
  if (mema_unlikely(slab == NULL)) return mema_falseForBadPool();
  mema_ThreadCache *cache = mema_enterCache(pool);
  if (cache != NULL) return mema_giveHere(pool, ptr, cache);
  if (!mema_lockPool(pool, &slab->heap)) return false;
  bool done =
      mema_hasCaches(&slab->heap) ? mema_sharedGive(&slab->heap, ptr) : variants.pfree[slab->heap.mode](pool, ptr, slab);
  mema_unlockAfterCall(&slab->heap);
  return done;
}

static MEMA_INLINE bool pfreeElse(uintptr_t mode, mema_Pool *pool, void *ptr, mema_Slab *header) {
  if (mode == mema_modeFixed) return mema_fixedPfree(pool, ptr, mema_fixedIn(mema_heapIn(header)));
  return mema_isMode(mode) ? pfreeGeneral(pool, ptr, header) : mema_falseForBadPool();
}

bool mema_pfree(mema_Pool *pool, void *ptr) {
  uintptr_t mode;
  if (mema_unlikely(pool == NULL)) return mema_falseForBadPool();
  mema_Slab *slab = mema_slabIn(mema_sealedHeap(pool, &mode));
  if (slab == NULL) {
    mema_ThreadCache *cache;
    return mema_enterAtHand(pool, &cache) ? mema_giveHere(pool, ptr, cache) : pfreeShared(pool, ptr);
  }
  if (mode == 0) return pfreeBy(0, pool, ptr, slab);
  if (mode == mema_modeRecords) return pfreeWordsTracked(pool, ptr, slab);
  if (mode == mema_modeMagazines) return pfreeRecent(pool, ptr, slab);
  if (mema_unlikely(mode >= mema_modeCount)) return pfreeElse(mode, pool, ptr, slab);
  return variants.pfree[mode](pool, ptr, slab);
}

/* ---- the other calls --------------------------------------------------------------------------------------------------- */

/* Refuses a request because of its arguments. */
static void *refuseCall(mema_Pool *pool, mema_Fault fault, size_t first, size_t second) {
  mema_Heap *header;
  mema_Kind kind = mema_openKindIn(pool, &header);
  if (kind == mema_noPool || (kind == mema_sharedPool && !mema_lockPool(pool, header))) return NULL;
  mema_refuseFor(pool, fault, first, second);
  if (kind == mema_sharedPool) mema_unlockPool(header);
  return NULL;
}

static void *takeAny(mema_Pool *pool, mema_Heap *heap, size_t size, size_t alignment, bool *zeroed) {
  mema_Chunk chunk;
  if (mema_hasCaches(heap)) return mema_sharedTake(heap, size, alignment, zeroed);
  if (!mema_allocate(pool, heap, size, alignment, &chunk)) return NULL;
  *zeroed = chunk.zeroed;
  return chunk.ptr;
}

/* Takes any chunk, in any pool. *zeroed: its bytes are known to be zero. */
static void *allocateAny(mema_Pool *pool, size_t size, size_t alignment, bool *zeroed) {
  *zeroed = false;
  mema_Heap *header;
  mema_Kind kind = mema_openKindIn(pool, &header);
  if (kind == mema_noPool) return NULL;
  if (kind == mema_sharedPool && !mema_lockPool(pool, header)) return NULL;
  void *ptr = takeAny(pool, header, size, alignment, zeroed);
  mema_unlockPool(header);
  return ptr;
}

/* Takes zero bytes that are too many for a slot. */
static MEMA_NOINLINE void *pcallocLarge(mema_Pool *pool, size_t bytes) {
  bool zeroed;
  void *ptr = allocateAny(pool, bytes, MEMA_ALIGNMENT, &zeroed);
  if (ptr == NULL || zeroed) return ptr;
  const mema_Heap *heap = mema_heapOf(pool);
  if (heap == NULL || heap->ops->zero == NULL) return memset(ptr, 0, bytes);
  heap->ops->zero(heap, ptr, bytes);
  return ptr;
}

void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuseCall(pool, mema_productOverflows, count, size);
  if (mema_unlikely(bytes > mema_slotMax)) return pcallocLarge(pool, bytes);
  void *ptr = mema_palloc(pool, bytes);
  return ptr != NULL ? memset(ptr, 0, bytes + (bytes == 0)) : NULL;
}

/* Takes an aligned slot that is at hand, if the general path need not see the request. NULL means nothing:
 * the caller goes on. */
static void *alignedAtHand(mema_Pool *pool, size_t alignment, size_t size) {
  uintptr_t mode;
  mema_Slab *slab = mema_slabIn(mema_sealedHeap(pool, &mode));
  if (slab == NULL) return mema_sharedHeapOf(pool) != NULL ? mema_sharedAligned(pool, alignment, size) : NULL;
  if (mode > mema_modeSlotsMost || pool->alwaysSlow) return NULL;
  unsigned index = mema_slabClass(slab, size, alignment);
  mema_SlotClass *class = &slab->classes[index];
  if (index == slab->classCount || !mema_slotAtHand(class) || class->slotSize > pool->freeSize) return NULL;
  return variants.palloc[mode](pool, size, slab, class);
}

void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size) {
  bool zeroed;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) return refuseCall(pool, mema_alignmentIsBad, alignment, 0);
  if (alignment > (size_t)1 << 30) return refuseCall(pool, mema_alignmentIsLarge, size, alignment);
  void *ptr = alignedAtHand(pool, alignment, size);
  return ptr != NULL ? ptr : allocateAny(pool, size, alignment, &zeroed);
}

static size_t sizeOf(const mema_Pool *pool, const void *ptr) {
  mema_Chunk chunk;
  switch (mema_kindOf(pool)) {
    case mema_sharedPool:
      return mema_sharedChunkSize(pool, ptr);
    case mema_plainPool:
      return mema_findOwn(pool, mema_heapField(pool), ptr, &chunk) ? mema_sizeOf(pool, &chunk) : 0;
    default:
      return 0;
  }
}

/* Tells a checker that the program may use all bytes of a chunk: it is about to learn their number. */
static MEMA_SLOW void reveal(const mema_Pool *pool, const void *ptr, mema_Heap *heap) {
  mema_Chunk chunk;
  bool shared = !mema_isUnsharedIn(pool, heap);
  if (!pool->untracked || (shared && !mema_lockPool(pool, heap))) return;
  if (mema_findOwn(pool, heap, ptr, &chunk)) heap->ops->reveal(heap, &chunk);
  if (shared) mema_unlockPool(heap);
}

size_t mema_chunkSize(const mema_Pool *pool, const void *ptr) {
  size_t size = sizeOf(pool, ptr);
  if (size == 0) return 0;
  mema_Heap *heap = mema_heapField(pool);
  if (heap != NULL && mema_unlikely(heap->ops->reveal != NULL)) reveal(pool, ptr, heap);
  return size;
}

bool mema_ownsChunk(const mema_Pool *pool, const void *ptr) {
  return sizeOf(pool, ptr) != 0;
}
