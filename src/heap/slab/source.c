/* source.c - see source.h. */
#include "source.h"

#include <errno.h>
#include <string.h>

#include "../../memory/os.h"

enum {
  batchLeast = 64 * 1024, /* at least this many bytes are committed at a time, if the part has them; */
  batchShare = 8,         /* or this part of the bytes that are ready */
  hugeFrom = 32 << 20,    /* committed areas from this size on are populated in huge pages */
};

static size_t wholePages(size_t bytes) {
  return mema_roundUp(bytes, mema_osPageSize());
}

/* ---- hooks ------------------------------------------------------------------------------------------------------------- */

void mema_sourceLike(mema_SlabPlan *plan) {
  const mema_Slab *like = plan->like;
  plan->memory = like->source != NULL ? &like->source->memory : NULL;
  plan->hugePages = like->huge.always;
  plan->locked = like->locked;
  plan->committed |= like->locked;
  plan->compactRecords |= like->locked || (plan->memory != NULL && plan->memory->commit == NULL);
}

static void release(const mema_Memory *memory, void *base, size_t size) {
  int saved = errno;
  if (memory->release != NULL) memory->release(memory->user, base, size);
  errno = saved;
}

char *mema_sourceReserve(const mema_SlabPlan *plan, size_t size, size_t alignment) {
  const mema_Memory *memory = plan->memory;
  if (memory == NULL) return mema_osReserve(size, alignment);
  int saved = errno;
  char *base = memory->reserve(memory->user, size, alignment);
  errno = saved;
  if (base == NULL || ((uintptr_t)base & (alignment - 1)) == 0) return base;
  release(memory, base, size);
  return NULL;
}

bool mema_sourcePurge(const mema_Slab *slab, void *base, size_t size) {
  if (slab->source == NULL) return mema_osPurge(base, size);
  const mema_Memory *memory = &slab->source->memory;
  int saved = errno;
  bool done = memory->purge != NULL && memory->purge(memory->user, base, size);
  errno = saved;
  return done;
}

static bool commit(const mema_Memory *memory, void *base, size_t size) {
  int saved = errno;
  bool done = memory->commit == NULL || memory->commit(memory->user, base, size);
  errno = saved;
  return done;
}

/* ---- what is ready ----------------------------------------------------------------------------------------------------- */

/* The bytes to commit at a time: more than needed, so that commits are few. If they are refused, the caller
 * asks for the needed bytes only. */
static size_t batchOf(const mema_Part *part, size_t needed) {
  size_t batch = wholePages(part->ready / batchShare), left = part->size - part->ready;
  if (batch < batchLeast) batch = batchLeast;
  if (batch < needed) batch = needed;
  return batch < left ? batch : left;
}

/* True if the library takes this part to be zero until it writes to it. */
static bool mustBeZero(size_t part) {
  return part != mema_partArea && part != mema_partRecords && part != mema_partBitmaps;
}

static bool reach(mema_Source *source, size_t number, size_t bytes) {
  mema_Part *part = &source->parts[number];
  if (bytes <= part->ready) return true;
  size_t needed = wholePages(bytes - part->ready), size = batchOf(part, needed);
  char *from = part->base + part->ready;
  bool done = commit(&source->memory, from, size);
  if (!done && size > needed) {
    size = needed;
    done = commit(&source->memory, from, size);
  }
  source->refused = !done;
  if (!done) return false;
  if (mustBeZero(number) && !source->memory.zeroed) memset(from, 0, size);
  part->ready += size;
  return true;
}

static bool reachWhole(mema_Source *source, size_t number) {
  return reach(source, number, source->parts[number].size);
}

/* Sets the quanta of a slab, below which a look-up may read the Span record of any address, to the units whose
 * Span records are ready. (In a slab for threads all are ready from the start, since other threads look at them
 * meanwhile.) */
static void openLookUps(mema_Slab *slab) {
  size_t spans = slab->source->parts[mema_partSpans].ready / sizeof(mema_Span);
  if (spans > slab->runs.units) spans = slab->runs.units;
  slab->quanta = (spans << slab->unitShift) / 8;
}

bool mema_sourceReachUnits(mema_Slab *slab, uint32_t units) {
  mema_Source *source = slab->source;
  size_t bytes = (size_t)units << slab->unitShift;
  if (!reach(source, mema_partSpans, units * sizeof(mema_Span)) || !reach(source, mema_partBitmaps, bytes / 128) ||
      !reach(source, mema_partArea, bytes))
    return false;
  if (slab->shared.states == NULL) openLookUps(slab);
  return true;
}

bool mema_sourceReachRecords(mema_Slab *slab, uint32_t records) {
  return reach(slab->source, mema_partRecords, (size_t)(records - slab->recordRanges.mainFirst) * sizeof(mema_Block));
}

bool mema_sourceReachRows(mema_Slab *slab, uint32_t rows) {
  return reach(slab->source, mema_partLinks, rows * sizeof(mema_RowLink)) &&
         reach(slab->source, mema_partStates, (size_t)rows * mema_stateRow);
}

/* ---- a slab begins ----------------------------------------------------------------------------------------------------- */

static void setPart(mema_Source *source, size_t number, void *base, size_t size) {
  source->parts[number] = (mema_Part){.base = base, .size = wholePages(size)};
}

static void setParts(mema_Slab *slab, mema_Source *source) {
  char *end = (char *)slab->mapping + mema_tableBytes(slab);
  memset(source->parts, 0, sizeof source->parts);
  setPart(source, mema_partArea, slab->heap.area, slab->areaSize);
  setPart(source, mema_partSpans, slab->spans, slab->runs.units * sizeof(mema_Span));
  setPart(source, mema_partBitmaps, slab->bitmaps, slab->areaSize / 128);
  if (slab->records != NULL) {
    char *records = (char *)(slab->records + slab->recordRanges.mainFirst);
    setPart(source, mema_partRecords, records, (size_t)(end - records));
    end = records;
  }
  char *rest = (char *)slab->magazines;
  if (slab->shared.states != NULL) {
    setPart(source, mema_partLinks, slab->shared.rowLinks, slab->shared.rows * sizeof(mema_RowLink));
    setPart(source, mema_partStates, slab->shared.states, (size_t)slab->shared.rows * mema_stateRow);
    end = (char *)slab->shared.rowLinks;
  }
  setPart(source, mema_partRest, rest, (size_t)(end - rest));
}

/* Makes ready what a slab needs from the start. A slab outside is made for one chunk, so it makes the room for
 * that chunk ready too. */
static bool beginHooked(mema_Slab *slab, const mema_SlabPlan *plan) {
  mema_Source *source = slab->source;
  if (slab->shared.states == NULL) openLookUps(slab);
  if (!reachWhole(source, mema_partRest) || (slab->shared.states != NULL && !reachWhole(source, mema_partSpans)))
    return false;
  if (plan->committed) {
    for (size_t i = 0; i < mema_parts; i++)
      if (!reachWhole(source, i)) return false;
    return mema_sourceReachUnits(slab, slab->runs.units);
  }
  if (!plan->outside) return true;
  uint32_t spanSlots = (uint32_t)(mema_unitSize(slab) / MEMA_ALIGNMENT);
  return mema_sourceReachUnits(slab, (uint32_t)(plan->least >> slab->unitShift)) &&
         (slab->records == NULL || mema_sourceReachRecords(slab, slab->recordRanges.mainFirst + spanSlots));
}

/* Calls look at the whole header, so all of it counts. Its cell has room for the largest header. */
size_t mema_sourceHeaderBytes(void) {
  return wholePages(sizeof(mema_Slab) + (mema_classCount + 1) * sizeof(mema_SlotClass) + sizeof(mema_Source));
}

static bool lock(mema_Slab *slab) {
  slab->locked = true;
  return mema_osLock(slab, mema_sourceHeaderBytes()) && mema_osLock(slab->mapping, mema_tableBytes(slab)) &&
         mema_osLock(slab->heap.area, wholePages(slab->areaSize));
}

static void unlock(mema_Slab *slab) {
  slab->locked = false;
  mema_osUnlock(slab, mema_sourceHeaderBytes());
  mema_osUnlock(slab->mapping, mema_tableBytes(slab));
  mema_osUnlock(slab->heap.area, wholePages(slab->areaSize));
}

static bool populate(const mema_Slab *slab) {
  return mema_osPopulate(slab->mapping, mema_tableBytes(slab)) &&
         mema_osPopulate(slab->heap.area, wholePages(slab->areaSize));
}

bool mema_sourceFill(mema_Slab *slab, const mema_SlabPlan *plan, void *room) {
  slab->huge.always = plan->hugePages;
  if (plan->memory != NULL) {
    mema_Source *source = room;
    source->memory = *plan->memory;
    source->refused = false;
    setParts(slab, source);
    slab->source = source;
    if (!beginHooked(slab, plan)) return false;
  } else if (plan->hugePages || (plan->committed && slab->areaSize >= hugeFrom)) {
    mema_osPreferHuge(slab->heap.area, wholePages(slab->areaSize));
    if (plan->hugePages && mema_tableBytes(slab) >= mema_osHugeSize())
      mema_osPreferHuge(slab->mapping, mema_tableBytes(slab));
  }
  if (plan->committed && !populate(slab)) return false;
  return !plan->locked || lock(slab);
}

/* ---- and ends ---------------------------------------------------------------------------------------------------------- */

void mema_sourceRelease(mema_Slab *slab) {
  if (slab->locked) unlock(slab);
  if (slab->source == NULL) {
    mema_osRelease(slab->mapping, slab->mappingSize);
  } else {
    release(&slab->source->memory, slab->mapping, slab->mappingSize);
  }
  slab->source = NULL;
}

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

size_t mema_sourceBytes(const mema_Slab *slab) {
  size_t bytes = 0;
  for (size_t i = 0; i < mema_parts; i++) bytes += slab->source->parts[i].ready;
  bytes -= slab->runs.cleanBytes;
  return bytes - ((size_t)(slab->runs.freeUnits - slab->runs.dirtyUnits) << slab->unitShift);
}

/* The bytes from the frontier (in an arena: from the end of the touched bytes) to the end of its huge page. */
static size_t beyondFrontier(const mema_Slab *slab, size_t *used) {
  *used = wholePages(slab->heap.ops->touched(&slab->heap));
  size_t end = mema_roundUp(*used, mema_osHugeSize()), limit = wholePages(slab->areaSize);
  if (end > limit) end = limit;
  return slab->huge.always && slab->source == NULL && end > *used ? end - *used : 0;
}

/* Each table may end within a huge page. */
size_t mema_sourceBeyond(const mema_Slab *slab) {
  size_t used, tables = (mema_parts - 1) * mema_osHugeSize();
  if (!slab->huge.always || slab->source != NULL) return 0;
  if (mema_tableBytes(slab) < mema_osHugeSize()) return beyondFrontier(slab, &used);
  return beyondFrontier(slab, &used) + (tables < mema_tableBytes(slab) ? tables : mema_tableBytes(slab));
}

size_t mema_sourcePurgeBeyond(const mema_Slab *slab) {
  size_t used, size = beyondFrontier(slab, &used);
  if (size == 0) return 0;
  size_t resident = mema_osResident(slab->heap.area + used, size);
  return resident != 0 && mema_osPurge(slab->heap.area + used, size) ? resident : 0;
}

const char *mema_sourceCheck(const mema_Slab *slab) {
  const mema_Source *source = slab->source;
  if (source == NULL) return NULL;
  const size_t used[mema_parts] = {
      [mema_partArea] = (size_t)slab->runs.frontier << slab->unitShift,
      [mema_partSpans] = slab->runs.frontier * sizeof(mema_Span),
      [mema_partBitmaps] = ((size_t)slab->bitmapUnits << slab->unitShift) / 128,
      [mema_partRest] = source->parts[mema_partRest].size,
      [mema_partLinks] = slab->shared.usedRows * sizeof(mema_RowLink),
      [mema_partStates] = (size_t)slab->shared.usedRows * mema_stateRow,
      [mema_partRecords] = (size_t)(slab->recordRanges.mainNext - slab->recordRanges.mainFirst) * sizeof(mema_Block)};
  for (size_t i = 0; i < mema_parts; i++)
    if (used[i] > source->parts[i].ready || source->parts[i].ready > source->parts[i].size)
      return "what is in use of a slab was committed";
  size_t spans = source->parts[mema_partSpans].ready / sizeof(mema_Span);
  return slab->quanta * 8 >> slab->unitShift <= spans ? NULL : "look-ups lead to records that were committed";
}
