/* inPlace.c - the operations of a heap that is watched in place.
 *
 *   area   | guard | chunk  redzone | chunk  redzone | free ... | chunk  redzone |
 *
 * A chunk's redzone is behind it, up to the end of its place, and at least 16 bytes. It is the redzone in front of the
 * next chunk too. Before the first chunk lies the guard. Free memory that was a chunk is hidden, and so is a redzone;
 * memory that was never used is not. A slab outside has no guard: the page in front of its area faults. */
#include "watched.h"

enum {
  redzone = 16,        /* bytes */
  guardMost = 4096,    /* bytes */
  rootLeast = 1 << 20, /* bytes */
};

/* ---- what the program may use ------------------------------------------------------------------------------------------ */

/* The address that stands for the pool in memcheck's lists. */
static const mema_Heap *firstOf(const mema_Heap *heap) {
  return mema_watchOf(heap)->first;
}

static size_t usableBytes(const mema_Watch *watch, const mema_Block *block) {
  return watch->untracked ? (size_t)(uintptr_t)block->prev : block->size;
}

/* Notes how many bytes the program may use. The pool writes the size of a tracked chunk. */
static void setUsable(mema_Watch *watch, mema_Block *block, size_t bytes) {
  if (watch->untracked) block->prev = (mema_Block *)bytes;
}

/* Hides the redzones of a chunk. `whole` describes its place. The bytes in front of it belong to another redzone, to
 * the guard, or to no chunk. */
static void hideAround(const mema_Chunk *whole, size_t size) {
  mema_shadowHide(whole->ptr + size, whole->room - size);
  if (whole->ptr != whole->heap->area) mema_shadowHide(whole->ptr - redzone, redzone);
}

static void grantNew(const mema_Chunk *whole, size_t size) {
  mema_shadowGrant(whole->ptr, size);
  mema_shadowTake(firstOf(whole->heap), whole->ptr, size);
  hideAround(whole, size);
}

/* The bytes that the engine is asked for. All bytes that an untracked chunk is charged may become the program's. */
static size_t placeFor(const mema_Heap *heap, size_t size, size_t alignment) {
  size_t bytes = mema_watchOf(heap)->untracked ? mema_engineBehind(heap)->room(heap, size, alignment) : size;
  return bytes + redzone;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------ */

static bool takePlace(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  const mema_HeapOps *engine = mema_engineBehind(heap);
  if (engine->take(heap, size, alignment, chunk)) return true;
  if (heap->outside || mema_watchOf(heap)->kept == 0) return false;
  mema_giveKept(heap);
  return engine->take(heap, size, alignment, chunk);
}

/* Makes a chunk at the start of the area the guard, or a small one that takes its place. */
static void guardStart(mema_Heap *heap, mema_Chunk *chunk) {
  mema_Watch *watch = mema_watchOf(heap);
  if (chunk->room > guardMost) {
    watch->engine->give(heap, chunk);
    if (!watch->engine->take(heap, redzone, redzone, chunk)) return;
  }
  watch->guarded = true;
  *chunk->record = (mema_Block){.ptr = NULL};
  mema_shadowHide(chunk->ptr, chunk->room);
}

/* Gives the guard back if the heap has nothing else: an arena then starts anew. */
static void dropGuard(mema_Heap *heap) {
  mema_Watch *watch = mema_watchOf(heap);
  mema_Chunk chunk;
  if (!watch->guarded || watch->live != 0 || watch->kept != 0 || !watch->engine->find(heap, heap->area, &chunk)) return;
  if (chunk.record->ptr != NULL) return;
  watch->guarded = false;
  watch->engine->give(heap, &chunk);
}

/* In a cell, records lie in front of the area. Elsewhere there is a page that faults. */
static bool needsGuard(const mema_Heap *heap) {
  const mema_Slab *slab = mema_constSlab(heap);
  return !heap->outside && !mema_watchOf(heap)->guarded && slab->cellKind >= 0;
}

static bool takeGuarded(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  if (!takePlace(heap, size, alignment, chunk)) return false;
  if (chunk->ptr != heap->area || !needsGuard(heap)) return true;
  guardStart(heap, chunk);
  return takePlace(heap, size, alignment, chunk);
}

/* The leak sanitizer looks for pointers in the bytes that are in use, and in twice as many. */
static void widenRoot(mema_Heap *heap) {
  mema_Watch *watch = mema_watchOf(heap);
  size_t touched = watch->engine->touched(heap), bytes = rootLeast;
  if (touched <= watch->root) return;
  while (bytes < touched) bytes *= 2;
  mema_shadowRemoveRoot(heap->area, watch->root);
  watch->root = mema_least(bytes, watch->engine->reservation(heap));
  mema_shadowAddRoot(heap->area, watch->root);
}

/* Makes a place a chunk of the program. */
static void beginChunk(mema_Chunk *chunk, size_t size) {
  mema_Watch *watch = mema_watchOf(chunk->heap);
  chunk->record->ptr = chunk->ptr;
  setUsable(watch, chunk->record, size);
  watch->live += size;
  grantNew(chunk, size);
  chunk->room -= redzone;
  chunk->zeroed = false; /* to a checker the bytes are undefined */
}

static bool take(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  if (size > MEMA_UNLIMITED / 2) return false; /* no system has so much */
  if (!heap->outside) mema_makeRoomInKept(heap, size);
  if (!takeGuarded(heap, placeFor(heap, size, alignment), alignment, chunk)) return false;
  beginChunk(chunk, size);
  if (!heap->outside) widenRoot(heap);
  return true;
}

static bool takeGrown(mema_Heap *heap, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  const mema_HeapOps *engine = mema_engineBehind(heap);
  if (engine->takeGrown == NULL || !engine->takeGrown(heap, from, placeFor(heap, size, MEMA_ALIGNMENT), to)) return false;
  beginChunk(to, size);
  return true;
}

/* ---- finding and giving -------------------------------------------------------------------------------------------------- */

static bool find(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  if (!mema_engineBehind(heap)->find(heap, ptr, chunk) || chunk->record->ptr != ptr) return false;
  chunk->room -= redzone;
  return true;
}

static void give(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_Watch *watch = mema_watchOf(heap);
  const mema_HeapOps *engine = mema_engineBehind(heap);
  mema_Chunk whole;
  if (!engine->find(heap, chunk->ptr, &whole)) return; /* it is always there */
  size_t size = usableBytes(watch, whole.record);
  watch->live -= size;
  mema_shadowGive(firstOf(heap), whole.ptr);
  mema_shadowHide(whole.ptr, whole.room);
  if (heap->outside || !mema_keepFreed(heap, &whole, size)) engine->give(heap, &whole);
  if (!heap->outside) dropGuard(heap);
}

/* ---- another size -------------------------------------------------------------------------------------------------------- */

static void resize(mema_Watch *watch, const mema_Chunk *whole, size_t before, size_t size) {
  setUsable(watch, whole->record, size);
  watch->live += size - before;
  if (size > before) mema_shadowGrant(whole->ptr + before, size - before);
  mema_shadowResize(firstOf(whole->heap), whole->ptr, size);
  hideAround(whole, size);
}

static bool stretch(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  mema_Watch *watch = mema_watchOf(heap);
  const mema_HeapOps *engine = mema_engineBehind(heap);
  mema_Chunk whole;
  if (size > MEMA_UNLIMITED / 2 || !engine->find(heap, chunk->ptr, &whole)) return false;
  size_t before = usableBytes(watch, whole.record);
  if (!engine->stretch(heap, &whole, placeFor(heap, size, MEMA_ALIGNMENT))) return false;
  resize(watch, &whole, before, size);
  chunk->room = whole.room - redzone;
  return true;
}

/* An untracked chunk is charged more bytes than the program may use, and than are to be copied. */
static bool move(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  __builtin_memcpy(to->ptr, from->ptr, mema_least(bytes, usableBytes(mema_watchOf(from->heap), from->record)));
  return true;
}

static void reveal(mema_Heap *first, const mema_Chunk *chunk) {
  mema_Watch *watch = mema_watchOf(first);
  size_t before = usableBytes(watch, chunk->record), size = chunk->record->size;
  mema_Chunk whole;
  if (size <= before || !mema_engineBehind(chunk->heap)->find(chunk->heap, chunk->ptr, &whole)) return;
  resize(watch, &whole, before, size);
}

/* ---- all chunks ---------------------------------------------------------------------------------------------------------- */

/* Finds the next chunk of the program. */
static bool walk(mema_Heap *heap, size_t offset, mema_Chunk *chunk) {
  const mema_HeapOps *engine = mema_engineBehind(heap);
  while (engine->walk(heap, offset, chunk)) {
    offset = (size_t)(chunk->ptr - heap->area) + chunk->room;
    if (chunk->record->ptr == NULL) continue;
    chunk->room -= redzone;
    return true;
  }
  return false;
}

/* Visits the program's chunks at or behind an offset; ends their entries in memcheck's list if `end`. Adds their number,
 * and the bytes that an untracked pool is charged for them. */
static void sumUp(mema_Heap *heap, size_t offset, bool end, size_t *chunks, size_t *charged) {
  mema_Chunk chunk;
  for (; walk(heap, offset, &chunk); offset = (size_t)(chunk.ptr - heap->area) + chunk.room) {
    *charged += chunk.record->size;
    ++*chunks;
    if (!end) continue;
    mema_watchOf(heap)->live -= usableBytes(mema_watchOf(heap), chunk.record);
    mema_shadowGive(firstOf(heap), chunk.ptr);
  }
}

static const char *check(const mema_Heap *heap, size_t *chunks, size_t *charged) {
  const mema_Watch *watch = mema_watchOf(heap);
  size_t all = 0, room = 0, ours = 0, bytes = 0, hidden = heap->outside ? 0 : watch->kept + watch->guarded;
  const char *broken = mema_engineBehind(heap)->check(heap, &all, &room);
  if (broken != NULL) return broken;
  sumUp((mema_Heap *)(uintptr_t)heap, 0, false, &ours, &bytes);
  *chunks += ours;
  *charged += watch->untracked ? bytes : room;
  return all == ours + hidden ? NULL : "the engine's chunks are the program's, the kept ones and the guard";
}

static void rewindPlaces(mema_Heap *heap, uint32_t position, size_t *bytes, size_t *chunks) {
  mema_Watch *watch = mema_watchOf(heap);
  size_t offset = (size_t)position * MEMA_ALIGNMENT, extent = watch->engine->extent(heap), all, room;
  *bytes = *chunks = 0;
  mema_forgetKept(heap, heap->area + offset);
  sumUp(heap, offset, true, chunks, bytes);
  watch->engine->rewind(heap, position, &room, &all);
  if (offset == 0) watch->guarded = false;
  if (offset < extent) mema_shadowHide(heap->area + offset, extent - offset);
}

/* Forgets all chunks, and hides what they may have used. */
static void forgetAll(mema_Heap *heap) {
  mema_Watch *watch = mema_watchOf(heap);
  watch->oldest = watch->youngest = NULL;
  watch->kept = watch->keptBytes = watch->keptRoom = watch->live = 0;
  watch->guarded = false;
  mema_shadowHide(heap->area, watch->engine->touched(heap));
}

static void clear(mema_Heap *heap) {
  mema_shadowClear(firstOf(heap));
  forgetAll(heap);
  mema_watchOf(heap)->engine->clear(heap);
}

void mema_beginPlaces(mema_Heap *heap) {
  mema_shadowHide(heap->area, mema_watchOf(heap)->engine->touched(heap));
  mema_shadowOpen(firstOf(heap), redzone);
}

void mema_endPlaces(mema_Heap *heap) {
  size_t chunks = 0, bytes = 0;
  if (heap->outside) {
    sumUp(heap, 0, true, &chunks, &bytes);
    mema_shadowRemoveRoot(heap->area, mema_slabOps.reservation(heap));
  } else {
    mema_shadowClose(firstOf(heap));
    mema_shadowRemoveRoot(heap->area, mema_watchOf(heap)->root);
    forgetAll(heap);
  }
}

/* Hidden data lies in bytes that were touched: see mema_revealHeap. */
static size_t trim(mema_Heap *heap) {
  const mema_HeapOps *engine = mema_engineBehind(heap);
  if (!heap->outside) mema_giveKept(heap);
  size_t before = engine->touched(heap), bytes = engine->trim(heap), after = engine->touched(heap);
  if (after < before) mema_shadowReveal(heap->area + after, before - after);
  return bytes;
}

static void setBudget(mema_Heap *heap, size_t bytes) {
  mema_engineBehind(heap)->setBudget(heap, bytes);
  if (heap->outside) return;
  mema_watchOf(heap)->budget = bytes;
  mema_makeRoomInKept(heap, 0);
}

/* A slab outside may be as large as one request: the redzone must not be what it lacks. */
static void planOutside(const mema_Heap *heap, mema_OutsidePlan *plan) {
  mema_engineBehind(heap)->planOutside(heap, plan);
  plan->beside = 2 * redzone;
}

void mema_watchInPlace(mema_HeapOps *row) {
  row->kind.watching = mema_watchedInPlace;
  row->take = take;
  row->takeGrown = row->takeGrown != NULL ? takeGrown : NULL;
  row->find = find;
  row->give = give;
  row->stretch = stretch;
  row->move = move;
  row->zero = NULL;
  row->reveal = reveal;
  row->walk = walk;
  row->check = check;
  row->rewind = row->rewind != NULL ? rewindPlaces : NULL;
  row->clear = clear;
  row->trim = trim;
  row->setBudget = setBudget;
  row->planOutside = row->planOutside != NULL ? planOutside : NULL;
  row->chargesBySize = true;
}
