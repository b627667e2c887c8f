/* slabLife.c - a slab's life: clearing, closing, trimming; and the memory that it holds. */
#include <string.h>

#include "../reservation.h"
#include "../../memory/os.h"
#include "source.h"

enum {
  sparseFrom = 2 << 20,  /* from this many bytes on, zeroing first checks which pages are in memory, */
  sparsePiece = 1 << 20, /* this many bytes at a time */
};

void mema_slabSetBudget(mema_Heap *heap, size_t bytes) {
  mema_Slab *slab = mema_slabIn(heap);
  size_t units = bytes >> slab->unitShift;
  slab->runs.budgetUnits = units < UINT32_MAX ? (uint32_t)units + 1 : UINT32_MAX;
}

void mema_slabClear(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  if (slab->heap.threads) mema_slabClearStates(slab);
  if (mema_slabClearWords(slab)) return;
  mema_slabResetClasses(slab);
  slab->runs.denied = 0;
  slab->keepsDirty = true; /* the next chunks will use the memory: do not purge now */
  for (uint32_t unit = 0; unit < slab->runs.frontier;) {
    mema_Span *span = &slab->spans[unit];
    if (span->kind == mema_unitSlots) {
      unit = mema_slabClearSpan(slab, span);
    } else if (span->kind == mema_unitLarge && span->place != mema_placeLost) {
      unit = mema_slabGiveLarge(slab, span);
    } else {
      unit += span->units;
    }
  }
  slab->keepsDirty = slab->committed;
  mema_runMaybePurge(slab);
  slab->usedSinceReset = false;
}

static size_t stateBytes(const mema_Slab *slab, size_t page) {
  if (slab->shared.states == NULL) return 0;
  return mema_roundUp((size_t)slab->shared.usedRows * mema_stateRow, page) +
         mema_roundUp(slab->shared.usedRows * sizeof(mema_RowLink), page) +
         mema_roundUp(slab->runs.frontier * sizeof(mema_MapEntry), page);
}

/* The bytes of clean units that are in memory although the units are clean. If pages are larger than units, a
 * clean unit is in memory as long as a unit on its page is used or dirty. Each used or dirty unit may hold a
 * whole page. */
static MEMA_NOINLINE size_t sharedBytes(const mema_Slab *slab, size_t units, size_t page) {
  if (slab->huge.always && slab->source == NULL) page = mema_osHugeSize();
  size_t bytes = units << slab->unitShift, most = (size_t)slab->runs.frontier << slab->unitShift, pages = units * page;
  return pages < bytes ? 0 : (pages < most ? pages : most) - bytes;
}

size_t mema_slabFootprint(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  size_t units = (size_t)mema_usedUnits(slab) + slab->runs.dirtyUnits, page = mema_osPageSize();
  size_t shared = units == slab->runs.frontier ? 0 : sharedBytes(slab, units, page);
  size_t main = (size_t)(slab->recordRanges.mainNext - slab->recordRanges.mainFirst) * sizeof(mema_Block);
  if (slab->source != NULL) return mema_sourceBytes(slab) + shared + mema_headerBytes(slab, page);
  if (slab->committed) return mema_tableBytes(slab) + slab->areaSize + mema_headerBytes(slab, page);
  /* Large chunks in a huge page that was asked for before them are in memory as a whole. */
  size_t huge = slab->huge.area == 0 ? 0 : mema_osHugeSize(),
         slack = slab->huge.always ? 0 : mema_beyond(slab->runs.slack, huge);
  size_t chunks = mema_roundUp((units << slab->unitShift) + shared, page) - slack +
                  mema_beyond(slab->huge.area, (size_t)slab->runs.frontier << slab->unitShift) +
                  (slab->huge.always ? mema_sourceBeyond(slab) : 0);
  size_t records =
      mema_roundUp(slab->recordRanges.nearNext * sizeof(mema_Block) + main, page) + mema_beyond(slab->huge.records, main);
  size_t tables = mema_roundUp(slab->runs.frontier * sizeof(mema_Span), page) +
                  mema_roundUp(((size_t)slab->bitmapUnits << slab->unitShift) / 128, page) +
                  mema_roundUp(mema_magazineBytes(slab->magazineSize, slab->classCount), page) + stateBytes(slab, page);
  return chunks + records + tables + mema_headerBytes(slab, page);
}

void mema_slabClose(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_storeWord(&slab->heap.generation, 0);
  size_t bytes = mema_slabFootprint(&slab->heap);
  if (!mema_mayStayWarm(slab, bytes)) {
    mema_discard(slab);
    return;
  }
  mema_slabClear(&slab->heap);
  mema_keepWarm(slab, bytes);
}

/* ---- giving pages back ------------------------------------------------------------------------------------------------- */

/* Gives back the whole pages between two addresses. */
static void trimBetween(mema_Slab *slab, const char *from, const char *to) {
  uintptr_t page = mema_osPageSize(), start = ((uintptr_t)from + page - 1) & ~(page - 1), end = (uintptr_t)to & ~(page - 1);
  if (start >= end) return;
  size_t resident = mema_osResident((void *)start, end - start);
  if (resident != 0 && mema_sourcePurge(slab, (void *)start, end - start)) slab->runs.purged += resident;
}

static void zeroPiece(char *piece) {
  if (mema_osResident(piece, sparsePiece) > sparsePiece / 2 || !mema_osPurge(piece, sparsePiece))
    memset(piece, 0, sparsePiece);
}

void mema_slabZero(const mema_Slab *slab, char *ptr, size_t bytes) {
  char *at = ptr, *end = ptr + bytes;
  if (bytes >= sparseFrom && !slab->committed && slab->source == NULL) {
    at += -(uintptr_t)ptr & (mema_osPageSize() - 1);
    memset(ptr, 0, (size_t)(at - ptr));
    for (; end - at >= sparsePiece; at += sparsePiece) zeroPiece(at);
  }
  memset(at, 0, (size_t)(end - at));
}

/* Gives back the pages of a slot span on which no live chunk lies. */
static void trimSpan(mema_Slab *slab, const mema_Span *span, uint32_t unit) {
  const char *first = mema_unitAddress(slab, unit), *end = first + ((size_t)span->units << slab->unitShift);
  for (uint32_t slot = 0; slot < span->slots; slot++) {
    if (!mema_slotIsFree(span, slot)) continue;
    const char *from = first + (size_t)slot * span->slotSize;
    while (slot < span->slots && mema_slotIsFree(span, slot)) slot++;
    trimBetween(slab, from, slot < span->slots ? first + (size_t)slot * span->slotSize : end);
  }
}

static void trimSpans(mema_Slab *slab) {
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units)
    if (slab->spans[unit].kind == mema_unitSlots) trimSpan(slab, &slab->spans[unit], unit);
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
    trimBetween(slab, (char *)all.start + first * all.page, (char *)all.start + i * all.page);
  }
  mema_osRelease(all.held, noted);
}

size_t mema_slabTrim(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  if (slab->committed) return 0;
  size_t before = slab->runs.purged;
  mema_slabReleaseEmpty(slab);
  trimSpans(slab);
  trimRecords(slab);
  mema_runPurge(slab, 0);
  /* A huge page's bytes beyond the frontier were never used. */
  size_t used = mema_roundUp((size_t)slab->runs.frontier << slab->unitShift, mema_osPageSize());
  if (slab->huge.area > used && mema_osPurge(slab->heap.area + used, slab->huge.area - used)) {
    slab->runs.purged += slab->huge.area - used;
    slab->huge.area = used;
  }
  slab->runs.purged += mema_sourcePurgeBeyond(slab);
  return slab->runs.purged - before;
}
