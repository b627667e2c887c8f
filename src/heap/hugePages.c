/* hugePages.c - huge pages for dense growth.
 *
 * A first touch, and giving a page back, cost time per page. If a pool is large and grows densely, huge pages
 * make both cheap. They are asked for one at a time, just ahead of the frontier (of units, of records), once a
 * number of bytes is in use. So each of the two has at most one huge page more than it would have touched: at
 * most a sixteenth.
 */
#include "../memory/os.h"
#include "reservation.h"
#include "slab/source.h"

enum {
  hugeFrom = 32 << 20,       /* sixteen huge pages: one more adds little */
  hugeFromShared = 64 << 20, /* shared pools often serve whole programs; some never use the rest of the last page */
};

/* Asks for the next huge page of a part if it is time. Returns the bytes up to which huge pages are settled. */
static size_t askHuge(mema_Slab *slab, unsigned part, size_t limit, size_t settled, size_t used, size_t from) {
  const char *base = part == mema_partArea ? slab->heap.area : (char *)(slab->records + slab->recordRanges.mainFirst);
  size_t huge = mema_osHugeSize();
  if (used <= from || used <= settled) return settled;
  uintptr_t start = mema_roundUp((uintptr_t)base + used, huge), end = (uintptr_t)base + limit;
  if (start > (uintptr_t)base + used && start - huge >= (uintptr_t)base + settled) start -= huge;
  if (start + huge > end) return limit;
  if (!mema_readyBytes(slab, part, start + huge - (uintptr_t)base)) return used;
  mema_osPreferHuge((void *)start, huge);
  return start + huge - (uintptr_t)base;
}

static bool asksHuge(const mema_Slab *slab) {
  return slab->cellKind < 0 && !slab->committed && !slab->huge.always && !mema_isHooked(slab) &&
         (slab->heap.mode & mema_modeBound) == 0;
}

/* Slots are dense. A large chunk may never be touched in full, so it gets pages as they are used. */
void mema_slabHugeArea(mema_Slab *slab, bool dense) {
  size_t used = (size_t)slab->runs.frontier << slab->unitShift;
  if (!asksHuge(slab) || used <= slab->huge.area) return;
  size_t from = slab->shared.states != NULL ? hugeFromShared : hugeFrom;
  slab->huge.area = dense ? askHuge(slab, mema_partArea, slab->areaSize, slab->huge.area, used, from) : used;
}

void mema_slabHugeRecords(mema_Slab *slab) {
  size_t used = (size_t)(slab->recordRanges.mainNext - slab->recordRanges.mainFirst) * sizeof(mema_Block);
  if (!asksHuge(slab) || used <= slab->huge.records) return;
  size_t limit = (size_t)(slab->recordRanges.mainEnd - slab->recordRanges.mainFirst) * sizeof(mema_Block);
  slab->huge.records = askHuge(slab, mema_partRecords, limit, slab->huge.records, used, hugeFrom);
}

/* The first hugeFrom bytes get no huge pages. */
size_t mema_slabHugeAhead(mema_Slab *slab, bool records, size_t used, size_t limit) {
  size_t *settled = records ? &slab->huge.records : &slab->huge.area;
  if (slab->cellKind >= 0 || slab->committed || (slab->heap.mode & mema_modeBound) != 0) return SIZE_MAX;
  if (used > hugeFrom) *settled = askHuge(slab, records ? mema_partRecords : mema_partArea, limit, *settled, used, hugeFrom);
  return *settled > hugeFrom ? *settled : hugeFrom;
}
