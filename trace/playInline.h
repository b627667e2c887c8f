/* playInline.h - the player's inner loop, for those who know their heap when they compile: with a constant PlayHeap whose functions
 * are inline, its calls are direct ones, as those of a program are. Everybody else calls playProcess. */
#ifndef MEMA_TRACE_PLAY_INLINE_H
#define MEMA_TRACE_PLAY_INLINE_H

#include "playHeap.h"
#include "trace.h"

/* PLAY_PAGE: of the usual hosts; where pages are larger, more is touched than need be.
 * PLAY_TOUCH_MOST: programs that ask for more at a time seldom use it all, and the host may not have it. */
enum { PLAY_PAGE = 4096, PLAY_TOUCH_MOST = 1 << 28 };

/* A chunk handed out is in use, wherever its memory came from. */
static inline void playTouch(char *bytes, size_t from, size_t size) {
  if (size > PLAY_TOUCH_MOST) size = PLAY_TOUCH_MOST;
  for (size_t at = from; at < size; at += PLAY_PAGE) ((volatile char *)bytes)[at] = (char)at;
}

static inline void *playAllocate(const TraceOperation *operation, const PlayHeap *heap) {
  if (operation->kind == TRACE_ALLOCATE) return heap->allocate(operation->size);
  if (operation->kind == TRACE_ALLOCATE_ZEROED) return heap->allocateZeroed(1, operation->size);
  return heap->allocateAligned((size_t)1 << operation->alignment, operation->size);
}

static inline void playAllocation(const TraceOperation *operation, const PlayHeap *heap, PlayObject *object,
                                  PlayCounts *counts) {
  object->address = playAllocate(operation, heap);
  object->size = operation->size;
  counts->allocations++;
  if (object->address == NULL) {
    counts->refused++;
  } else {
    playTouch(object->address, 0, object->size);
  }
}

static inline void playResize(const TraceOperation *operation, const PlayHeap *heap, PlayObject *object,
                              PlayCounts *counts) {
  if (object->address == NULL) {
    counts->skipped++;
    return;
  }
  counts->resizes++;
  /* Of 0 bytes: some heaps would release it, and the program's did not. */
  void *address = heap->resize(object->address, operation->size > 0 ? operation->size : 1);
  if (address == NULL) {
    counts->refused++;
    return;
  }
  playTouch(address, object->size, operation->size);
  *object = (PlayObject){.address = address, .size = operation->size};
}

static inline void playRelease(const PlayHeap *heap, PlayObject *object, PlayCounts *counts) {
  if (object->address == NULL) {
    counts->skipped++;
    return;
  }
  counts->releases++;
  heap->release(object->address);
  object->address = NULL;
}

static inline __attribute__((always_inline)) PlayCounts playInline(const TraceProcess *process, const PlayHeap *heap,
                                                                   PlayObject *live) {
  PlayCounts counts = {0};
  if (process->count == 0) return counts; /* there may be no array to point into */
  const TraceOperation *end = process->operations + process->count;
  for (const TraceOperation *operation = process->operations; operation < end; operation++) {
    switch (operation->kind) {
      case TRACE_RELEASE:
        playRelease(heap, &live[operation->object], &counts);
        break;
      case TRACE_RESIZE:
        playResize(operation, heap, &live[operation->object], &counts);
        break;
      case TRACE_ALLOCATE:
      case TRACE_ALLOCATE_ZEROED:
      case TRACE_ALLOCATE_ALIGNED:
        playAllocation(operation, heap, &live[operation->object], &counts);
        break;
      default:
        break;
    }
  }
  counts.operations = counts.allocations + counts.resizes + counts.releases;
  return counts;
}

#endif
