/* source.c - see source.h. */
#include "source.h"

#include <errno.h>
#include <string.h>

#include "../../memory/os.h"
#include "../reservation.h"

enum {
  batchLeast = 64 * 1024, /* at least this many bytes are asked for at a time, if the part has them; */
  cellLeast = 32 * 1024,  /* in a cell, this many; */
  tableLeast = 16 * 1024, /* of tables from the system, this many; */
  batchShare = 8,         /* or this part of the bytes that are ready */
  hugeFrom = 32 << 20,    /* committed areas from this size on are populated in huge pages */
};

static size_t wholePages(size_t bytes) {
  return mema_roundUp(bytes, mema_osPageSize());
}

/* ---- hooks ------------------------------------------------------------------------------------------------------------- */

void mema_sourceLike(mema_SlabPlan *plan) {
  const mema_Slab *like = plan->like;
  plan->memory = mema_isHooked(like) ? like->source->memory : NULL;
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

char *mema_sourceReserve(const mema_SlabPlan *plan, size_t size, size_t alignment, bool *mapped) {
  const mema_Memory *memory = plan->memory;
  *mapped = memory == NULL && plan->committed;
  if (*mapped) return mema_osReserve(size, alignment);
  if (memory == NULL) return mema_osFindRoom(size, alignment, mema_osPageSize(), mapped);
  int saved = errno;
  char *base = memory->reserve(memory->user, size, alignment);
  errno = saved;
  if (base == NULL || ((uintptr_t)base & (alignment - 1)) == 0) return base;
  release(memory, base, size);
  return NULL;
}

bool mema_sourcePurge(const mema_Slab *slab, void *base, size_t size) {
  if (!mema_isHooked(slab)) return mema_osPurge(base, size);
  const mema_Memory *memory = slab->source->memory;
  int saved = errno;
  bool done = memory->purge != NULL && memory->purge(memory->user, base, size);
  errno = saved;
  return done;
}

static mema_Claim commit(const mema_Memory *memory, void *base, size_t size) {
  int saved = errno;
  bool done = memory->commit == NULL || memory->commit(memory->user, base, size);
  errno = saved;
  return done ? mema_claimDone : mema_claimRefused;
}

/* ---- what is ready ----------------------------------------------------------------------------------------------------- */

static bool prefersHuge(const mema_Source *source, unsigned number) {
  return number == mema_partArea ? source->prefersHuge : source->hugeTables;
}

/* The bytes to ask for at a time: more than needed, so that requests are few. If they are refused, the caller
 * asks for the needed bytes only. */
static size_t batchOf(const mema_Source *source, unsigned number, size_t needed) {
  const mema_Part *part = &source->part[number];
  size_t batch = wholePages(part->ready / batchShare), left = part->size - part->ready;
  size_t least = batchLeast;
  if (source->memory == NULL && number != mema_partArea) least = wholePages(tableLeast);
  if (source->parts == mema_cellParts && number == mema_partArea) least = wholePages(cellLeast);
  if (batch < least) batch = least;
  if (batch < needed) batch = needed;
  if (prefersHuge(source, number)) batch = mema_roundUp(batch, mema_osHugeSize());
  return batch < left ? batch : left;
}

/* True if the library takes this part to be zero until it writes to it. */
static bool mustBeZero(unsigned part) {
  return part != mema_partArea && part != mema_partRecords && part != mema_partBitmaps;
}

static void advise(const mema_Source *source, unsigned number, char *from, size_t size) {
  if (source->avoidsHuge) mema_osAvoidHuge(from, size);
  if (prefersHuge(source, number)) mema_osPreferHuge(from, size);
}

static mema_Claim claim(const mema_Source *source, unsigned number, char *from, size_t size) {
  if (source->memory != NULL) return commit(source->memory, from, size);
  mema_Claim claimed = mema_osClaim(from, size);
  if (claimed == mema_claimDone) advise(source, number, from, size);
  return claimed;
}

/* If another mapping of the process lies in the way, the part ends before it. */
static bool reach(mema_Source *source, unsigned number, size_t bytes) {
  if (number >= source->parts) return true;
  mema_Part *part = &source->part[number];
  if (bytes <= part->ready) return true;
  source->refused = false;
  if (bytes > part->size) return false;
  size_t needed = wholePages(bytes - part->ready), size = batchOf(source, number, needed);
  char *from = part->base + part->ready;
  mema_Claim claimed = claim(source, number, from, size);
  if (claimed != mema_claimDone && size > needed) {
    size = needed;
    claimed = claim(source, number, from, size);
  }
  source->refused = claimed == mema_claimRefused;
  if (claimed == mema_claimTaken) part->size = part->ready + needed - mema_osPageSize();
  if (claimed != mema_claimDone) return false;
  if (mustBeZero(number) && source->memory != NULL && !source->memory->zeroed) memset(from, 0, size);
  part->ready += size;
  return true;
}

bool mema_sourceReachWhole(mema_Slab *slab, unsigned part) {
  return part >= slab->source->parts || reach(slab->source, part, slab->source->part[part].size);
}

void mema_sourceOpenLookUps(mema_Slab *slab) {
  const mema_Source *source = slab->source;
  if (source->parts == mema_cellParts) return;
  size_t units = source->part[mema_partSpans].ready / sizeof(mema_Span), most = slab->runs.units;
  if (slab->shared.states != NULL && most > source->part[mema_partPageMap].ready / sizeof(mema_MapEntry))
    most = source->part[mema_partPageMap].ready / sizeof(mema_MapEntry);
  if (units > most) units = most;
  slab->quanta = (units << slab->unitShift) / 8;
}

bool mema_sourceReachUnits(mema_Slab *slab, uint32_t units) {
  mema_Source *source = slab->source;
  size_t bytes = (size_t)units << slab->unitShift, entries = slab->shared.states != NULL ? units : 0;
  if (!reach(source, mema_partSpans, units * sizeof(mema_Span)) || !reach(source, mema_partBitmaps, bytes / 128) ||
      !reach(source, mema_partPageMap, entries * sizeof(mema_MapEntry)) || !reach(source, mema_partArea, bytes))
    return false;
  mema_sourceOpenLookUps(slab);
  return true;
}

size_t mema_sourceRecordBytes(const mema_Slab *slab, uint32_t records) {
  return (size_t)((char *)(slab->records + records) - slab->source->part[mema_partRecords].base);
}

bool mema_sourceReachRecords(mema_Slab *slab, uint32_t records) {
  return reach(slab->source, mema_partRecords, mema_sourceRecordBytes(slab, records));
}

bool mema_sourceReachRows(mema_Slab *slab, uint32_t rows) {
  return reach(slab->source, mema_partLinks, rows * sizeof(mema_RowLink)) &&
         reach(slab->source, mema_partStates, (size_t)rows * mema_stateRow);
}

bool mema_sourceReachBytes(mema_Slab *slab, unsigned part, size_t bytes) {
  return reach(slab->source, part, bytes);
}

/* ---- a slab begins ----------------------------------------------------------------------------------------------------- */

/* The bytes of a mema_Source with all parts, and of the hooks behind it. */
static size_t sourceBytes(void) {
  return sizeof(mema_Source) + mema_parts * sizeof(mema_Part) + sizeof(mema_Memory);
}

/* Calls look at the whole header, so all of it counts. Its cell has room for the largest header. */
size_t mema_sourceHeaderBytes(void) {
  return wholePages(mema_headerSize(mema_classCount) + sourceBytes());
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

/* The parts are whole pages, none of them ready. */
static void setParts(mema_Slab *slab, const mema_Layout *layout, mema_Source *source, unsigned parts) {
  mema_Part all[mema_parts] = {{0}};
  layout->setParts(slab, all);
  source->parts = (uint8_t)parts;
  for (unsigned i = 0; i < parts; i++) source->part[i] = (mema_Part){.base = all[i].base, .size = wholePages(all[i].size)};
}

/* The first page of a room is mapped already: it belongs to the part that begins there. */
static void adoptFirstPage(mema_Slab *slab, mema_Source *source) {
  size_t page = mema_osPageSize();
  for (unsigned i = 0; i < source->parts; i++) {
    mema_Part *part = &source->part[i];
    if (part->base != slab->mapping || part->size == 0) continue;
    part->ready = page;
    advise(source, i, part->base, page);
    return;
  }
  mema_osRelease(slab->mapping, page);
}

bool mema_sourceRenew(const mema_Slab *slab, void *base, size_t size) {
  if (!mema_osRenew(base, size)) return false;
  if (slab->source != NULL && slab->source->avoidsHuge) mema_osAvoidHuge(base, size);
  return true;
}

/* Makes the source of a slab. Hooks are copied, since the user's may end before the slab does. */
static mema_Source *makeSource(mema_Slab *slab, const mema_SlabPlan *plan, void *place) {
  mema_Source *source = place;
  *source = (mema_Source){.avoidsHuge = !plan->hugePages && plan->memory == NULL,
                          .prefersHuge = plan->hugePages && plan->memory == NULL};
  source->hugeTables = source->prefersHuge && mema_tableBytes(slab) >= mema_osHugeSize();
  setParts(slab, plan->layout, source, mema_parts);
  if (plan->memory != NULL) {
    mema_Memory *memory = (mema_Memory *)(void *)&source->part[mema_parts];
    *memory = *plan->memory;
    source->memory = memory;
  } else {
    adoptFirstPage(slab, source);
  }
  return source;
}

bool mema_sourceFill(mema_Slab *slab, const mema_SlabPlan *plan, bool mapped, void *place) {
  slab->huge.always = plan->hugePages;
  if (!mapped) {
    slab->source = makeSource(slab, plan, place);
    if (!plan->layout->begin(slab, plan)) return false;
  } else if (plan->hugePages || (plan->committed && slab->areaSize >= hugeFrom)) {
    mema_osPreferHuge(slab->heap.area, wholePages(slab->areaSize));
    if (plan->hugePages && mema_tableBytes(slab) >= mema_osHugeSize())
      mema_osPreferHuge(slab->mapping, mema_tableBytes(slab));
  }
  if (plan->committed && !populate(slab)) return false;
  return !plan->locked || lock(slab);
}

void mema_sourceFillCell(mema_Slab *slab, const mema_Layout *layout, void *place) {
  mema_Source *source = slab->source = place;
  *source = (mema_Source){0};
  setParts(slab, layout, source, mema_cellParts);
  layout->begin(slab, NULL);
}

/* ---- and ends ---------------------------------------------------------------------------------------------------------- */

/* Other mappings of the process may lie between the parts that are ready. */
static bool releaseParts(const mema_Source *source) {
  bool done = true;
  for (unsigned i = 0; i < source->parts; i++)
    if (source->part[i].ready != 0) done &= mema_osRelease(source->part[i].base, source->part[i].ready);
  return done;
}

bool mema_sourceRelease(mema_Slab *slab) {
  const mema_Source *source = slab->source;
  bool done = true;
  if (slab->locked) unlock(slab);
  slab->source = NULL;
  if (source == NULL) {
    done = mema_osRelease(slab->mapping, slab->mappingSize);
  } else if (source->memory != NULL) {
    release(source->memory, slab->mapping, slab->mappingSize);
  } else {
    done = releaseParts(source);
  }
  return done;
}

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

size_t mema_sourceBytes(const mema_Slab *slab) {
  size_t bytes = 0;
  for (unsigned i = 0; i < slab->source->parts; i++) bytes += slab->source->part[i].ready;
  bytes -= slab->runs.cleanBytes;
  return bytes - ((size_t)(slab->runs.freeUnits - slab->runs.dirtyUnits) << slab->unitShift);
}

/* The bytes from the frontier (in an arena: from the end of the touched bytes) to the end of its huge page. */
static size_t beyondFrontier(const mema_Slab *slab, size_t *used) {
  *used = wholePages(slab->heap.ops->touched(&slab->heap));
  size_t end = mema_roundUp(*used, mema_osHugeSize()), limit = wholePages(slab->areaSize);
  if (limit > mema_bytesReady(slab, mema_partArea)) limit = mema_bytesReady(slab, mema_partArea);
  if (end > limit) end = limit;
  return slab->huge.always && !mema_isHooked(slab) && end > *used ? end - *used : 0;
}

/* Each table may end within a huge page. */
size_t mema_sourceBeyond(const mema_Slab *slab) {
  size_t used, tables = (mema_parts - 1) * mema_osHugeSize();
  if (!slab->huge.always || mema_isHooked(slab)) return 0;
  if (mema_tableBytes(slab) < mema_osHugeSize()) return beyondFrontier(slab, &used);
  return beyondFrontier(slab, &used) + (tables < mema_tableBytes(slab) ? tables : mema_tableBytes(slab));
}

size_t mema_sourcePurgeBeyond(const mema_Slab *slab) {
  size_t used, size = beyondFrontier(slab, &used);
  if (size == 0) return 0;
  size_t resident = mema_osResident(slab->heap.area + used, size);
  return resident != 0 && mema_osPurge(slab->heap.area + used, size) ? resident : 0;
}

const char *mema_sourceCheck(const mema_Slab *slab, const size_t touched[mema_parts]) {
  const mema_Source *source = slab->source;
  if (source == NULL) return NULL;
  for (unsigned i = 0; i < source->parts; i++)
    if (touched[i] > source->part[i].ready || source->part[i].ready > source->part[i].size)
      return "what is in use of a slab was made ready";
  size_t units = slab->quanta * 8 >> slab->unitShift;
  if (source->parts == mema_cellParts) return NULL;
  if (units * sizeof(mema_Span) > source->part[mema_partSpans].ready ||
      (slab->shared.states != NULL && units * sizeof(mema_MapEntry) > source->part[mema_partPageMap].ready))
    return "look-ups lead to records that are ready";
  return NULL;
}
