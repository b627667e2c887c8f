/* watch.c - see watch.h: what checks the process, and a watched heap's beginning and end. */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watched.h"

/* Bytes of freed chunks, with their redzones, that a heap keeps. */
static const size_t keptByDefault = (size_t)16 << 20;

unsigned mema_checkers = mema_checkersUnknown;

/* ---- what checks the process --------------------------------------------------------------------------------------------- */

/* True if a variable of the environment is set, and not to 0. */
static bool isAsked(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' && !(value[0] == '0' && value[1] == '\0');
}

static unsigned lookForCheckers(void) {
  const char *watch = getenv("MEMA_WATCH");
  unsigned found = 0;
  if (watch == NULL || watch[0] != '0' || watch[1] != '\0') {
    if (mema_isAsanThere()) found |= mema_checkedByAsan;
    if (mema_isMemcheckThere()) found |= mema_checkedByMemcheck;
  }
  if (isAsked("MEMA_PLAIN")) found |= mema_checkedPlain;
  if (isAsked("MEMA_LEAKS")) found |= mema_checkedPlain | mema_checkedLeaks;
  return found;
}

/* All threads find the same. */
static unsigned checkers(void) {
  unsigned found = __atomic_load_n(&mema_checkers, __ATOMIC_RELAXED);
  if ((found & mema_checkersUnknown) == 0) return found;
  found = lookForCheckers();
  __atomic_store_n(&mema_checkers, found, __ATOMIC_RELAXED);
  return found;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

/* Makes a heap the engine's own again. */
static void unwatch(mema_Heap *heap) {
  heap->ops = mema_engineBehind(heap);
  if (heap->mode < mema_modeCount) heap->mode &= (uint8_t)~mema_modeBound;
}

/* The memory stays hidden while the heap is kept warm. A slab outside ends before the heap of its pool. */
static void closeHeap(mema_Heap *heap) {
  mema_Watch *watch = mema_watchOf(heap);
  bool outside = heap->outside;
  if (!watch->plain) {
    if (!outside) mema_delistHeap(heap);
    mema_endPlaces(heap);
  } else {
    mema_plainDrop(heap, NULL, watch->leaks && (outside ? watch->first : heap)->generation == 0);
  }
  unwatch(heap);
  heap->ops->close(heap);
  if (outside) return;
  int number = errno;
  free(watch->table);
  free(watch);
  errno = number;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------------- */

/* Makes a slab outside of a watched heap a watched one. */
static void watchOutside(mema_Heap *first, mema_Heap *added) {
  added->ops = &mema_watchOf(first)->outsideRow;
  if (!mema_watchOf(first)->plain) mema_shadowAddRoot(added->area, mema_slabOps.reservation(added));
}

static void setRow(const mema_Watch *watch, mema_HeapOps *row, const mema_HeapOps *engine) {
  *row = *engine;
  row->close = closeHeap;
  row->watchOutside = watchOutside;
  if (watch->plain) {
    mema_watchPlain(row);
  } else {
    mema_watchInPlace(row);
  }
}

static bool watchHeap(mema_Heap *heap, const mema_Options *options, bool plain, bool leaks) {
  int number = errno;
  mema_Watch *watch = calloc(1, sizeof *watch);
  errno = number;
  if (watch == NULL) return false;
  watch->engine = heap->ops;
  watch->first = heap;
  watch->plain = plain;
  watch->untracked = options->untracked;
  watch->leaks = leaks;
  watch->sites = options->sites;
  if (options->name != NULL) strncpy(watch->name, options->name, sizeof watch->name - 1);
  watch->budget = options->poolSize;
  watch->keptMost = options->quarantine != 0 ? options->quarantine : keptByDefault;
  setRow(watch, &watch->row, heap->ops);
  setRow(watch, &watch->outsideRow, &mema_slabOps);
  heap->ops = &watch->row;
  heap->mode = heap->mode < mema_modeCount ? heap->mode | mema_modeBound : mema_modeGeneral;
  mema_shadowOwn(watch); /* the heap's header, which leads to it, lies in memory that the sanitizer does not look into */
  if (plain) return true;
  mema_beginPlaces(heap);
  mema_enlistHeap(heap);
  return true;
}

/* A watched heap must refuse no request that it serves otherwise. A buffer has no room for redzones: see watch.h. */
static bool mayWatchInPlace(const mema_HeapOps *engine) {
  return engine->touched != NULL && !engine->inBuffer;
}

mema_Heap *mema_openWatched(const mema_HeapOps *engine, const mema_Options *options) {
  unsigned found = options->unwatched ? 0 : checkers();
  bool leaks = options->leakCheck || (found & mema_checkedLeaks) != 0;
  bool asked = options->plain || leaks || (found & mema_checkedPlain) != 0;
  bool tools = (found & (mema_checkedByAsan | mema_checkedByMemcheck)) != 0, plain = asked || !mayWatchInPlace(engine);
  /* Hooks may have no memory for redzones; where the budget bounds memory, redzones are not in it. */
  tools = tools && options->memory == NULL && (!options->boundMemory || options->untracked);
  mema_Options opened = *options;
  /* In place every chunk has a Block. The threads of a shared pool have no caches then, nor if chunks are plain. */
  if ((tools || asked) && (!plain || options->shared)) opened.untracked = false;
  opened.boundMemory = options->boundMemory && !options->untracked;
  mema_Heap *heap = engine->open(&opened);
  if (heap == NULL) return NULL;
  if (!tools && !asked) {
    mema_revealHeap(heap);
    return heap;
  }
  if (watchHeap(heap, options, plain, leaks)) return heap;
  heap->ops->close(heap);
  return NULL;
}

void mema_revealAll(const mema_Heap *heap) {
  mema_shadowReveal(heap->area, heap->ops->touched(heap));
}
