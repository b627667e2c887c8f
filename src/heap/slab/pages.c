/* pages.c - gives back pages that hold no live byte, though a span or a table has them: pages of free slots, pages
 * behind large chunks, and pages of Blocks of dead chunks. (Pages of free runs: runs.c.)
 *
 * A page of a slot span is clean if it was given back, and no slot on it was handed out since. The slab counts clean
 * pages by the span. Slots are handed out from the active span of a class, and from magazines. So a span has no clean
 * pages while it is active (mema_spanReuse), and a page with a slot in a magazine is not given back.
 */
#include <string.h>

#include "../../memory/os.h"
#include "source.h"

/* ---- slot spans -------------------------------------------------------------------------------------------------------- */

/* Whole pages in a row. */
typedef struct Gap {
  char *from;
  size_t size;
} Gap;

static Gap wholePages(const char *from, const char *to) {
  uintptr_t page = mema_osPageSize(), start = ((uintptr_t)from + page - 1) & ~(page - 1), end = (uintptr_t)to & ~(page - 1);
  return (Gap){.from = (char *)start, .size = start < end ? end - start : 0};
}

/* The first slot, from `slot` on, that is free in the bitmap, or is not; the number of slots if there is none. */
static uint32_t nextSlot(const mema_Span *span, uint32_t slot, bool free) {
  for (uint32_t w = slot / 64; w * 64 < span->slots; w++) {
    uint64_t word = free ? span->bitmap[w] : ~span->bitmap[w];
    if (w == slot / 64) word &= UINT64_MAX << slot % 64;
    if (word == 0) continue;
    uint32_t found = w * 64 + (uint32_t)__builtin_ctzll(word);
    return found < span->slots ? found : span->slots;
  }
  return span->slots;
}

/* Finds the next whole pages, from slot *slot on, that hold no slot but free ones. The bytes behind the last slot are
 * free too. Returns false if there are no more; else *slot is where to go on. */
static bool nextGap(const mema_Slab *slab, const mema_Span *span, uint32_t *slot, Gap *gap) {
  const char *first = mema_unitAddress(slab, mema_unitOf(slab, span));
  const char *end = first + ((size_t)span->units << slab->unitShift);
  while (*slot <= span->slots) {
    uint32_t from = nextSlot(span, *slot, true), to = nextSlot(span, from, false);
    *slot = to < span->slots ? to : span->slots + 1u;
    *gap = wholePages(first + (size_t)from * span->slotSize, to < span->slots ? first + (size_t)to * span->slotSize : end);
    if (gap->size != 0) return true;
  }
  return false;
}

uint32_t mema_spanFreePages(const mema_Slab *slab, const mema_Span *span) {
  size_t bytes = 0;
  Gap gap;
  for (uint32_t slot = 0; nextGap(slab, span, &slot, &gap);) bytes += gap.size;
  return (uint32_t)(bytes / mema_osPageSize());
}

static void setClean(mema_Slab *slab, mema_Span *span, uint32_t pages) {
  size_t before = mema_cleanPages(span) * mema_osPageSize(), after = pages * mema_osPageSize();
  slab->runs.cleanBytes += after - before;
  span->clean = (uint8_t)pages;
  slab->idle.seesSpans |= pages != 0;
}

void mema_spanForget(mema_Slab *slab, mema_Span *span) {
  setClean(slab, span, 0);
}

/* The span is on no list here, and not active yet. */
void mema_spanReuse(mema_Slab *slab, mema_Span *span) {
  size_t clean = slab->runs.cleanBytes;
  setClean(slab, span, 0);
  clean -= slab->runs.cleanBytes;
  slab->idle.again += (uint32_t)(clean >> 10);
  if (clean != 0) mema_runMakeRoom(slab, 0);
}

void mema_slabForgetPages(mema_Slab *slab) {
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units)
    if (slab->spans[unit].kind == mema_unitSlots) setClean(slab, &slab->spans[unit], 0);
  slab->idle.seesSpans = false;
}

/* If pages are larger than units, spans share pages, and clean pages are not counted. */
static bool countsClean(const mema_Slab *slab) {
  return mema_unitSize(slab) >= mema_osPageSize();
}

size_t mema_spanPurge(mema_Slab *slab, mema_Span *span) {
  size_t page = mema_osPageSize(), pages = 0, before = mema_cleanPages(span);
  Gap gap;
  if (!countsClean(slab) || mema_spanFreePages(slab, span) <= before) return 0;
  for (uint32_t slot = 0; nextGap(slab, span, &slot, &gap);)
    if (mema_sourcePurge(slab, gap.from, gap.size)) pages += gap.size / page;
  setClean(slab, span, (uint32_t)pages);
  return pages > before ? (pages - before) * page : 0;
}

/* ---- large chunks ------------------------------------------------------------------------------------------------------ */

/* The whole pages behind a large chunk. */
static Gap tailOf(const mema_Slab *slab, const mema_Span *span) {
  const char *first = mema_unitAddress(slab, mema_unitOf(slab, span));
  return wholePages(first + span->bytes, first + ((size_t)span->units << slab->unitShift));
}

static void cleanTail(mema_Slab *slab, mema_Span *span) {
  span->tail = mema_tailClean;
  slab->runs.slack += mema_spanSlack(slab, span);
}

size_t mema_tailPurge(mema_Slab *slab, mema_Span *span) {
  Gap tail = tailOf(slab, span);
  if (!countsClean(slab) || (tail.size != 0 && !mema_sourcePurge(slab, tail.from, tail.size))) return 0;
  cleanTail(slab, span);
  return tail.size;
}

/* ---- all that a trim can reach ----------------------------------------------------------------------------------------- */

/* Gives whole pages back. Only those that are in memory count. False iff the system refuses. */
static bool trimGap(mema_Slab *slab, Gap gap) {
  size_t resident = gap.size != 0 ? mema_osResident(gap.from, gap.size) : 0;
  if (resident == 0) return true;
  if (!mema_sourcePurge(slab, gap.from, gap.size)) return false;
  slab->runs.purged += resident;
  return true;
}

static void trimSpan(mema_Slab *slab, mema_Span *span) {
  Gap gap;
  bool done = true;
  for (uint32_t slot = 0; nextGap(slab, span, &slot, &gap);) done &= trimGap(slab, gap);
  if (done && countsClean(slab)) setClean(slab, span, mema_spanFreePages(slab, span));
}

/* A clean tail has pages too if it lies in a huge page. */
static void trimTail(mema_Slab *slab, mema_Span *span) {
  Gap tail = tailOf(slab, span);
  bool huge = (size_t)(tail.from - slab->heap.area) < slab->huge.area || slab->huge.always;
  if (span->tail == mema_tailClean && !huge) return;
  if (trimGap(slab, tail) && countsClean(slab) && span->tail != mema_tailClean) cleanTail(slab, span);
}

static void trimSpans(mema_Slab *slab) {
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units) {
    mema_Span *span = &slab->spans[unit];
    if (span->kind == mema_unitSlots) trimSpan(slab, span);
    if (span->kind == mema_unitLarge && span->place != mema_placeLost) trimTail(slab, span);
  }
}

/* Says which whole pages of the main records hold something: a live Block, or the link of a range given back. */
typedef struct RecordPages {
  const mema_Slab *slab;
  uintptr_t start;
  size_t page, pages;
  char *held; /* one byte per page: 1 if it holds something */
} RecordPages;

static void hold(const RecordPages *all, const void *from, size_t size) {
  uintptr_t first = (uintptr_t)from, last = first + size - 1;
  if (last < all->start) return;
  size_t end = (last - all->start) / all->page;
  for (size_t i = first < all->start ? 0 : (first - all->start) / all->page; i <= end && i < all->pages; i++)
    all->held[i] = 1;
}

static void holdSpan(const RecordPages *all, const mema_Span *span) {
  const mema_Block *records = all->slab->records + span->firstRecord;
  if (span->kind == mema_unitLarge) hold(all, records, sizeof *records);
  if (span->kind != mema_unitSlots) return;
  for (uint32_t slot = 0; slot < span->slots; slot++)
    if (!mema_slotIsFree(span, slot)) hold(all, records + slot, sizeof *records);
}

static void holdLinks(const RecordPages *all) {
  const mema_Slab *slab = all->slab;
  for (unsigned class = 0; class <= mema_classCount; class ++)
    for (uint32_t next = slab->recordRanges.freeRecords[class]; next != 0; next = (uint32_t)slab->records[next - 1].size)
      hold(all, &slab->records[next - 1].size, sizeof slab->records->size);
}

/* Gives back the pages of the main records that hold nothing. After frees at random these are few, since a page
 * has 102 Blocks; after a phase of the program has ended they are many. If the system has no memory for the
 * notes, nothing is given back. */
static void trimRecords(mema_Slab *slab) {
  if (slab->recordRanges.mainNext == slab->recordRanges.mainFirst) return;
  RecordPages all = {.slab = slab, .page = mema_osPageSize()};
  all.start = mema_roundUp((uintptr_t)(slab->records + slab->recordRanges.mainFirst), all.page);
  uintptr_t end = (uintptr_t)(slab->records + slab->recordRanges.mainNext) & ~(uintptr_t)(all.page - 1);
  if (end <= all.start) return;
  all.pages = (end - all.start) / all.page;
  size_t noted = mema_roundUp(all.pages, all.page);
  all.held = mema_osReserve(noted, all.page);
  if (all.held == NULL) return;
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units) holdSpan(&all, &slab->spans[unit]);
  holdLinks(&all);
  for (size_t i = 0; i < all.pages; i++) {
    size_t first = i;
    while (i < all.pages && all.held[i] == 0) i++;
    trimGap(slab, (Gap){.from = (char *)all.start + first * all.page, .size = (i - first) * all.page});
  }
  mema_osRelease(all.held, noted);
}

static void trimTable(mema_Slab *slab, void *table, size_t bytes) {
  if (table != NULL) trimGap(slab, wholePages(table, (char *)table + bytes));
}

/* No range of records or rows is in use. All threads are out of a slab that they share, so none reads a state. */
static void forgetRanges(mema_Slab *slab) {
  mema_RecordRanges *ranges = &slab->recordRanges;
  mema_SharedTables *shared = &slab->shared;
  ranges->nearNext = 0;
  ranges->mainNext = ranges->mainFirst;
  memset(ranges->freeRecords, 0, sizeof ranges->freeRecords);
  shared->usedRows = shared->youngRows = 0;
  memset(shared->freeRows, 0, sizeof shared->freeRows);
}

/* The tables of a cell are small, and stay. */
void mema_slabTrimTables(mema_Slab *slab, uint32_t units) {
  const mema_RecordRanges *ranges = &slab->recordRanges;
  const mema_SharedTables *shared = &slab->shared;
  if (slab->cellKind >= 0) return;
  trimTable(slab, slab->bitmaps, ((size_t)slab->bitmapUnits << slab->unitShift) / 128);
  if (slab->records != NULL)
    trimTable(slab, slab->records + ranges->mainFirst, (ranges->mainNext - ranges->mainFirst) * sizeof(mema_Block));
  trimTable(slab, shared->pageMap, units * sizeof(mema_MapEntry));
  trimTable(slab, shared->rowLinks, shared->usedRows * sizeof(mema_RowLink));
  trimTable(slab, (void *)shared->states, (size_t)shared->usedRows * mema_stateRow);
  trimTable(slab, slab->spans, units * sizeof(mema_Span));
  slab->bitmapUnits = 0;
  forgetRanges(slab);
}

void mema_slabTrimPages(mema_Slab *slab) {
  trimSpans(slab);
  trimRecords(slab);
}
