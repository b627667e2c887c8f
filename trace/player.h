/* player.h - plays the operations of a process against a heap. */
#ifndef MEMA_TRACE_PLAYER_H
#define MEMA_TRACE_PLAYER_H

#include "trace.h"

/* A heap; malloc, calloc, aligned_alloc, realloc and free are one. */
typedef struct PlayHeap {
  void *(*allocate)(size_t size);
  void *(*allocateZeroed)(size_t count, size_t size);
  void *(*allocateAligned)(size_t alignment, size_t size);
  void *(*resize)(void *ptr, size_t size);
  void (*release)(void *ptr);
} PlayHeap;

/* What is in an object's place: nothing (address NULL), or the object. */
typedef struct PlayObject {
  void *address;
  size_t size;
} PlayObject;

/* What came of it. */
typedef struct PlayCounts {
  uint64_t operations; /* asked of the heap: all but TRACE_STRANGER and TRACE_REFUSED, and those skipped */
  uint64_t allocations;
  uint64_t resizes;
  uint64_t releases;
  uint64_t refused; /* allocations and resizes that the heap answered with NULL */
  uint64_t skipped; /* resizes and releases of objects that had been refused */
} PlayCounts;

/* Plays the process from its first operation to its last, in the recorded order and on the calling thread. What is new of an
 * object is touched: its first byte, and one byte of each page of its first 256 MiB. `live` has process->objects entries, all
 * zero; afterwards it holds what is still live. */
PlayCounts playProcess(const TraceProcess *process, const PlayHeap *heap, PlayObject *live);

/* Releases what is still live. */
void releaseRest(const TraceProcess *process, const PlayHeap *heap, PlayObject *live);

#endif
