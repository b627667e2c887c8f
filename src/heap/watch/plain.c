/* plain.c - the operations of a heap whose chunks are plain: each is a malloc of its own.
 *
 * The engine has a place for each chunk, as in any heap. The place says what the chunk is charged, and when a request
 * is refused, but nothing is written to it. A table leads from the address of a block to its place. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watched.h"

enum { firstLog = 6 };

/* ---- the table: open addressing, with linear probing --------------------------------------------------------------------- */

static size_t slotsOf(const mema_Watch *watch) {
  return watch->table != NULL ? (size_t)1 << watch->plainLog : 0;
}

static size_t homeOf(const mema_Watch *watch, const void *ptr) {
  uint64_t mixed = (uint64_t)((uintptr_t)ptr / MEMA_ALIGNMENT) * UINT64_C(0x9E3779B97F4A7C15);
  return (size_t)(mixed >> (64 - watch->plainLog));
}

/* The entry of a block, or the empty one where it would be. */
static mema_PlainChunk *seek(const mema_Watch *watch, const void *ptr) {
  size_t mask = slotsOf(watch) - 1, at = homeOf(watch, ptr);
  while (watch->table[at].ptr != NULL && watch->table[at].ptr != ptr) at = (at + 1) & mask;
  return &watch->table[at];
}

/* Returns the entry of a block; NULL: there is none. ptr may be any value. */
static mema_PlainChunk *entryOf(const mema_Watch *watch, const void *ptr) {
  if (ptr == NULL || watch->table == NULL) return NULL;
  mema_PlainChunk *entry = seek(watch, ptr);
  return entry->ptr != NULL ? entry : NULL;
}

/* Makes sure that one more entry fits, with a quarter of the table empty. False iff there is no memory. */
static bool growTable(mema_Watch *watch) {
  size_t slots = slotsOf(watch);
  if ((watch->plainCount + 1) * 4 <= slots * 3) return true;
  mema_Watch larger = *watch;
  larger.plainLog = slots != 0 ? watch->plainLog + 1 : firstLog;
  larger.table = calloc((size_t)1 << larger.plainLog, sizeof *larger.table);
  if (larger.table == NULL) return false;
  for (size_t i = 0; i < slots; i++)
    if (watch->table[i].ptr != NULL) *seek(&larger, watch->table[i].ptr) = watch->table[i];
  free(watch->table);
  watch->table = larger.table;
  watch->plainLog = larger.plainLog;
  return true;
}

/* Removes an entry. Later entries of the same run move up, so that each is still found from its home. */
static void removeEntry(mema_Watch *watch, mema_PlainChunk *entry) {
  size_t mask = slotsOf(watch) - 1, hole = (size_t)(entry - watch->table);
  for (size_t at = (hole + 1) & mask; watch->table[at].ptr != NULL; at = (at + 1) & mask) {
    size_t home = homeOf(watch, watch->table[at].ptr);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    watch->table[hole] = watch->table[at];
    hole = at;
  }
  watch->table[hole].ptr = NULL;
  watch->plainCount--;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------- */

/* Returns a block of just these bytes. NULL iff there is no memory. Keeps errno. */
static char *allocate(size_t alignment, size_t bytes) {
  int number = errno;
  void *ptr = NULL;
  if (alignment <= _Alignof(max_align_t)) {
    ptr = malloc(bytes);
  } else if (posix_memalign(&ptr, alignment, bytes) != 0) {
    ptr = NULL;
  }
  errno = number;
  return ptr;
}

static void release(char *ptr) {
  int number = errno;
  free(ptr);
  errno = number;
}

/* An untracked chunk's block has all bytes that it is charged, which the program may come to use: see `reveal`. */
static size_t bytesFor(const mema_Watch *watch, const mema_Chunk *place, size_t size) {
  return watch->untracked ? place->room : size;
}

/* Takes a block for a place. False, with the place given back, iff there is no memory. */
static bool adopt(mema_Chunk *place, size_t size, size_t alignment) {
  mema_Watch *watch = mema_watchOf(place->heap);
  size_t bytes = bytesFor(watch, place, size);
  char *ptr = growTable(watch) ? allocate(alignment, bytes) : NULL;
  if (ptr == NULL) {
    mema_engineBehind(place->heap)->give(place->heap, place);
    return false;
  }
  *seek(watch, ptr) = (mema_PlainChunk){.ptr = ptr, .place = place->ptr, .heap = place->heap, .size = size, .bytes = bytes};
  watch->plainCount++;
  mema_shadowHide(ptr + size, bytes - size);
  if (place->record != NULL) place->record->ptr = ptr;
  place->ptr = ptr;
  place->zeroed = false;
  return true;
}

/* ---- chunks -------------------------------------------------------------------------------------------------------------- */

static bool take(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  return mema_engineBehind(heap)->take(heap, size, alignment, chunk) && adopt(chunk, size, alignment);
}

static bool takeGrown(mema_Heap *heap, const mema_Chunk *from, size_t size, mema_Chunk *to) {
  return mema_engineBehind(heap)->takeGrown(heap, from, size, to) && adopt(to, size, MEMA_ALIGNMENT);
}

/* Describes the place of a block. */
static bool findPlace(const mema_PlainChunk *entry, mema_Chunk *place) {
  return mema_engineBehind(entry->heap)->find(entry->heap, entry->place, place);
}

/* The table knows the chunks of all heaps of the pool. */
static bool find(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  const mema_PlainChunk *entry = heap->outside ? NULL : entryOf(mema_watchOf(heap), ptr);
  if (entry == NULL || !findPlace(entry, chunk)) return false;
  chunk->ptr = entry->ptr;
  return true;
}

/* A walk describes places, whose Blocks know the blocks. */
static mema_PlainChunk *entryFor(mema_Heap *heap, const mema_Chunk *chunk) {
  return entryOf(mema_watchOf(heap), chunk->record != NULL ? chunk->record->ptr : chunk->ptr);
}

/* Nothing may lead to a block that leaks: the Block of a fixed heap lies in memory of the program. */
static void endEntry(mema_Watch *watch, mema_PlainChunk *entry, bool leaks) {
  char *ptr = entry->ptr;
  mema_Chunk place;
  if (leaks && findPlace(entry, &place) && place.record != NULL) place.record->ptr = NULL;
  removeEntry(watch, entry);
  if (!leaks) release(ptr);
}

static void give(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_Watch *watch = mema_watchOf(heap);
  mema_PlainChunk *entry = entryFor(heap, chunk);
  mema_Chunk place;
  if (entry == NULL || !findPlace(entry, &place)) return; /* it is always there */
  endEntry(watch, entry, watch->leaving && watch->leaks);
  mema_engineBehind(heap)->give(heap, &place);
}

/* ---- another size -------------------------------------------------------------------------------------------------------- */

/* Changes what the program may use of a block. */
static void setSize(mema_PlainChunk *entry, size_t size) {
  if (size > entry->size) mema_shadowGrant(entry->ptr + entry->size, size - entry->size);
  entry->size = size;
  mema_shadowHide(entry->ptr + size, entry->bytes - size);
}

/* Moves a chunk to a block of another length, without a change of its place. Returns the block; NULL iff there is no
 * memory. */
static char *changeBlock(mema_Watch *watch, mema_PlainChunk *entry, mema_Chunk *place, size_t size, size_t bytes) {
  char *ptr = allocate(MEMA_ALIGNMENT, bytes), *before = entry->ptr;
  if (ptr == NULL) return NULL;
  mema_PlainChunk changed = {.ptr = ptr, .place = entry->place, .heap = entry->heap, .size = size, .bytes = bytes};
  memcpy(ptr, before, mema_least(entry->size, size));
  endEntry(watch, entry, false);
  *seek(watch, ptr) = changed;
  watch->plainCount++;
  mema_shadowHide(ptr + size, bytes - size);
  if (place->record != NULL) place->record->ptr = ptr;
  return ptr;
}

/* Even a chunk that stays in its place gets another block if its length changes, so that no tool misses a use of the
 * former one. A chunk that shrinks may keep its block if there is no memory. */
static bool stretch(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  mema_Watch *watch = mema_watchOf(heap);
  mema_PlainChunk *entry = entryFor(heap, chunk);
  mema_Chunk place;
  if (entry == NULL || !findPlace(entry, &place)) return false;
  size_t before = entry->size;
  if (!mema_engineBehind(heap)->stretch(heap, &place, size)) return false;
  size_t bytes = bytesFor(watch, &place, size), had = entry->bytes;
  char *ptr = bytes != had ? changeBlock(watch, entry, &place, size, bytes) : NULL;
  if (ptr == NULL && bytes > had) {
    mema_engineBehind(heap)->stretch(heap, &place, before);
    return false;
  }
  if (ptr == NULL) setSize(entry, size);
  if (ptr != NULL) chunk->ptr = ptr;
  chunk->room = place.room;
  return true;
}

/* An untracked chunk is charged more bytes than the program may use, and than are to be copied. */
static bool move(const mema_Chunk *to, const mema_Chunk *from, size_t bytes) {
  const mema_PlainChunk *entry = entryOf(mema_watchOf(from->heap), from->ptr);
  memcpy(to->ptr, from->ptr, entry != NULL ? mema_least(bytes, entry->size) : bytes);
  return true;
}

static void reveal(mema_Heap *heap, const mema_Chunk *chunk) {
  mema_PlainChunk *entry = entryFor(heap, chunk);
  if (entry != NULL && entry->bytes > entry->size) setSize(entry, entry->bytes);
}

/* ---- all chunks ---------------------------------------------------------------------------------------------------------- */

void mema_plainDrop(const mema_Heap *heap, const char *from, bool leaks) {
  mema_Watch *watch = mema_watchOf(heap);
  for (size_t i = 0; i < slotsOf(watch);) {
    mema_PlainChunk *entry = &watch->table[i];
    if (entry->ptr != NULL && entry->heap == heap && entry->place >= from) {
      endEntry(watch, entry, leaks); /* another entry may have moved here */
    } else {
      i++;
    }
  }
}

static void clear(mema_Heap *heap) {
  mema_plainDrop(heap, heap->area, false);
  mema_engineBehind(heap)->clear(heap);
}

static void rewindPlaces(mema_Heap *heap, uint32_t position, size_t *bytes, size_t *chunks) {
  mema_plainDrop(heap, heap->area + (size_t)position * MEMA_ALIGNMENT, false);
  mema_engineBehind(heap)->rewind(heap, position, bytes, chunks);
}

static void setLeaving(mema_Heap *heap, bool leaving) {
  mema_watchOf(heap)->leaving = leaving;
}

void mema_watchPlain(mema_HeapOps *row) {
  row->kind.watching = mema_watchedPlain;
  row->take = take;
  row->takeGrown = row->takeGrown != NULL ? takeGrown : NULL;
  row->find = find;
  row->give = give;
  row->stretch = stretch;
  row->move = move;
  row->zero = NULL;
  row->reveal = reveal;
  row->clear = clear;
  row->rewind = row->rewind != NULL ? rewindPlaces : NULL;
  row->setLeaving = setLeaving;
}
