/* slab.c - spans of slots: how size classes get their slots, and how a span changes as it fills and empties.
 *
 *   palloc: word at hand used up, or magazine empty -> mema_slabRefill -> next noted word, next partial span, new span
 *   pfree:  a word's first free slot, or no room in the magazine -> mema_slabNote -> the word is noted, its span opened
 *           a word's last live slot -> mema_slabEmptied -> run given back
 *
 * A span with its first noted word goes to the tail of its class's list. It collects more free slots before its
 * turn comes. (At the head, random replacement took two to three times as long in a prototype.)
 */
#include <string.h>

#include "source.h"

enum {
  magazineBytes = 64 * 1024, /* the slots in one magazine have at most this many bytes */
  ownedTries = 64,           /* spans searched from either end of a list for one of an owner */
  ownedFew = 16,             /* spans searched when spans of other owners will do */
  idleSpans = 2,             /* threads take no free slots of other owners up to the slots of this many spans, */
  idleUnits = 256,           /* and one span more for each of this many used units */
  denials = 64,              /* requests denied without a search after one that was searched for in vain */
  manyUnits = 192,           /* used units (12 MiB) from which freed slots are always kept in magazines, */
  someUnits = 16,            /* and from which they are if words have few free slots: see chooseMode */
  yields = 64,               /* words that the running mean covers */
  yieldSlotMost = 1024,      /* spans of slots up to this size have a word of 64 slots at least */
  poorYield = 6,
  richYield = 24, /* a magazine has 32 */
};

static const uint64_t noWord = 0;
static uint64_t allFree = UINT64_MAX; /* never written, since a free slot is not freed */

static void serveNothing(mema_Slab *slab, mema_SlotClass *class) {
  mema_forgetLast(slab);
  class->word = (uint64_t *)(uintptr_t)&noWord; /* never written, since a word of 0 is only read */
}

/* Sets the mode. The generation carries it to the pool. */
static void setMode(mema_Slab *slab, uint8_t mode) {
  uintptr_t generation = slab->heap.generation;
  if (generation != 0) mema_storeWord(&slab->heap.generation, generation + mode - slab->heap.mode);
  slab->heap.mode = mode;
}

/* The size of a class's magazine. Slots in magazines keep their spans, so a magazine of large slots, of which a
 * span has few, is small. */
static uint32_t magazineSizeFor(const mema_Slab *slab, uint32_t slotSize) {
  uint32_t few = magazineBytes / slotSize;
  return few < slab->magazineSize ? few : slab->magazineSize;
}

void mema_slabResetClasses(mema_Slab *slab) {
  setMode(slab, (uint8_t)((slab->records != NULL ? mema_modeRecords : 0) |
                          (slab->heap.mode & (mema_modeFamily | mema_modeBound))));
  slab->classes[slab->classCount].word = &allFree;
  slab->yield = yields * 64;
  mema_forgetLast(slab);
  for (unsigned i = 0; i < slab->classCount; i++) {
    mema_SlotClass *class = &slab->classes[i];
    serveNothing(slab, class);
    class->slotSize = mema_classSize(i);
    class->active = class->partialHead = class->partialTail = mema_noUnit;
    class->idle = 0;
    class->top = class->bottom = slab->magazines + (size_t)i * slab->magazineSize;
    class->limit = class->bottom + magazineSizeFor(slab, class->slotSize);
  }
}

/* ---- the list of partial spans ----------------------------------------------------------------------------------------- */

static void prependPartial(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = mema_spanClass(slab, span);
  uint32_t unit = mema_unitOf(slab, span);
  span->place = mema_placePartial;
  span->prev = mema_noUnit;
  span->next = class->partialHead;
  if (class->partialHead != mema_noUnit) {
    slab->spans[class->partialHead].prev = unit;
  } else {
    class->partialTail = unit;
  }
  class->partialHead = unit;
}

static void appendPartial(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = mema_spanClass(slab, span);
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
  mema_SlotClass *class = mema_spanClass(slab, span);
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
  span->place = mema_placeClosed;
}

/* ---- records ----------------------------------------------------------------------------------------------------------- */

/* Takes rows of states for a span of this class. Rows of a span that ended in the current period, or the one before, are
 * not reused: a look-up may still read them. */
static bool takeRows(mema_Slab *slab, unsigned class, uint32_t slots, uint32_t *first) {
  uint32_t count = (slots + mema_stateRow - 1) / mema_stateRow, waiting = slab->shared.freeRows[class];
  if (waiting != 0 && slab->shared.period - slab->shared.rowLinks[waiting - 1].period >= mema_gracePeriods) {
    *first = waiting - 1;
    slab->shared.freeRows[class] = slab->shared.rowLinks[*first].next;
    return true;
  }
  slab->shared.youngRows += waiting != 0;
  if (count > slab->shared.rows - slab->shared.usedRows || !mema_readyRows(slab, slab->shared.usedRows + count))
    return false;
  *first = slab->shared.usedRows;
  slab->shared.usedRows += count;
  return true;
}

/* Takes `count` Block records in a row for a span or large chunk of this class. Ranges given back serve their
 * class again. */
static bool takeRecords(mema_Slab *slab, unsigned class, uint32_t count, uint32_t *first) {
  *first = 0;
  if (slab->shared.states != NULL && class < mema_classCount) return takeRows(slab, class, count, first);
  if (slab->records == NULL) return true;
  if (slab->recordRanges.freeRecords[class] != 0) {
    *first = slab->recordRanges.freeRecords[class] - 1;
    slab->recordRanges.freeRecords[class] = (uint32_t)slab->records[*first].size;
    return true;
  }
  bool near = count <= slab->recordRanges.nearEnd - slab->recordRanges.nearNext;
  uint32_t *next = near ? &slab->recordRanges.nearNext : &slab->recordRanges.mainNext;
  if (!near && (count > slab->recordRanges.mainEnd - slab->recordRanges.mainNext ||
                !mema_readyRecords(slab, slab->recordRanges.mainNext + count)))
    return false;
  *first = *next;
  *next += count;
  if (!near) mema_slabHugeRecords(slab);
  return true;
}

static void giveRecords(mema_Slab *slab, unsigned class, uint32_t first) {
  if (slab->shared.states != NULL && class < mema_classCount) {
    slab->shared.rowLinks[first] = (mema_RowLink){.next = slab->shared.freeRows[class], .period = slab->shared.period};
    slab->shared.freeRows[class] = first + 1;
  }
  if (slab->records == NULL) return;
  slab->records[first].size = slab->recordRanges.freeRecords[class];
  slab->recordRanges.freeRecords[class] = first + 1;
}

/* ---- spans ------------------------------------------------------------------------------------------------------------- */

/* The units of a span of this class: enough for eight slots. */
static uint32_t spanUnits(const mema_Slab *slab, uint32_t slotSize) {
  uint32_t units = 1;
  while (units < mema_spanUnitsMax && ((size_t)units << slab->unitShift) / slotSize < 8) units *= 2;
  return units;
}

/* Marks all slots free in the bitmap and the summary. */
static void spanAllFree(mema_Span *span) {
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

/* Sets the page map entries of a span, for look-ups without a lock. */
static void setEntries(const mema_Slab *slab, uint32_t unit, const mema_Span *span) {
  if (slab->shared.pageMap == NULL) return;
  uint64_t same = (uint64_t)span->firstRecord << 16 | (uint64_t)slab->shared.ownerId << 8;
  for (uint32_t i = 0; i < span->units; i++) {
    uint64_t kind = span->units == 1 ? mema_nearEntry(span->class, span->slotSize) : mema_farEntry(span->class, i);
    atomic_store_explicit(&slab->shared.pageMap[unit + i], same | kind, memory_order_release);
  }
}

static void clearEntries(const mema_Slab *slab, uint32_t unit, uint32_t units) {
  for (uint32_t i = 0; slab->shared.pageMap != NULL && i < units; i++)
    atomic_store_explicit(&slab->shared.pageMap[unit + i], 0, memory_order_relaxed);
}

static uint32_t slotsIn(const mema_Slab *slab, uint32_t units, uint32_t slotSize) {
  return (uint32_t)(((size_t)units << slab->unitShift) / slotSize);
}

static void formatSpan(mema_Slab *slab, uint32_t unit, uint32_t units, unsigned class, uint32_t firstRecord) {
  mema_Span *span = &slab->spans[unit];
  uint32_t slotSize = mema_classSize(class), slots = slotsIn(slab, units, slotSize);
  *span = (mema_Span){.slotSize = (uint16_t)slotSize,
                      .remainders = mema_remaindersOf(slotSize, slots),
                      .reciprocal = mema_reciprocalOf(slotSize),
                      .slots = (uint16_t)slots,
                      .kind = mema_unitSlots,
                      .class = (uint8_t) class,
                      .classOffset = (uint16_t)((char *)&slab->classes[class] - (char *)slab),
                      .units = units,
                      .firstRecord = firstRecord,
                      .lastMask = UINT64_MAX >> (63 - (slots - 1) % 64)};
  slab->classes[class].idle += slots;
  if (slots > 64 && unit + units > slab->bitmapUnits) slab->bitmapUnits = unit + units;
  span->bitmap = slots <= 64 ? &span->word : (uint64_t *)(void *)(slab->bitmaps + (((size_t)unit << slab->unitShift) / 128));
  spanAllFree(span);
  setEntries(slab, unit, span);
  for (uint32_t i = 1; i < units; i++) {
    slab->spans[unit + i].kind = mema_unitInside;
    slab->spans[unit + i].back = (uint16_t)i;
  }
}

/* Gives back the units of a span that is on no list. Returns the first unit behind the free run that this
 * makes. */
static uint32_t releaseSpan(mema_Slab *slab, mema_Span *span) {
  uint32_t units = span->units;
  if (span->clean != 0) mema_spanForget(slab, span);
  slab->usedSinceReset = true;
  slab->classes[span->class].idle -= span->slots;
  giveRecords(slab, span->class, span->firstRecord);
  clearEntries(slab, mema_unitOf(slab, span), units);
  span->remainders = 0;
  for (uint32_t i = 0; i < units; i++) span[i].kind = mema_unitNone;
  return mema_runGive(slab, mema_unitOf(slab, span), units, true);
}

/* Puts a span with free slots, which is not active, on its class's list. */
static void putOnList(mema_Slab *slab, mema_Span *span) {
  if (mema_spanIsEmpty(span)) {
    prependPartial(slab, span);
  } else {
    appendPartial(slab, span);
  }
}

/* Notes a word with free slots in its span's summary, and puts the span on its class's list. */
static void noteWord(mema_Slab *slab, mema_Span *span, uint32_t word) {
  span->summary |= UINT64_C(1) << word;
  if (span->place == mema_placeActive) return;
  if (span->place == mema_placePartial) {
    if (!mema_spanIsEmpty(span)) return;
    removePartial(slab, span); /* it may have become empty at its place in the list */
  }
  putOnList(slab, span);
}

/* Ends serving the class from its word at hand; notes the word if it has free slots. */
static void park(mema_Slab *slab, mema_SlotClass *class) {
  if (*class->word != 0) {
    mema_Span *active = &slab->spans[class->active];
    active->summary |= UINT64_C(1) << (class->word - active->bitmap);
  }
  serveNothing(slab, class);
}

/* From now on freed slots are kept in magazines. */
static void keepRecent(mema_Slab *slab) {
  for (unsigned i = 0; i < slab->classCount; i++) park(slab, &slab->classes[i]);
  setMode(slab, slab->heap.mode | mema_modeMagazines);
}

/* Empties the magazine and the word at hand: notes every word with a free slot, and puts every span with one on
 * its class's list. */
static void settle(mema_Slab *slab, mema_SlotClass *class) {
  slab->usedSinceReset = true;
  park(slab, class);
  while (class->top > class->bottom) {
    const mema_FreeSlot *slot = --class->top;
    mema_Span *span = mema_slabSpanAt(slab, slot->ptr);
    noteWord(slab, span, (uint32_t)(slot->word - span->bitmap));
  }
  if (class->active == mema_noUnit) return;
  mema_Span *active = &slab->spans[class->active];
  class->active = mema_noUnit;
  active->place = mema_placeClosed;
  if (active->summary != 0) putOnList(slab, active);
}

/* From now on freed slots go to their words again. */
static void keepWords(mema_Slab *slab) {
  for (unsigned i = 0; i < slab->classCount; i++) settle(slab, &slab->classes[i]);
  setMode(slab, (uint8_t)(slab->heap.mode & ~mema_modeMagazines));
}

/* Chooses between words and magazines by the number of free slots found at the last refills. When chunks are
 * freed and allocated at random, words have only one or two free slots; most calls then go on to another word,
 * and their branches are mispredicted. Magazines do better there. They do worse with chunks freed in batches,
 * which leave full words or magazines. In large slabs words are also cold, so magazines are always used. */
static void chooseMode(mema_Slab *slab) {
  if (slab->magazineSize == 0) return;
  mema_idleVisit(slab);
  uint32_t used = mema_usedUnits(slab);
  if ((slab->heap.mode & mema_modeMagazines) == 0) {
    if (slab->yield < poorYield * yields && used >= someUnits) keepRecent(slab);
  } else if (slab->yield > richYield * yields && used < manyUnits) {
    keepWords(slab);
  }
}

static void noteYield(mema_Slab *slab, const mema_SlotClass *class) {
  size_t found = (slab->heap.mode & mema_modeMagazines) != 0 ? (size_t)(class->top - class->bottom)
                                                             : (size_t)__builtin_popcountll(*class->word);
  slab->yield += (uint32_t)found - slab->yield / yields;
}

/* Gives back the empty spans of a class, except `kept` of them. Returns the bytes of their units. */
static size_t releaseEmpty(mema_Slab *slab, mema_SlotClass *class, uint32_t kept) {
  size_t bytes = 0;
  settle(slab, class);
  uint32_t unit = class->partialHead;
  for (; kept > 0 && unit != mema_noUnit; kept--) unit = slab->spans[unit].next;
  while (unit != mema_noUnit && mema_spanIsEmpty(&slab->spans[unit])) {
    mema_Span *span = &slab->spans[unit];
    unit = span->next;
    bytes += (size_t)span->units << slab->unitShift;
    removePartial(slab, span);
    releaseSpan(slab, span);
  }
  return bytes;
}

size_t mema_slabReleaseEmpty(mema_Slab *slab) {
  size_t bytes = 0;
  for (unsigned i = 0; i < slab->classCount; i++) bytes += releaseEmpty(slab, &slab->classes[i], 0);
  mema_idleSettle(slab);
  return bytes;
}

bool mema_slabHasGrown(const mema_Slab *slab) {
  uint32_t used = mema_usedUnits(slab);
  return used > slab->runs.growAt && used > slab->runs.growAt + (slab->runs.cleanBytes >> slab->unitShift);
}

uint64_t mema_slabSparse(const mema_Slab *slab) {
  uint32_t slots[mema_classCount] = {0}, free[mema_classCount] = {0}, ofSpan[mema_classCount] = {0};
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units) {
    const mema_Span *span = &slab->spans[unit];
    if (span->kind != mema_unitSlots) continue;
    slots[span->class] += span->slots;
    free[span->class] += mema_freeSlots(span);
    ofSpan[span->class] = span->slots;
  }
  uint64_t sparse = 0;
  for (unsigned i = 0; i < mema_classCount; i++)
    if (free[i] > ofSpan[i] && free[i] > slots[i] / 2) sparse |= UINT64_C(1) << i;
  return sparse;
}

void mema_slabReleaseSparse(mema_Slab *slab, uint64_t sparse) {
  if (mema_heldBytes(slab) >> slab->unitShift >= slab->runs.budgetUnits) mema_slabReleaseEmpty(slab);
  for (uint64_t left = sparse; left != 0; left &= left - 1) releaseEmpty(slab, &slab->classes[__builtin_ctzll(left)], 1);
  mema_idleSweepClasses(slab, sparse);
  mema_idleSettle(slab);
}

/* Takes a run. If there is none, spans kept for reuse are given back first. After a failure, requests as long
 * are denied without a search for a while. */
static uint32_t takeRun(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed) {
  if (slab->runs.denied > 0 && units >= slab->runs.deniedUnits) {
    slab->runs.denied--;
    return mema_noUnit;
  }
  if (slab->shared.states == NULL && mema_slabHasGrown(slab)) mema_slabReleaseSparse(slab, mema_slabSparse(slab));
  uint32_t run = mema_runTake(slab, units, alignUnits, zeroed);
  if (run == mema_noUnit && mema_slabReleaseEmpty(slab) != 0) run = mema_runTake(slab, units, alignUnits, zeroed);
  if (run == mema_noUnit && alignUnits == 1 && !mema_sourceRefused(slab)) {
    slab->runs.denied = denials;
    slab->runs.deniedUnits = units;
  }
  return run;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------- */

/* Loads an empty magazine with free slots of a word; the first slot lies on top and is taken first. Slots that
 * find no room in it stay noted. */
static void loadMagazine(mema_Slab *slab, mema_SlotClass *class, mema_Span *span, uint32_t word) {
  uint64_t free = span->bitmap[word];
  char *base = mema_unitAddress(slab, mema_unitOf(slab, span)) + (size_t)word * 64 * span->slotSize;
  for (; __builtin_popcountll(free) > class->limit - class->bottom; free ^= UINT64_C(1) << (63 - __builtin_clzll(free)))
    span->summary |= UINT64_C(1) << word;
  for (mema_FreeSlot *slot = class->top += __builtin_popcountll(free); free != 0; free &= free - 1) {
    unsigned bit = (unsigned)__builtin_ctzll(free);
    *--slot = (mema_FreeSlot){.ptr = base + (size_t)bit * span->slotSize,
                              .word = &span->bitmap[word],
                              .mask = UINT64_C(1) << bit,
                              .record = mema_slotRecord(slab, span, word * 64 + bit)};
  }
}

static void serveWord(mema_Slab *slab, mema_SlotClass *class, mema_Span *span, uint32_t word) {
  mema_forgetLast(slab);
  class->word = &span->bitmap[word];
  class->base = mema_unitAddress(slab, class->active) + (size_t)word * 64 * class->slotSize;
  class->firstRecord = span->firstRecord + word * 64;
}

/* Goes on with the next noted word of the active span. If no word has a free slot, closes the span and returns
 * false. */
static bool serveActive(mema_Slab *slab, mema_SlotClass *class) {
  mema_Span *span = &slab->spans[class->active];
  while (span->summary != 0) {
    unsigned word = (unsigned)__builtin_ctzll(span->summary);
    span->summary &= span->summary - 1;
    if (span->bitmap[word] == 0) continue; /* taken since it was noted */
    if ((slab->heap.mode & mema_modeMagazines) != 0) {
      loadMagazine(slab, class, span, word);
    } else {
      serveWord(slab, class, span, word);
    }
    return true;
  }
  span->place = mema_placeClosed;
  class->active = mema_noUnit;
  serveNothing(slab, class);
  return false;
}

/* Makes a span without clean pages serve its class. */
static bool serveSpan(mema_Slab *slab, mema_SlotClass *class, mema_Span *span) {
  span->place = mema_placeActive;
  class->active = mema_unitOf(slab, span);
  return serveActive(slab, class);
}

static bool activate(mema_Slab *slab, mema_SlotClass *class, mema_Span *span) {
  if (span->clean != 0) mema_spanReuse(slab, span);
  return serveSpan(slab, class, span);
}

/* Clears one span after every slot of every span was freed, and no span has clean pages. The first span of each class stays to serve the
 * next chunks; the units of the others are given back. */
uint32_t mema_slabClearSpan(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = mema_spanClass(slab, span);
  uint32_t unit = mema_unitOf(slab, span), units = span->units;
  class->idle += span->slots;
  if (class->active != mema_noUnit) return releaseSpan(slab, span);
  spanAllFree(span);
  serveSpan(slab, class, span);
  return unit + units;
}

bool mema_slabClearWords(mema_Slab *slab) {
  if (slab->usedSinceReset || slab->shared.states != NULL) return false;
  mema_forgetLast(slab);
  for (unsigned i = 0; i < slab->classCount; i++) {
    const mema_SlotClass *class = &slab->classes[i];
    if (class->active == mema_noUnit) continue;
    const mema_Span *span = &slab->spans[class->active];
    *class->word = span->slots <= 64 ? span->lastMask : UINT64_MAX;
  }
  return true;
}

static bool newSpan(mema_Slab *slab, unsigned class) {
  uint32_t slotSize = mema_classSize(class), units = spanUnits(slab, slotSize), firstRecord;
  if (!takeRecords(slab, class, slotsIn(slab, units, slotSize), &firstRecord)) return false;
  bool zeroed;
  uint32_t unit = takeRun(slab, units, 1, &zeroed);
  if (unit == mema_noUnit) {
    giveRecords(slab, class, firstRecord);
    return false;
  }
  formatSpan(slab, unit, units, class, firstRecord);
  if ((slab->heap.mode & mema_modeMagazines) == 0 && slab->magazineSize != 0 && mema_usedUnits(slab) >= manyUnits)
    keepRecent(slab);
  mema_slabHugeArea(slab, true);
  return serveSpan(slab, &slab->classes[class], &slab->spans[unit]);
}

/* Gives the class a word with a free slot, after its magazine and its word at hand are used up. False iff the
 * slab has no room for another span. */
static bool refill(mema_Slab *slab, unsigned class) {
  mema_SlotClass *c = &slab->classes[class];
  if (c->active != mema_noUnit && serveActive(slab, c)) return true;
  while (c->partialHead != mema_noUnit) {
    mema_Span *span = &slab->spans[c->partialHead];
    removePartial(slab, span);
    if (activate(slab, c, span)) return true;
  }
  return newSpan(slab, class);
}

bool mema_slabRefill(mema_Slab *slab, unsigned class) {
  mema_SlotClass *c = &slab->classes[class];
  bool tells = c->slotSize <= yieldSlotMost;
  slab->usedSinceReset = true;
  if (tells) chooseMode(slab);
  if (!refill(slab, class)) return false;
  if (tells) noteYield(slab, c);
  return true;
}

/* Removes the slots of a span from its class's magazine. */
static void dropRecent(const mema_Slab *slab, mema_SlotClass *class, const mema_Span *span) {
  mema_FreeSlot *kept = class->bottom;
  for (mema_FreeSlot *slot = class->bottom; slot < class->top; slot++)
    if (mema_slabSpanAt(slab, slot->ptr) != span) *kept++ = *slot;
  class->top = kept;
}

bool mema_slabNote(mema_Slab *slab, mema_Span *span, uint32_t word) {
  uint64_t free = span->bitmap[word];
  slab->usedSinceReset = true;
  span->summary |= UINT64_C(1) << word;
  if (span->place == mema_placeClosed) appendPartial(slab, span);
  return free == UINT64_MAX || free == span->lastMask ? mema_slabEmptied(slab, span) : true;
}

/* Gives an empty span back, unless it is active or the only one on its class's list. */
bool mema_slabEmptied(mema_Slab *slab, mema_Span *span) {
  mema_SlotClass *class = mema_spanClass(slab, span);
  slab->runs.denied = 0;
  if (span->place != mema_placePartial || !mema_spanIsEmpty(span)) return true;
  dropRecent(slab, class, span);
  if (class->partialHead != class->partialTail) {
    removePartial(slab, span);
    releaseSpan(slab, span);
    mema_idleVisit(slab);
  } else {
    spanAllFree(span);
  }
  return true;
}

static bool takeSlotOf(mema_Slab *slab, unsigned class, mema_Chunk *chunk) {
  mema_SlotClass *c = &slab->classes[class];
  if (!mema_slotAtHand(c) && !mema_slabRefill(slab, class)) return false;
  chunk->ptr = mema_takeAtHand(slab, c, NULL);
  chunk->room = c->slotSize;
  chunk->heap = &slab->heap;
  chunk->span = mema_slabSpanAt(slab, chunk->ptr);
  chunk->slot = mema_slotNumber(slab, chunk->span, chunk->ptr);
  chunk->record = mema_slotRecord(slab, chunk->span, chunk->slot);
  chunk->zeroed = false;
  return true;
}

/* ---- slots for threads ------------------------------------------------------------------------------------------------- */

/* Takes slots of the word at hand, the lowest first. */
static uint32_t takeFromWord(mema_Slab *slab, const mema_SlotClass *class, uint32_t most, mema_CachedSlot *end) {
  const mema_Span *span = &slab->spans[class->active];
  mema_State *states = mema_stateOf(slab, span, (uint32_t)(class->word - span->bitmap) * 64);
  char *base = class->base;
  uint64_t free = *class->word, slotSize = class->slotSize;
  mema_CachedSlot *next = end, *last = end - most;
  for (; free != 0 && next != last; free &= free - 1) {
    uint64_t bit = mema_lowestBit(free);
    *--next = (mema_CachedSlot){.ptr = base + bit * slotSize, .state = states + bit};
  }
  *class->word = free;
  return (uint32_t)(end - next);
}

/* Searches `tries` of the first and last partial spans of the class for one of this owner; mema_noUnit if there
 * is none. */
static uint32_t findOwned(const mema_Slab *slab, const mema_SlotClass *class, uint8_t ownerId, int tries) {
  uint32_t fore = class->partialHead, back = class->partialTail;
  for (; tries > 0 && fore != mema_noUnit; tries--, fore = slab->spans[fore].next, back = slab->spans[back].prev) {
    if (mema_ownerOf(slab, fore) == ownerId) return fore;
    if (mema_ownerOf(slab, back) == ownerId) return back;
  }
  return mema_noUnit;
}

/* As mema_slabRefill, but prefers spans of the owner, unless spans of others have many free slots. A thread
 * that frees slots of another thread's span ends that thread's privilege to free there without atomic
 * operations (threads/slotRef.h). If others have many free slots, each fill searches, so it searches few spans.
 * If they have few, a new span is made, and the search pays once. */
static bool refillOwned(mema_Slab *slab, unsigned class) {
  mema_SlotClass *c = &slab->classes[class];
  if (c->active != mema_noUnit && mema_ownerOf(slab, c->active) == slab->shared.ownerId && serveActive(slab, c)) return true;
  settle(slab, c);
  uint32_t slots = slotsIn(slab, spanUnits(slab, c->slotSize), c->slotSize);
  bool much = c->idle / slots >= idleSpans + mema_usedUnits(slab) / idleUnits;
  uint32_t own = findOwned(slab, c, slab->shared.ownerId, much ? ownedFew : ownedTries);
  if (own != mema_noUnit) {
    removePartial(slab, &slab->spans[own]);
    if (activate(slab, c, &slab->spans[own])) return true;
  }
  return (!much && newSpan(slab, class)) || mema_slabRefill(slab, class);
}

uint32_t mema_slabTakeCached(mema_Slab *slab, unsigned class, uint32_t most, mema_CachedSlot *end) {
  mema_SlotClass *c = &slab->classes[class];
  uint32_t count = 0;
  bool owned = slab->shared.ownerId != 0;
  mema_idleVisit(slab);
  mema_forgetLast(slab);
  if (owned && c->active != mema_noUnit && mema_ownerOf(slab, c->active) != slab->shared.ownerId) settle(slab, c);
  while (count < most && (*c->word != 0 || (owned ? refillOwned(slab, class) : mema_slabRefill(slab, class))))
    count += takeFromWord(slab, c, most - count, end - count);
  c->idle -= count;
  return count;
}

/* Takes back the first of some cached slots, and those behind it that have their bits in the same word. Returns their number.
 * Slots freed one after the other are often neighbours. */
static uint32_t giveToWord(mema_Slab *slab, const mema_CachedSlot *cachedSlots, uint32_t count) {
  mema_Span *span = mema_slabSpanAt(slab, cachedSlots[0].ptr);
  uint32_t number = mema_slotNumber(slab, span, cachedSlots[0].ptr), bit = number % 64, given = 1;
  uint32_t slots = span->slots - (number - bit) < 64 ? span->slots - (number - bit) : 64;
  uintptr_t start = (uintptr_t)cachedSlots[0].ptr - (size_t)bit * span->slotSize, bytes = (uintptr_t)slots * span->slotSize;
  uint64_t *word = &span->bitmap[number / 64], before = *word, mask = UINT64_C(1) << bit;
  for (; given < count && (uintptr_t)cachedSlots[given].ptr - start < bytes; given++) {
    size_t slot;
    mema_slotAt(span, ((uintptr_t)cachedSlots[given].ptr - start) / 8, &slot);
    mask |= UINT64_C(1) << slot;
  }
  *word = before | mask;
  mema_spanClass(slab, span)->idle += given;
  mema_noteGiven(slab, span, number, before, before | mask);
  return given;
}

void mema_slabGiveCached(mema_Slab *slab, const mema_CachedSlot *cachedSlots, uint32_t count) {
  while (count != 0) {
    uint32_t given = giveToWord(slab, cachedSlots, count);
    cachedSlots += given;
    count -= given;
  }
  mema_idleVisit(slab);
}

void mema_slabClearStates(mema_Slab *slab) {
  if (slab->shared.states == NULL) return;
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units) {
    const mema_Span *span = &slab->spans[unit];
    if (span->kind == mema_unitSlots) memset((void *)mema_stateOf(slab, span, 0), 0, span->slots);
  }
}

/* ---- large chunks ------------------------------------------------------------------------------------------------------ */

/* The bytes in which large chunks are charged: the page, or the unit if that is smaller. */
static size_t grainOf(const mema_Slab *slab) {
  size_t unit = mema_unitSize(slab), page = mema_osPageSize();
  return unit < page ? unit : page;
}

static bool takeLarge(mema_Slab *slab, size_t size, size_t alignment, uint8_t place, mema_Chunk *chunk) {
  slab->usedSinceReset = true;
  size_t units = mema_roundUp(size, mema_unitSize(slab)) >> slab->unitShift, alignUnits = alignment >> slab->unitShift;
  if (units > slab->runs.units || alignUnits > slab->runs.units) return false;
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
                      .place = place,
                      .tail = chunk->zeroed ? mema_tailClean : mema_tailDirty,
                      .units = (uint32_t)units,
                      .firstRecord = record,
                      .bytes = place == mema_placeGrown ? mema_slabRoom(&slab->heap, size, MEMA_ALIGNMENT)
                                                        : mema_roundUp(size, grainOf(slab))};
  mema_slabHugeArea(slab, false);
  slab->runs.slack += mema_spanSlack(slab, span);
  chunk->ptr = mema_unitAddress(slab, unit);
  chunk->room = span->bytes;
  chunk->record = slab->records != NULL ? slab->records + record : NULL;
  chunk->heap = &slab->heap;
  chunk->span = span;
  chunk->slot = 0;
  return true;
}

/* Gives a large chunk's units back. Returns the first unit behind the free run that this makes. */
uint32_t mema_slabGiveLarge(mema_Slab *slab, mema_Span *span) {
  uint32_t unit = mema_unitOf(slab, span), units = span->units;
  /* Moved pages lie in a kernel mapping of their own. A fresh mapping in their place merges with its neighbours
   * again. */
  bool moved = span->place == mema_placeMoved;
  bool dirty = moved ? !mema_sourceRenew(slab, mema_unitAddress(slab, unit), (size_t)units << slab->unitShift)
                     : span->place != mema_placeEmptied;
  slab->runs.moved -= moved;
  slab->runs.grown -= span->place == mema_placeGrown;
  slab->runs.slack -= mema_spanSlack(slab, span);
  giveRecords(slab, mema_classCount, span->firstRecord);
  return mema_runGive(slab, unit, units, dirty);
}

/* ---- chunks of any size ------------------------------------------------------------------------------------------------ */

bool mema_slabTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  unsigned class = mema_slabClass(slab, size, alignment);
  if (class == slab->classCount) {
    mema_idleVisit(slab);
    return takeLarge(slab, size, alignment, mema_placeOrdinary, chunk);
  }
  return slab->shared.states == NULL && takeSlotOf(slab, class, chunk); /* slots for threads are taken as cached slots */
}

bool mema_slabTakeGrown(mema_Slab *slab, size_t size, mema_Chunk *chunk) {
  if (!takeLarge(slab, size, MEMA_ALIGNMENT, mema_placeGrown, chunk)) return false;
  slab->runs.grown++;
  return true;
}

size_t mema_slabRoom(const mema_Heap *heap, size_t size, size_t alignment) {
  const mema_Slab *slab = mema_constSlab(heap);
  unsigned class = mema_slabClass(slab, size, alignment);
  if (class < slab->classCount) return mema_classSize(class);
  return mema_roundUp(size, grainOf(slab));
}

size_t mema_slabLargest(const mema_Heap *heap, size_t room) {
  const mema_Slab *slab = mema_constSlab(heap);
  size_t large = room & ~(grainOf(slab) - 1);
  if (large > mema_classSize(slab->classCount - 1u)) return large;
  for (unsigned class = slab->classCount; class -- > 0;)
    if (mema_classSize(class) <= room) return mema_classSize(class);
  return 0;
}

bool mema_slabFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  size_t quantum = mema_quantumOf(slab, ptr), unit = quantum >> slab->heap.unitQuantaLog;
  if (quantum >= slab->quanta || unit >= slab->runs.frontier) return false;
  mema_Span *span = &slab->spans[unit];
  if (span->kind == mema_unitInside) {
    unit -= span->back;
    span -= span->back;
  }
  quantum -= unit << slab->heap.unitQuantaLog;
  chunk->slot = 0;
  if (span->kind == mema_unitSlots) {
    size_t slot;
    if (!mema_slotAt(span, quantum, &slot)) return false;
    chunk->slot = (uint32_t)slot;
    if (!mema_slotIsLive(slab, span, chunk->slot)) return false;
    chunk->room = span->slotSize;
  } else if (span->kind == mema_unitLarge && quantum == 0 && span->place != mema_placeLost) {
    chunk->room = span->bytes;
  } else {
    return false;
  }
  chunk->ptr = (char *)(uintptr_t)ptr;
  chunk->record = mema_slotRecord(slab, span, chunk->slot);
  chunk->heap = &slab->heap;
  chunk->span = span;
  return true;
}

void mema_slabGive(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  if (chunk->span->kind == mema_unitSlots) {
    mema_giveSlot(slab, chunk->span, chunk->slot, chunk->ptr);
  } else {
    mema_slabGiveLarge(slab, chunk->span);
    mema_idleVisit(slab);
  }
}
