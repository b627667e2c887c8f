/* runs.c - runs of free units: good fit in constant time, neighbours joined at once.
 *
 * A free run is described in the Span records of its first and its last unit (Knuth's boundary tags, TAOCP 1,
 * 2.5, kept out of line). So freeing a run finds its free neighbours by two look-ups. Runs of similar length are
 * on one list, four lists per doubling, with a bitmap of the lists that are not empty (two-level segregated fit:
 * Masmano et al., ECRTS 2004, with one level of bitmap, since 124 lists fit in two words). Units from the
 * frontier on were never used, and belong to no run.
 *
 * A unit is dirty when its pages may hold old bytes: these pages cost memory without any use. Clean units (never
 * touched, or given back) cost address space only. A run has an upper bound of the number of its dirty units,
 * and does not know which they are.
 *
 * When clean units are taken while the footprint is at the budget, as many dirty pages are given back first.
 * This is the specification's "gives that many of its free bytes back to the system and takes a fresh piece".
 */
#include <string.h>

#include "../../memory/os.h"
#include "source.h"

enum {
  closeTries = 8, /* runs tried on the list whose runs may be too short, before longer runs are */
  fitTries = 64,  /* runs tried on it if there are no longer ones */
};

/* The list for this length: one list per length up to 7 units, then four lists per doubling. */
static unsigned binOf(uint32_t units) {
  if (units < 8) return units;
  unsigned log = 31 - (unsigned)__builtin_clz(units);
  return log * 4 + (units >> (log - 2) & 3) - 4;
}

/* The first list whose runs all have at least `units`. */
static unsigned binAbove(uint32_t units) {
  if (units < 8) return units;
  unsigned log = 31 - (unsigned)__builtin_clz(units);
  return binOf(units + (UINT32_C(1) << (log - 2)) - 1);
}

/* The first list that is not empty, from `bin` on; or mema_runBins. */
static unsigned usedBin(const mema_Slab *slab, unsigned bin) {
  for (unsigned half = bin / 64; half < 2; half++) {
    uint64_t map = slab->runs.binMap[half];
    if (half == bin / 64) map &= UINT64_MAX << bin % 64;
    if (map != 0) return half * 64 + (unsigned)__builtin_ctzll(map);
  }
  return mema_runBins;
}

void mema_runInit(mema_Slab *slab) {
  memset(slab->runs.binMap, 0, sizeof slab->runs.binMap);
  for (unsigned i = 0; i < mema_runBins; i++) slab->runs.bins[i] = mema_noUnit;
  slab->runs.frontier = slab->runs.freeUnits = slab->runs.dirtyUnits = 0;
  slab->runs.denied = 0;
  mema_idleSettle(slab);
}

static void insertRun(mema_Slab *slab, uint32_t first, uint32_t units, uint32_t dirty) {
  mema_Span *head = &slab->spans[first], *last = &slab->spans[first + units - 1];
  unsigned bin = binOf(units);
  last->kind = head->kind = mema_unitFree;
  last->units = head->units = units;
  head->dirtyUnits = dirty;
  head->prev = mema_noUnit;
  head->next = slab->runs.bins[bin];
  if (head->next != mema_noUnit) slab->spans[head->next].prev = first;
  slab->runs.bins[bin] = first;
  slab->runs.binMap[bin / 64] |= UINT64_C(1) << bin % 64;
  slab->runs.freeUnits += units;
  slab->runs.dirtyUnits += dirty;
}

static void removeRun(mema_Slab *slab, uint32_t first) {
  mema_Span *head = &slab->spans[first];
  uint32_t units = head->units;
  if (head->prev != mema_noUnit) {
    slab->spans[head->prev].next = head->next;
  } else {
    unsigned bin = binOf(units);
    slab->runs.bins[bin] = head->next;
    if (head->next == mema_noUnit) slab->runs.binMap[bin / 64] &= ~(UINT64_C(1) << bin % 64);
  }
  if (head->next != mema_noUnit) slab->spans[head->next].prev = head->prev;
  slab->runs.freeUnits -= units;
  slab->runs.dirtyUnits -= head->dirtyUnits;
  slab->spans[first + units - 1].kind = mema_unitNone;
  head->kind = mema_unitNone;
}

/* Gives back the pages of one free run. If units are smaller than pages, the run keeps the pages at its ends
 * that it shares with units that were ever used. */
static void purgeRun(mema_Slab *slab, uint32_t first) {
  mema_Span *head = &slab->spans[first];
  uintptr_t page = mema_osPageSize(), start = (uintptr_t)mema_unitAddress(slab, first);
  uintptr_t end = start + ((size_t)head->units << slab->unitShift),
            shared = first + head->units < slab->runs.frontier ? 0 : page - 1;
  uintptr_t from = (start + page - 1) & ~(page - 1), to = (end + shared) & ~(page - 1);
  if (from < to && !mema_sourcePurge(slab, (void *)from, to - from)) return;
  size_t most = (size_t)head->dirtyUnits << slab->unitShift, bytes = from < to ? to - from : 0;
  slab->runs.dirtyUnits -= head->dirtyUnits;
  head->dirtyUnits = 0;
  slab->runs.purged += bytes < most ? bytes : most;
}

void mema_runPurge(mema_Slab *slab, uint32_t keep) {
  if (slab->committed) return;
  for (unsigned bin = mema_runBins; bin-- > 0 && slab->runs.dirtyUnits > keep;) {
    if ((slab->runs.binMap[bin / 64] >> bin % 64 & 1) == 0) continue;
    for (uint32_t run = slab->runs.bins[bin]; run != mema_noUnit && slab->runs.dirtyUnits > keep;
         run = slab->spans[run].next)
      if (slab->spans[run].dirtyUnits != 0) purgeRun(slab, run);
  }
}

bool mema_runForgetAll(mema_Slab *slab) {
  if (mema_usedUnits(slab) != 0 || slab->runs.dirtyUnits != 0 || slab->runs.frontier == 0) return false;
  removeRun(slab, 0);
  slab->runs.frontier = 0;
  slab->runs.denied = 0;
  mema_idleSettle(slab);
  return true;
}

/* Free runs give their pages back first, then spans. */
static MEMA_NOINLINE void purgeForBudget(mema_Slab *slab, uint32_t units) {
  uint32_t clean = (uint32_t)(slab->runs.cleanBytes >> slab->unitShift);
  uint64_t wanted = (uint64_t)mema_usedUnits(slab) - clean + units;
  if (wanted + slab->runs.dirtyUnits <= slab->runs.budgetUnits) return;
  if (slab->runs.dirtyUnits != 0)
    mema_runPurge(slab, slab->runs.budgetUnits > wanted ? (uint32_t)(slab->runs.budgetUnits - wanted) : 0);
  if (wanted > slab->runs.budgetUnits) mema_idleSqueeze(slab, (size_t)units << slab->unitShift);
}

void mema_runMakeRoom(mema_Slab *slab, uint32_t units) {
  if (mema_unlikely((uint64_t)mema_usedUnits(slab) + slab->runs.dirtyUnits + units > slab->runs.budgetUnits))
    purgeForBudget(slab, units);
}

/* True if all bytes of a clean run are zero. They may not be if the run shares pages with neighbours that were
 * in use. */
static bool cleanIsZero(const mema_Slab *slab) {
  return mema_unitSize(slab) >= mema_osPageSize() && mema_cleanReadsZero(slab);
}

/* Finds a run of at least `units` among the first `tries` on the list whose runs may be too short; or
 * mema_noUnit. */
static uint32_t tryBin(const mema_Slab *slab, uint32_t units, int tries) {
  uint32_t run = slab->runs.bins[binOf(units)];
  for (; run != mema_noUnit && tries > 0; tries--, run = slab->spans[run].next)
    if (slab->spans[run].units >= units) return run;
  return mema_noUnit;
}

/* Finds a free run of at least `units`; or mema_noUnit. It tries a close fit first, which keeps longer runs
 * whole. */
static uint32_t findRun(const mema_Slab *slab, uint32_t units) {
  uint32_t run = tryBin(slab, units, closeTries);
  if (run != mema_noUnit) return run;
  unsigned bin = usedBin(slab, binAbove(units));
  return bin < mema_runBins ? slab->runs.bins[bin] : tryBin(slab, units, fitTries);
}

/* The first unit, from `unit` on, whose address is a multiple of alignUnits units. */
static uint64_t alignUnit(const mema_Slab *slab, uint32_t unit, uint32_t alignUnits) {
  uint32_t mask = alignUnits - 1, phase = (uint32_t)((uintptr_t)slab->heap.area >> slab->unitShift) & mask;
  return (uint64_t)unit + ((alignUnits - ((unit + phase) & mask)) & mask);
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* Cuts [start, start + units) out of the run [first, first + length), which is on no list. The dirty units may
 * lie in any part, so each rest counts as many as fit in it. */
static void cut(mema_Slab *slab, uint32_t first, uint32_t length, uint32_t start, uint32_t units, uint32_t dirty) {
  if (start > first) insertRun(slab, first, start - first, least(dirty, start - first));
  uint32_t end = start + units, limit = first + length;
  if (end < limit) insertRun(slab, end, limit - end, least(dirty, limit - end));
}

/* The free run that ends at the frontier, or the frontier itself. */
static uint32_t lastRun(const mema_Slab *slab) {
  if (slab->runs.frontier == 0) return 0;
  const mema_Span *last = &slab->spans[slab->runs.frontier - 1];
  return last->kind == mema_unitFree ? slab->runs.frontier - last->units : slab->runs.frontier;
}

/* Counts units taken or given as work: idle.c. */
static void countWork(mema_Slab *slab, uint32_t units) {
  slab->idle.work += units;
  if (slab->runs.dirtyUnits < slab->idle.least) slab->idle.least = slab->runs.dirtyUnits;
}

static uint32_t takeAtFrontier(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed) {
  uint32_t first = lastRun(slab);
  uint64_t start = alignUnit(slab, first, alignUnits), end = start + units;
  if (end > slab->runs.units) return mema_noUnit;
  if (end > slab->runs.frontier) mema_runMakeRoom(slab, (uint32_t)(end - slab->runs.frontier));
  if (end > slab->runs.frontier && !mema_readyUnits(slab, (uint32_t)end)) return mema_noUnit;
  bool joined = first < slab->runs.frontier;
  uint32_t dirty = joined ? slab->spans[first].dirtyUnits : 0;
  *zeroed = joined ? dirty == 0 && cleanIsZero(slab) : mema_cleanReadsZero(slab);
  if (joined) removeRun(slab, first);
  if (end > slab->runs.frontier) slab->runs.frontier = (uint32_t)end;
  cut(slab, first, slab->runs.frontier - first, (uint32_t)start, units, dirty);
  countWork(slab, units);
  return (uint32_t)start;
}

/* The units by which more have pages after [start, start + units) is cut out of a run: those that count as clean. */
static uint32_t cleanIn(const mema_Slab *slab, uint32_t run, uint32_t start, uint32_t units) {
  uint32_t dirty = slab->spans[run].dirtyUnits, before = start - run, behind = slab->spans[run].units - before - units;
  return units + least(dirty, before) + least(dirty, behind) - dirty;
}

uint32_t mema_runTake(mema_Slab *slab, uint32_t units, uint32_t alignUnits, bool *zeroed) {
  if (units > slab->runs.units || alignUnits > slab->runs.units) return mema_noUnit;
  uint32_t run = findRun(slab, units + (alignUnits - 1));
  if (run == mema_noUnit) return takeAtFrontier(slab, units, alignUnits, zeroed);
  uint32_t start = (uint32_t)alignUnit(slab, run, alignUnits), clean = cleanIn(slab, run, start, units);
  if (clean != 0) {
    mema_runMakeRoom(slab, clean);
    slab->idle.again += (uint32_t)(((size_t)clean << slab->unitShift) >> 10);
  }
  uint32_t length = slab->spans[run].units, dirty = slab->spans[run].dirtyUnits;
  *zeroed = dirty == 0 && cleanIsZero(slab);
  removeRun(slab, run);
  cut(slab, run, length, start, units, dirty);
  countWork(slab, units);
  return start;
}

uint32_t mema_runGive(mema_Slab *slab, uint32_t first, uint32_t units, bool dirty) {
  uint32_t end = first + units, dirtyUnits = dirty ? units : 0;
  slab->runs.denied = 0;
  slab->spans[first].kind = mema_unitNone;
  if (first > 0 && slab->spans[first - 1].kind == mema_unitFree) {
    first -= slab->spans[first - 1].units;
    dirtyUnits += slab->spans[first].dirtyUnits;
    removeRun(slab, first);
  }
  if (end < slab->runs.frontier && slab->spans[end].kind == mema_unitFree) {
    uint32_t next = end;
    end += slab->spans[next].units;
    dirtyUnits += slab->spans[next].dirtyUnits;
    removeRun(slab, next);
  }
  insertRun(slab, first, end - first, dirtyUnits);
  countWork(slab, units);
  return end;
}

bool mema_runGrow(mema_Slab *slab, uint32_t first, uint32_t units, uint32_t wanted) {
  uint32_t end = first + units;
  uint64_t wantedEnd = (uint64_t)first + wanted;
  bool free = end < slab->runs.frontier && slab->spans[end].kind == mema_unitFree;
  uint32_t limit = free ? end + slab->spans[end].units : end, dirty = free ? slab->spans[end].dirtyUnits : 0;
  if (wantedEnd > limit && (limit != slab->runs.frontier || wantedEnd > slab->runs.units)) return false;
  mema_runMakeRoom(slab, wanted - units);
  if (wantedEnd > slab->runs.frontier && !mema_readyUnits(slab, (uint32_t)wantedEnd)) return false;
  dirty = least(dirty, free ? slab->spans[end].dirtyUnits : 0); /* some may have been purged just now */
  if (free) removeRun(slab, end);
  if (wantedEnd > slab->runs.frontier) limit = slab->runs.frontier = (uint32_t)wantedEnd;
  if (wantedEnd < limit) {
    uint32_t rest = limit - (uint32_t)wantedEnd;
    insertRun(slab, (uint32_t)wantedEnd, rest, least(dirty, rest));
  }
  countWork(slab, wanted - units);
  return true;
}

/* Checks one list. A run is met once at most, since it must name the run before it; so a list with a circle
 * fails. */
static const char *checkBin(const mema_Slab *slab, unsigned bin, size_t *listed) {
  uint32_t before = mema_noUnit;
  for (uint32_t run = slab->runs.bins[bin]; run != mema_noUnit; before = run, run = slab->spans[run].next, ++*listed)
    if (run >= slab->runs.frontier || slab->spans[run].kind != mema_unitFree || slab->spans[run].prev != before ||
        slab->spans[run].units > slab->runs.frontier - run || binOf(slab->spans[run].units) != bin)
      return "a list of runs holds free runs of its length";
  return NULL;
}

const char *mema_runCheck(const mema_Slab *slab, size_t runs) {
  size_t listed = 0;
  for (unsigned bin = 0; bin < mema_runBins; bin++) {
    if (((slab->runs.binMap[bin / 64] >> bin % 64 & 1) != 0) != (slab->runs.bins[bin] != mema_noUnit))
      return "the map of the lists of runs tells which hold some";
    const char *broken = checkBin(slab, bin, &listed);
    if (broken != NULL) return broken;
  }
  return listed == runs ? NULL : "every free run is on a list";
}
