/* slabLife.c - a slab's life: clearing, closing, trimming; and the memory that it holds. */
#include <string.h>

#include "../reservation.h"
#include "../../memory/os.h"
#include "source.h"

enum {
  sparseFrom = 2 << 20,  /* from this many bytes on, zeroing first looks whether most pages are in use, */
  sparsePiece = 1 << 20, /* this many bytes at a time, */
  sparseSamples = 16,    /* by this many of its pages */
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
  if (slab->idle.seesSpans) mema_slabForgetPages(slab);
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
  mema_idleVisit(slab);
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
  if (slab->huge.always && !mema_isHooked(slab)) page = mema_osHugeSize();
  size_t bytes = units << slab->unitShift, most = (size_t)slab->runs.frontier << slab->unitShift, pages = units * page;
  return pages < bytes ? 0 : (pages < most ? pages : most) - bytes;
}

size_t mema_slabFootprint(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  size_t units = (size_t)mema_usedUnits(slab) + slab->runs.dirtyUnits, page = mema_osPageSize();
  size_t shared = units == slab->runs.frontier ? 0 : sharedBytes(slab, units, page);
  size_t main = (size_t)(slab->recordRanges.mainNext - slab->recordRanges.mainFirst) * sizeof(mema_Block);
  if (mema_isHooked(slab)) return mema_sourceBytes(slab) + shared + mema_headerBytes(slab, page);
  if (slab->committed) return mema_tableBytes(slab) + slab->areaSize + mema_headerBytes(slab, page);
  /* Large chunks in a huge page that was asked for before them are in memory as a whole. */
  size_t huge = slab->huge.area == 0 ? 0 : mema_osHugeSize(),
         slack = slab->huge.always ? 0 : mema_beyond(slab->runs.slack, huge),
         clean = slab->huge.always ? 0 : slab->runs.cleanBytes;
  size_t chunks = mema_roundUp((units << slab->unitShift) + shared, page) - slack - clean +
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
  slab->idle.seen = 0; /* the time until the next pool is no pause */
  mema_keepWarm(slab, bytes);
}

/* ---- giving pages back ------------------------------------------------------------------------------------------------- */

static bool isZero(const char *at, size_t bytes) {
  return *at == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

/* True if most of some pages of the piece hold anything. To read a page that is not in memory does not bring it there.
 * The system could say which pages are in memory, but a sandbox may end the process for the question. */
static bool isMostlyUsed(const char *piece) {
  size_t step = sparsePiece / sparseSamples, bytes = mema_osPageSize() < step ? mema_osPageSize() : step;
  unsigned used = 0;
  mema_markDefined(piece, sparsePiece);
  for (unsigned i = 0; i < sparseSamples; i++) used += !isZero(piece + i * step, bytes);
  return used > sparseSamples / 2;
}

static void zeroPiece(char *piece) {
  if (isMostlyUsed(piece) || !mema_osPurge(piece, sparsePiece)) memset(piece, 0, sparsePiece);
}

void mema_slabZero(const mema_Heap *heap, char *ptr, size_t bytes) {
  const mema_Slab *slab = mema_constSlab(heap);
  char *at = ptr, *end = ptr + bytes;
  if (bytes >= sparseFrom && !slab->committed && !mema_isHooked(slab)) {
    at += -(uintptr_t)ptr & (mema_osPageSize() - 1);
    memset(ptr, 0, (size_t)(at - ptr));
    for (; end - at >= sparsePiece; at += sparsePiece) zeroPiece(at);
  }
  memset(at, 0, (size_t)(end - at));
}

size_t mema_slabTrim(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  if (slab->committed) return 0;
  size_t before = slab->runs.purged;
  mema_slabReleaseEmpty(slab);
  mema_slabTrimPages(slab);
  mema_runPurge(slab, 0);
  uint32_t units = slab->runs.frontier;
  /* The reports on hooks and on huge pages count from the frontier. */
  if (!mema_isHooked(slab) && !slab->huge.always && mema_runForgetAll(slab)) mema_slabTrimTables(slab, units);
  /* A huge page's bytes beyond the frontier are not in use. They are mapped afresh: else the system would fill huge pages
   * for large chunks that come to lie there, too. */
  size_t used = mema_roundUp((size_t)slab->runs.frontier << slab->unitShift, mema_osPageSize());
  size_t huge = mema_least(slab->huge.area, mema_bytesReady(slab, mema_partArea));
  if (huge > used && mema_sourceRenew(slab, slab->heap.area + used, huge - used)) {
    slab->runs.purged += huge - used;
    slab->huge.area = used;
  }
  slab->runs.purged += mema_sourcePurgeBeyond(slab);
  return slab->runs.purged - before;
}
