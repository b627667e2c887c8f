/* slab.c - spans of slots: where size classes take their slots from, and what happens to a span as it fills and empties.
 *
 *   palloc: word at hand used up -> mema_slabRefill -> next word, next partial span, new span
 *   pfree:  a word's first free slot, or its last live one -> mema_slabGiven -> list of partial spans, or run given back
 *
 * A span that was full and has one free slot goes to the tail of its class's list: by the time it is reached it has collected
 * more (at the head, random replacement took two to three times as long in a prototype).
 */
#include "slab.h"

static const uint64_t noWord = 0;
static const uint64_t allFree = UINT64_MAX;
static const mema_SlotClass noClass = {.word = (uint64_t *)(uintptr_t)&allFree};

/* Whatever mema_giveLast is asked from now on, it finds free already. */
void mema_slabForgetLast(mema_Slab *slab) {
  slab->lastPtr = NULL;
  slab->lastClass = (mema_SlotClass *)(uintptr_t)&noClass;
  slab->lastBit = 0;
}

void mema_slabResetClasses(mema_Slab *slab) {
  mema_slabForgetLast(slab);
  for (unsigned i = 0; i < slab->classCount; i++) {
    mema_SlotClass *class = &slab->classes[i];
    class->slotSize = mema_classSize(i);
    class->word = (uint64_t *)(uintptr_t)&noWord; /* never written: a word of 0 is only looked at */
    class->active = class->partialHead = class->partialTail = mema_noUnit;
  }
}

/* ---- the list of partial spans ----------------------------------------------------------------------------------------- */

static void appendPartial(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = &slab->classes[span->class];
  uint32_t unit = mema_unitOf(slab, span);
  span->place = mema_placePartial;
  span->next = mema_noUnit;
  span->prev = class->partialTail;
  if (class->partialTail != mema_noUnit) {
    slab->spans[class->partialTail].next = unit;
  } else {
    class->partialHead = unit;
  }
  class->partialTail = unit;
}

static void removePartial(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = &slab->classes[span->class];
  if (span->prev != mema_noUnit) {
    slab->spans[span->prev].next = span->next;
  } else {
    class->partialHead = span->next;
  }
  if (span->next != mema_noUnit) {
    slab->spans[span->next].prev = span->prev;
  } else {
    class->partialTail = span->prev;
  }
  span->place = mema_placeFull;
}

/* ---- records ----------------------------------------------------------------------------------------------------------- */

/* `count` Block records in a row for a span or large chunk of this class. Ranges given back serve their class again. */
static bool takeRecords(mema_Slab *slab, unsigned class, uint32_t count, uint32_t *first) {
  *first = 0;
  if (slab->records == NULL) return true;
  if (slab->freeRecords[class] != 0) {
    *first = slab->freeRecords[class] - 1;
    slab->freeRecords[class] = (uint32_t)slab->records[*first].size;
    return true;
  }
  bool near = count <= slab->nearEnd - slab->nearNext;
  uint32_t *next = near ? &slab->nearNext : &slab->mainNext;
  if (!near && count > slab->mainEnd - slab->mainNext) return false;
  *first = *next;
  *next += count;
  if (!near) mema_slabHugeRecords(slab);
  return true;
}

static void giveRecords(mema_Slab *slab, unsigned class, uint32_t first) {
  if (slab->records == NULL) return;
  slab->records[first].size = slab->freeRecords[class];
  slab->freeRecords[class] = first + 1;
}

/* ---- spans ------------------------------------------------------------------------------------------------------------- */

/* Units of a span of this class: enough for eight slots. */
static uint32_t spanUnits(const mema_Slab *slab, uint32_t slotSize) {
  uint32_t units = 1;
  while (units < mema_spanUnitsMax && ((size_t)units << slab->unitShift) / slotSize < 8) units *= 2;
  return units;
}

/* Marks all slots free, as the bitmap, the summary and lastMask say it. */
void mema_spanAllFree(mema_Span *span) {
  uint32_t words = mema_spanWords(span);
  for (uint32_t w = 0; w + 1 < words; w++) span->bitmap[w] = UINT64_MAX;
  span->bitmap[words - 1] = span->lastMask;
  span->summary = UINT64_MAX >> (64 - words);
}

bool mema_spanIsEmpty(const mema_Span *span) {
  uint32_t words = mema_spanWords(span);
  for (uint32_t w = 0; w + 1 < words; w++)
    if (span->bitmap[w] != UINT64_MAX) return false;
  return span->bitmap[words - 1] == span->lastMask;
}

static void formatSpan(mema_Slab *slab, uint32_t unit, uint32_t units, unsigned class, uint32_t firstRecord) {
  mema_Span *span = &slab->spans[unit];
  uint32_t slotSize = mema_classSize(class), slots = (uint32_t)(((size_t)units << slab->unitShift) / slotSize);
  *span = (mema_Span){.slotSize = slotSize,
                      .reciprocal = ((UINT32_C(1) << 31) + slotSize / 16 - 1) / (slotSize / 16),
                      .slots = (uint16_t)slots,
                      .kind = mema_unitSlots,
                      .class = (uint8_t) class,
                      .units = units,
                      .firstRecord = firstRecord,
                      .lastMask = UINT64_MAX >> (63 - (slots - 1) % 64)};
  if (slots > 64 && unit + units > slab->bitmapUnits) slab->bitmapUnits = unit + units;
  span->bitmap = slots <= 64 ? &span->word : (uint64_t *)(void *)(slab->bitmaps + (((size_t)unit << slab->unitShift) / 128));
  mema_spanAllFree(span);
  for (uint32_t i = 1; i < units; i++) {
    slab->spans[unit + i].kind = mema_unitInside;
    slab->spans[unit + i].back = (uint16_t)i;
  }
}

/* Gives the units of a span that is on no list back; returns the first unit behind the free run that this makes. */
static uint32_t releaseSpan(mema_Slab *slab, mema_Span *span) {
  uint32_t units = span->units;
  giveRecords(slab, span->class, span->firstRecord);
  for (uint32_t i = 0; i < units; i++) span[i].kind = mema_unitNone;
  return mema_runGive(slab, mema_unitOf(slab, span), units, true);
}

/* Gives all empty spans back, but the one that each class is serving from. Returns bytes of units. On a list only the head can be
 * empty: mema_slabGiven keeps a span that empties only while it is alone there, and others are appended behind it. */
size_t mema_slabReleaseEmpty(mema_Slab *slab) {
  size_t bytes = 0;
  for (unsigned i = 0; i < slab->classCount; i++) {
    uint32_t unit = slab->classes[i].partialHead;
    if (unit == mema_noUnit || !mema_spanIsEmpty(&slab->spans[unit])) continue;
    mema_Span *span = &slab->spans[unit];
    bytes += (size_t)span->units << slab->unitShift;
    removePartial(slab, span);
    releaseSpan(slab, span);
  }
  return bytes;
}

/* The same for the spans being served from. */
void mema_slabReleaseActive(mema_Slab *slab) {
  mema_slabForgetLast(slab);
  for (unsigned i = 0; i < slab->classCount; i++) {
    mema_SlotClass *class = &slab->classes[i];
    if (class->active == mema_noUnit || !mema_spanIsEmpty(&slab->spans[class->active])) continue;
    releaseSpan(slab, &slab->spans[class->active]);
    class->active = mema_noUnit;
    class->word = (uint64_t *)(uintptr_t)&noWord;
  }
}

/* Every slot of every span was just freed: the first span of each class stays for the next chunks, the others' units go. */
uint32_t mema_slabClearSpan(mema_Slab *slab, mema_Span *span) {
  uint32_t unit = mema_unitOf(slab, span), units = span->units;
  if (slab->classes[span->class].partialHead == mema_noUnit) {
    mema_spanAllFree(span);
    appendPartial(slab, span);
    return unit + units;
  }
  return releaseSpan(slab, span);
}

/* A run, at the cost of spans kept for reuse if there is no other. */
static uint32_t takeRun(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed) {
  uint32_t run = mema_runTake(slab, units, alignUnits, zeroed);
  if (run == mema_noUnit && mema_slabReleaseEmpty(slab) != 0) run = mema_runTake(slab, units, alignUnits, zeroed);
  return run;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------- */

static void serveWord(mema_Slab *slab, mema_SlotClass *class, mema_Span *span) {
  unsigned w = (unsigned)__builtin_ctzll(span->summary);
  span->summary &= span->summary - 1;
  class->word = &span->bitmap[w];
  class->base = mema_unitAddress(slab, mema_unitOf(slab, span)) + (size_t)w * 64 * span->slotSize;
  if (slab->records != NULL) class->records = slab->records + span->firstRecord + w * 64;
}

static void activate(mema_Slab *slab, mema_SlotClass *class, mema_Span *span) {
  span->place = mema_placeActive;
  class->active = mema_unitOf(slab, span);
  serveWord(slab, class, span);
}

static bool newSpan(mema_Slab *slab, unsigned class) {
  uint32_t slotSize = mema_classSize(class), units = spanUnits(slab, slotSize), firstRecord;
  uint32_t slots = (uint32_t)(((size_t)units << slab->unitShift) / slotSize);
  if (!takeRecords(slab, class, slots, &firstRecord)) return false;
  bool zeroed;
  uint32_t unit = takeRun(slab, units, 1, &zeroed);
  if (unit == mema_noUnit) {
    giveRecords(slab, class, firstRecord);
    return false;
  }
  formatSpan(slab, unit, units, class, firstRecord);
  mema_slabHugeArea(slab, true);
  activate(slab, &slab->classes[class], &slab->spans[unit]);
  return true;
}

/* Gives the class a word with a free slot; false iff the slab has no room for another span. */
bool mema_slabRefill(mema_Slab *slab, unsigned class) {
  mema_SlotClass *c = &slab->classes[class];
  mema_slabForgetLast(slab);
  if (c->active != mema_noUnit) {
    mema_Span *span = &slab->spans[c->active];
    if (span->summary != 0) {
      serveWord(slab, c, span);
      return true;
    }
    span->place = mema_placeFull;
    c->active = mema_noUnit;
    c->word = (uint64_t *)(uintptr_t)&noWord;
  }
  if (c->partialHead != mema_noUnit) {
    mema_Span *span = &slab->spans[c->partialHead];
    removePartial(slab, span);
    activate(slab, c, span);
    return true;
  }
  return newSpan(slab, class);
}

/* A word that had no free slot may have one. The word being served is looked at anyway: in the summary it would be found
 * twice. */
static void noteFreeSlot(mema_Slab *slab, mema_Span *span, uint32_t word) {
  if (slab->classes[span->class].word == &span->bitmap[word]) return;
  span->summary |= UINT64_C(1) << word;
  if (span->place == mema_placeFull) appendPartial(slab, span);
}

/* An empty span is given back, unless it is the only one that its class could go on with. */
bool mema_slabGiven(mema_Slab *slab, mema_Span *span, uint32_t word) {
  const mema_SlotClass *class = &slab->classes[span->class];
  noteFreeSlot(slab, span, word);
  if (span->place != mema_placePartial || class->partialHead == class->partialTail || !mema_spanIsEmpty(span)) return true;
  removePartial(slab, span);
  releaseSpan(slab, span);
  return true;
}

static bool takeSlotOf(mema_Slab *slab, unsigned class, mema_Chunk *chunk) {
  mema_SlotClass *c = &slab->classes[class];
  if (*c->word == 0 && !mema_slabRefill(slab, class)) return false;
  unsigned bit = mema_takeSlot(slab, c, &chunk->ptr);
  mema_Span *span = &slab->spans[c->active];
  chunk->room = c->slotSize;
  chunk->record = slab->records != NULL ? c->records + bit : NULL;
  chunk->slab = slab;
  chunk->span = span;
  chunk->slot = (uint32_t)(c->word - span->bitmap) * 64 + bit;
  chunk->zeroed = false;
  return true;
}

/* ---- large chunks ------------------------------------------------------------------------------------------------------ */

/* Large chunks are charged by the page, or by the unit where that is smaller. */
static size_t grainOf(const mema_Slab *slab) {
  size_t unit = mema_unitSize(slab), page = mema_osPageSize();
  return unit < page ? unit : page;
}

static bool takeLarge(mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  size_t units = mema_roundUp(size, mema_unitSize(slab)) >> slab->unitShift, alignUnits = alignment >> slab->unitShift;
  if (units > slab->units || alignUnits > slab->units) return false;
  uint32_t record;
  if (!takeRecords(slab, mema_classCount, 1, &record)) return false;
  uint32_t unit = takeRun(slab, (uint32_t)units, alignUnits == 0 ? 1 : (uint32_t)alignUnits, &chunk->zeroed);
  if (unit == mema_noUnit) {
    giveRecords(slab, mema_classCount, record);
    return false;
  }
  mema_Span *span = &slab->spans[unit];
  *span = (mema_Span){.kind = mema_unitLarge,
                      .class = mema_classCount,
                      .place = mema_placeOrdinary,
                      .dirty = !chunk->zeroed,
                      .units = (uint32_t)units,
                      .firstRecord = record,
                      .bytes = mema_roundUp(size, grainOf(slab))};
  mema_slabHugeArea(slab, false);
  slab->largeSlack += mema_spanSlack(slab, span);
  chunk->ptr = mema_unitAddress(slab, unit);
  chunk->room = span->bytes;
  chunk->record = slab->records != NULL ? slab->records + record : NULL;
  chunk->slab = slab;
  chunk->span = span;
  chunk->slot = 0;
  return true;
}

/* Gives a large chunk's units back; returns the first unit behind the free run that this makes. */
uint32_t mema_slabGiveLarge(mema_Slab *slab, mema_Span *span) {
  uint32_t unit = mema_unitOf(slab, span), units = span->units;
  /* Moved pages lie in a kernel mapping of their own; a fresh one in their place joins its neighbours again. */
  bool moved = span->place == mema_placeMoved;
  bool dirty = !moved || !mema_osRenew(mema_unitAddress(slab, unit), (size_t)units << slab->unitShift);
  slab->movedRuns -= moved;
  slab->largeSlack -= mema_spanSlack(slab, span);
  giveRecords(slab, mema_classCount, span->firstRecord);
  return mema_runGive(slab, unit, units, dirty);
}

/* ---- chunks of any size ------------------------------------------------------------------------------------------------ */

/* The class that serves this request, or classCount where it takes a run of its own. Slots of a size that is a multiple of the
 * alignment are aligned, since spans start at units. */
static unsigned classFor(const mema_Slab *slab, size_t size, size_t alignment) {
  if (size > mema_slotMax || alignment > mema_unitSize(slab)) return slab->classCount;
  unsigned class = mema_classOf(size);
  if (alignment > MEMA_ALIGNMENT)
    while (class < slab->classCount && (mema_classSize(class) & (alignment - 1)) != 0) class ++;
  return class < slab->classCount ? class : slab->classCount;
}

bool mema_slabTake(mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  unsigned class = classFor(slab, size, alignment);
  return class < slab->classCount ? takeSlotOf(slab, class, chunk) : takeLarge(slab, size, alignment, chunk);
}

size_t mema_slabRoom(const mema_Slab *slab, size_t size, size_t alignment) {
  unsigned class = classFor(slab, size, alignment);
  return class < slab->classCount ? mema_classSize(class) : mema_roundUp(size, grainOf(slab));
}

bool mema_slabFind(mema_Slab *slab, const void *ptr, mema_Chunk *chunk) {
  size_t offset = (uintptr_t)ptr - (uintptr_t)slab->area;
  if (offset >= slab->areaSize) return false;
  size_t unit = offset >> slab->unitShift;
  if (unit >= slab->frontier) return false;
  mema_Span *span = &slab->spans[unit];
  if (span->kind == mema_unitInside) {
    unit -= span->back;
    span -= span->back;
  }
  offset -= unit << slab->unitShift;
  chunk->slot = 0;
  if (span->kind == mema_unitSlots) {
    if (!mema_slotAt(span, offset, &chunk->slot)) return false;
    if ((span->bitmap[chunk->slot / 64] >> chunk->slot % 64 & 1) != 0) return false;
    chunk->room = span->slotSize;
  } else if (span->kind == mema_unitLarge && offset == 0 && span->place != mema_placeLost) {
    chunk->room = span->bytes;
  } else {
    return false;
  }
  chunk->ptr = (char *)(uintptr_t)ptr;
  chunk->record = slab->records != NULL ? slab->records + span->firstRecord + chunk->slot : NULL;
  chunk->slab = slab;
  chunk->span = span;
  return true;
}

void mema_slabGive(mema_Slab *slab, const mema_Chunk *chunk) {
  mema_Span *span = chunk->span;
  if (span->kind != mema_unitSlots) {
    mema_slabGiveLarge(slab, span);
    return;
  }
  uint64_t *word = &span->bitmap[chunk->slot / 64], before = *word;
  *word = before | UINT64_C(1) << chunk->slot % 64;
  if (mema_giveMatters(span, before, *word)) mema_slabGiven(slab, span, chunk->slot / 64);
}
