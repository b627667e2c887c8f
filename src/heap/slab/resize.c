/* resize.c - changes a chunk's size in place, or moves its bytes to another chunk. */
#include <string.h>

#include "../../memory/os.h"
#include "source.h"

enum {
  movePagesFrom = 256 * 1024, /* bytes: below this, a copy is faster than the system calls */
  copyMost = 16 << 20,        /* bytes: up to this, a copy is made if the target has pages */
  shrunkFrom = 32 << 20,      /* bytes: a chunk that shrinks by so much gives their pages back at once */
  movedMost = 4096,           /* of the 65,530 kernel mappings that a process may have by default */
};

/* Makes a grown chunk an ordinary large one, now that no slot would hold it. */
static void outgrowSlots(mema_Slab *slab, mema_Span *span) {
  span->place = mema_placeOrdinary;
  slab->runs.grown--;
}

/* Sets the bytes of a large chunk. `slack` is its slack before any change. */
static void setBytes(mema_Slab *slab, mema_Span *span, size_t bytes, size_t slack) {
  if (bytes < span->bytes) span->tail = mema_tailDirty;
  span->bytes = bytes;
  slab->runs.slack += mema_spanSlack(slab, span) - slack;
}

void mema_slabSetBytes(mema_Slab *slab, mema_Span *span, size_t bytes) {
  setBytes(slab, span, bytes, mema_spanSlack(slab, span));
}

/* Gives back the pages of many units that a chunk no longer needs. The program says by the shrinking that it needs
 * them no more, while it may take a freed chunk again. False: the units keep their pages. Units smaller than a page
 * share their pages with other chunks. */
static bool emptyShrunk(mema_Slab *slab, uint32_t unit, uint32_t units) {
  size_t bytes = (size_t)units << slab->unitShift;
  if (bytes < shrunkFrom || slab->keepsDirty || mema_unitSize(slab) < mema_osPageSize() ||
      !mema_sourcePurge(slab, mema_unitAddress(slab, unit), bytes))
    return false;
  slab->runs.purged += bytes;
  return true;
}

/* Gives back the units behind the first `units` of a large chunk. */
static void shrinkRun(mema_Slab *slab, mema_Span *span, uint32_t units) {
  uint32_t rest = span->units - units, end = mema_unitOf(slab, span) + units;
  bool moved = span->place == mema_placeMoved;
  bool dirty = moved ? !mema_sourceRenew(slab, mema_unitAddress(slab, end), (size_t)rest << slab->unitShift)
                     : !emptyShrunk(slab, end, rest);
  span->units = units;
  mema_runGive(slab, end, rest, dirty);
}

static bool stretchLarge(mema_Slab *slab, mema_Chunk *chunk, size_t size) {
  mema_Span *span = chunk->span;
  uint32_t unit = mema_unitOf(slab, span);
  size_t units = (size + mema_unitSize(slab) - 1) >> slab->unitShift;
  if (units > slab->runs.units) return false;
  if (units > span->units && !mema_runGrow(slab, unit, span->units, (uint32_t)units)) return false;
  size_t slack = mema_spanSlack(slab, span); /* making room may have given the tail back */
  if (units > span->units) {
    span->tail = mema_tailDirty; /* the units added may have been used before */
  } else if (units < span->units) {
    shrinkRun(slab, span, (uint32_t)units);
  }
  if (units > span->units) span->units = (uint32_t)units;
  if (span->place == mema_placeGrown && size > mema_slotMax) outgrowSlots(slab, span);
  chunk->room = mema_slabRoom(&slab->heap, size, MEMA_ALIGNMENT);
  setBytes(slab, span, chunk->room, slack);
  return true;
}

/* A run keeps a chunk that no slot would hold, and a grown chunk unless it shrinks below half. */
bool mema_slabStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  mema_Slab *slab = mema_slabIn(heap);
  if (chunk->span->kind == mema_unitSlots) return mema_staysInSlot(chunk->room, size);
  bool slotHolds = size <= mema_slotMax && mema_classOf(size) < slab->classCount;
  if (slotHolds && (chunk->span->place != mema_placeGrown || size < chunk->room / 2)) return false;
  return stretchLarge(slab, chunk, size);
}

static bool canMovePages(const mema_Chunk *chunk, size_t bytes) {
  const mema_Slab *slab = mema_slabIn(chunk->heap);
  return bytes >= movePagesFrom && chunk->span->kind == mema_unitLarge && !slab->committed && !mema_isHooked(slab) &&
         mema_unitSize(slab) >= mema_osPageSize();
}

/* True if moving pages pays. Pages that `to` has would be lost, and must be faulted in again later; a fault
 * costs several times the copy of a page. */
static bool shouldMovePages(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  return canMovePages(to, bytes) && canMovePages(from, bytes) && (to->span->tail == mema_tailClean || bytes > copyMost) &&
         mema_slabIn(to->heap)->runs.moved < movedMost;
}

static void noteMoved(const mema_Chunk *chunk) {
  mema_slabIn(chunk->heap)->runs.moved += chunk->span->place != mema_placeMoved;
  chunk->span->place = mema_placeMoved;
}

/* As emptyShrunk, for the old place of a chunk that has become much smaller. */
static void emptyMoved(const mema_Chunk *from) {
  mema_Slab *slab = mema_slabIn(from->heap);
  mema_Span *span = from->span;
  if (span->place == mema_placeOrdinary && emptyShrunk(slab, mema_unitOf(slab, span), span->units))
    span->place = mema_placeEmptied;
}

bool mema_slabMove(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  if (shouldMovePages(to, from, bytes)) {
    size_t page = mema_osPageSize(), pages = mema_roundUp(bytes, page);
    mema_Moved moved = mema_osMove(to->ptr, from->ptr, pages);
    if (moved == mema_moveLost) {
      to->span->place = mema_placeLost;
      return false;
    }
    if (moved == mema_moveDone) {
      noteMoved(to);
      noteMoved(from);
      return true;
    }
  }
  memcpy(to->ptr, from->ptr, bytes);
  if (from->room - bytes >= shrunkFrom) emptyMoved(from);
  return true;
}
