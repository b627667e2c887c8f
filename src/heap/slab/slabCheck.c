/* slabCheck.c - see slabCheck.h. Each function checks one of the invariants that slab.h states. */
#include "slabCheck.h"

#include "../../memory/os.h"
#include "source.h"

bool mema_slabNext(const mema_Slab *slab, uint32_t unit, mema_SlabView *view) {
  if (unit >= slab->runs.frontier) return false;
  view->span = &slab->spans[unit];
  view->unit = unit;
  view->units = view->span->units;
  return true;
}

static const char disagree[] = "states and bitmaps agree when no thread has cached slots";

/* The free slots of a word that its class's magazine holds. */
static uint64_t inMagazine(const mema_SlotClass *class, const uint64_t *word) {
  uint64_t bits = 0;
  for (const mema_FreeSlot *slot = class->bottom; slot < class->top; slot++)
    if (slot->word == word) bits |= slot->mask;
  return bits;
}

/* Checks that the class finds every free slot: in its magazine, in the word at hand, or by the summary of a
 * span that is not closed. */
static const char *checkFreeSlots(const mema_SlotClass *class, const mema_Span *span) {
  size_t atHand = (size_t)(class->word - span->bitmap);
  if (span->place == mema_placeActive && *class->word != 0 &&
      (atHand >= mema_spanWords(span) || class->firstRecord != span->firstRecord + atHand * 64))
    return "the word at hand is one of the active span";
  for (uint32_t w = 0; w < mema_spanWords(span); w++) {
    uint64_t *word = &span->bitmap[w];
    bool noted = (span->summary >> w & 1) != 0;
    if (noted && span->place == mema_placeClosed) return "a closed span has no summary";
    if (!noted && word != class->word && (*word & ~inMagazine(class, word)) != 0)
      return "every free slot is noted, at hand, or in a magazine";
  }
  return NULL;
}

/* Checks the places of the bitmap and the Blocks, before they are read. */
static const char *checkPlaces(const mema_Slab *slab, const mema_Span *span, uint32_t unit) {
  const char *bitmap =
      span->slots <= 64 ? (const char *)&span->word : slab->bitmaps + ((size_t)unit << slab->unitShift) / 128;
  size_t records = span->kind == mema_unitSlots ? span->slots : 1;
  if (span->kind == mema_unitSlots && (const char *)span->bitmap != bitmap) return "a span's bitmap is where it belongs";
  if (slab->records != NULL && span->firstRecord + records > slab->recordRanges.mainNext &&
      span->firstRecord + records > slab->recordRanges.nearNext)
    return "the Blocks of a span are among those in use";
  return NULL;
}

static const char *checkSlots(const mema_Slab *slab, const mema_Span *span, uint32_t unit) {
  const mema_SlotClass *class = &slab->classes[span->class];
  uint32_t words = mema_spanWords(span);
  if (span->class >= slab->classCount || span->classOffset != (const char *)class - (const char *)slab ||
      span->slotSize != class->slotSize || class->slotSize != mema_classSize(span->class))
    return "a span's slot size is that of its class";
  if (span->slots != ((size_t)span->units << slab->unitShift) / span->slotSize ||
      span->reciprocal != mema_reciprocalOf(span->slotSize) ||
      span->remainders != mema_remaindersOf(span->slotSize, span->slots) ||
      span->lastMask != UINT64_MAX >> (63 - (span->slots - 1u) % 64))
    return "a span's slots are those that fit";
  const char *misplaced = checkPlaces(slab, span, unit);
  if (misplaced != NULL) return misplaced;
  if ((span->bitmap[words - 1] & ~span->lastMask) != 0) return "a bitmap says nothing about slots that do not exist";
  if (words < 64 && span->summary >> words != 0) return "a summary says nothing about words that do not exist";
  if ((span->place == mema_placeActive) != (class->active == unit)) return "a class's active span knows that it is";
  if (span->place == mema_placeActive ? span->clean != 0 : mema_cleanPages(span) > mema_spanFreePages(slab, span))
    return "a span's clean pages hold free slots only";
  for (uint32_t i = 1; i < span->units; i++)
    if (span[i].kind != mema_unitInside || span[i].back != i || span[i].remainders != 0)
      return "the units of a span lead back to its first";
  for (uint32_t slot = 0; slot < span->slots; slot++)
    if (mema_slotIsLive(slab, span, slot) && mema_slotIsFree(span, slot)) return disagree;
  return checkFreeSlots(class, span);
}

/* Checks that every slot is live or free, so that no thread has cached slots. */
static const char *checkStates(const mema_Slab *slab) {
  mema_SlabView view;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units)
    for (uint32_t slot = 0; view.span->kind == mema_unitSlots && slot < view.span->slots; slot++)
      if (!mema_slotIsLive(slab, view.span, slot) && !mema_slotIsFree(view.span, slot)) return disagree;
  return NULL;
}

/* Checks that every slot in a magazine is a free slot of its class, and is there once. */
static const char *checkMagazines(const mema_Slab *slab) {
  if (slab->heap.generation != 0 && slab->heap.generation % mema_modeCount != slab->heap.mode)
    return "a slab's generation tells its mode";
  for (unsigned i = 0; i < slab->classCount; i++) {
    const mema_SlotClass *class = &slab->classes[i];
    if (class->top < class->bottom || class->top > class->limit) return "a magazine holds no more than it can";
    if ((slab->heap.mode & mema_modeMagazines) != 0 ? *class->word != 0 : class->top != class->bottom)
      return "classes take from magazines or from words";
    for (const mema_FreeSlot *slot = class->bottom; slot < class->top; slot++) {
      const mema_Span *span = mema_slabSpanAt(slab, slot->ptr);
      uint64_t number = mema_slotNumber(slab, span, slot->ptr);
      if (span->kind != mema_unitSlots || span->class != i || number >= span->slots ||
          slot->ptr != mema_unitAddress(slab, mema_unitOf(slab, span)) + number * span->slotSize ||
          slot->word != &span->bitmap[number / 64] || slot->mask != UINT64_C(1) << number % 64)
        return "a magazine's slots are of its class";
      if (slab->records != NULL && slot->record != mema_slotRecord(slab, span, number))
        return "a magazine's slots know their Blocks";
      if ((*slot->word & slot->mask) == 0) return "a magazine's slots are free";
      for (const mema_FreeSlot *other = class->bottom; other < slot; other++)
        if (other->ptr == slot->ptr) return "a magazine holds a slot once";
    }
  }
  return NULL;
}

static const char *checkFree(const mema_Slab *slab, const mema_SlabView *view, bool *afterFree) {
  const mema_Span *last = &slab->spans[view->unit + view->units - 1];
  if (*afterFree) return "no two free runs are neighbours";
  if (last->kind != mema_unitFree || last->units != view->units) return "both ends of a free run give its length";
  if (view->span->dirtyUnits > view->units) return "a free run has no more dirty units than units";
  *afterFree = true;
  return NULL;
}

/* True if the span is empty and has no slot in a magazine. */
static bool isKnownEmpty(const mema_Slab *slab, const mema_Span *span) {
  const mema_SlotClass *class = &slab->classes[span->class];
  for (const mema_FreeSlot *slot = class->bottom; slot < class->top; slot++)
    if (mema_slabSpanAt(slab, slot->ptr) == span) return false;
  return mema_spanIsEmpty(span);
}

static size_t countPartial(const mema_Slab *slab) {
  size_t partial = 0;
  mema_SlabView view;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units)
    partial += view.span->kind == mema_unitSlots && view.span->place == mema_placePartial;
  return partial;
}

/* Checks that every list of partial spans leads forth and back, that its spans are marked as partial, and that
 * no other spans are. */
static const char *checkPartial(const mema_Slab *slab) {
  size_t listed = 0;
  for (unsigned i = 0; i < slab->classCount; i++) {
    const mema_SlotClass *class = &slab->classes[i];
    uint32_t before = mema_noUnit;
    for (uint32_t unit = class->partialHead; unit != mema_noUnit; unit = slab->spans[unit].next) {
      const mema_Span *span = &slab->spans[unit];
      if (unit >= slab->runs.frontier || span->kind != mema_unitSlots || span->place != mema_placePartial ||
          span->class != i || span->prev != before)
        return "a list of partial spans holds the partial spans of its class";
      if (before != mema_noUnit && isKnownEmpty(slab, span) && !mema_spanIsEmpty(&slab->spans[before]))
        return "the empty spans of a list come first";
      before = unit;
      listed++;
    }
    if (class->partialTail != before) return "a list of partial spans ends at its tail";
  }
  if (listed != countPartial(slab)) return "every partial span is on its class's list";
  return NULL;
}

/* Checks the counts of free slots, in a slab that threads share. */
static const char *checkIdle(const mema_Slab *slab) {
  uint32_t idle[mema_classCount] = {0};
  mema_SlabView view;
  if (slab->shared.states == NULL) return NULL;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units)
    if (view.span->kind == mema_unitSlots) idle[view.span->class] += mema_freeSlots(view.span);
  for (unsigned i = 0; i < slab->classCount; i++)
    if (idle[i] != slab->classes[i].idle) return "a class knows how many of its slots are free";
  return NULL;
}

/* The bytes charged for a chunk: those in its Block, or its room if there are no Blocks. */
static size_t chargeOf(const mema_Slab *slab, const mema_Span *span, uint32_t slot, size_t room) {
  return slab->records != NULL ? slab->records[span->firstRecord + slot].size : room;
}

static const char *checkView(const mema_Slab *slab, const mema_SlabView *view, size_t *chunks, size_t *room,
                             bool *afterFree) {
  const mema_Span *span = view->span;
  if (view->units == 0 || view->units > slab->runs.frontier - view->unit)
    return "spans and runs fill the units below the frontier";
  if (span->kind != mema_unitSlots && span->remainders != 0)
    return "only a span of slots can be looked up by a multiplication";
  if (span->kind == mema_unitFree) return checkFree(slab, view, afterFree);
  *afterFree = false;
  if (span->kind == mema_unitLarge) {
    const char *misplaced = checkPlaces(slab, span, view->unit);
    if (misplaced != NULL) return misplaced;
    *chunks += span->place != mema_placeLost;
    *room += span->place != mema_placeLost ? chargeOf(slab, span, 0, span->bytes) : 0;
    return span->bytes <= (size_t)view->units << slab->unitShift ? NULL : "a large chunk lies in its run";
  }
  if (span->kind != mema_unitSlots) return "every unit below the frontier belongs to a span or a free run";
  const char *broken = checkSlots(slab, span, view->unit);
  if (broken != NULL) return broken;
  *chunks += span->slots - mema_freeSlots(span);
  for (uint32_t slot = 0; slot < span->slots; slot++)
    if (!mema_slotIsFree(span, slot)) *room += chargeOf(slab, span, slot, span->slotSize);
  return NULL;
}

/* Checks that only a few chunks that slots would hold have runs of their own, because they have grown. Checks
 * the count of untouched bytes in the runs of large chunks. */
static const char *checkLarge(const mema_Slab *slab) {
  uint32_t grown = 0;
  size_t slack = 0;
  mema_SlabView view;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units) {
    if (view.span->kind != mema_unitLarge) continue;
    slack += mema_spanSlack(slab, view.span);
    if (view.span->place != mema_placeGrown) continue;
    if (view.span->bytes != mema_slabRoom(&slab->heap, view.span->bytes, MEMA_ALIGNMENT) || view.span->bytes > mema_slotMax)
      return "a grown chunk is charged as in a slot";
    grown++;
  }
  if (slack != slab->runs.slack) return "what large chunks do not use of their runs is counted";
  return grown == slab->runs.grown && grown <= mema_grownMost ? NULL : "the grown chunks are few, and counted";
}

static const char *checkClean(const mema_Slab *slab) {
  size_t pages = 0;
  mema_SlabView view;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units)
    if (view.span->kind == mema_unitSlots) pages += mema_cleanPages(view.span);
  return pages * mema_osPageSize() == slab->runs.cleanBytes ? NULL : "the clean pages of spans are counted";
}

static const char *checkReady(const mema_Slab *slab) {
  if (slab->source == NULL) return NULL;
  const mema_RecordRanges *ranges = &slab->recordRanges;
  const mema_SharedTables *shared = &slab->shared;
  size_t entries = shared->states != NULL ? slab->runs.frontier : 0;
  size_t records = ranges->mainNext != ranges->mainFirst ? mema_sourceRecordBytes(slab, ranges->mainNext) : 0;
  return mema_sourceCheck(
      slab, (const size_t[mema_parts]){[mema_partArea] = (size_t)slab->runs.frontier << slab->unitShift,
                                       [mema_partSpans] = slab->runs.frontier * sizeof(mema_Span),
                                       [mema_partBitmaps] = ((size_t)slab->bitmapUnits << slab->unitShift) / 128,
                                       [mema_partRest] = mema_magazineBytes(slab->magazineSize, slab->classCount),
                                       [mema_partPageMap] = entries * sizeof(mema_MapEntry),
                                       [mema_partLinks] = shared->usedRows * sizeof(mema_RowLink),
                                       [mema_partStates] = (size_t)shared->usedRows * mema_stateRow,
                                       [mema_partRecords] = records});
}

const char *mema_slabCheckCached(const mema_Heap *heap, size_t *chunks, size_t *room) {
  const mema_Slab *slab = mema_constSlab(heap);
  size_t freeUnits = 0, dirtyUnits = 0, runs = 0;
  bool afterFree = false;
  mema_SlabView view;
  for (uint32_t unit = 0; mema_slabNext(slab, unit, &view); unit += view.units) {
    const char *broken = checkView(slab, &view, chunks, room, &afterFree);
    if (broken != NULL) return broken;
    if (view.span->kind != mema_unitFree) continue;
    freeUnits += view.units;
    dirtyUnits += view.span->dirtyUnits;
    runs++;
  }
  if (slab->runs.frontier > slab->runs.units || freeUnits != slab->runs.freeUnits || dirtyUnits != slab->runs.dirtyUnits)
    return "the free and dirty units are those of the free runs";
  const char *broken = mema_runCheck(slab, runs);
  if (broken == NULL) broken = checkMagazines(slab);
  if (broken == NULL) broken = checkLarge(slab);
  if (broken == NULL) broken = checkClean(slab);
  if (broken == NULL) broken = checkReady(slab);
  if (broken == NULL) broken = checkIdle(slab);
  return broken != NULL ? broken : checkPartial(slab);
}

const char *mema_slabCheck(const mema_Heap *heap, size_t *chunks, size_t *room) {
  const char *broken = mema_slabCheckCached(heap, chunks, room);
  return broken != NULL ? broken : checkStates(mema_constSlab(heap));
}
