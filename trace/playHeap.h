/* playHeap.h - what a list of operations is played against: a heap, the objects in it, and counts of what came of it. */
#ifndef MEMA_TRACE_PLAY_HEAP_H
#define MEMA_TRACE_PLAY_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* A heap; malloc, calloc, aligned_alloc, realloc and free are one. */
typedef struct PlayHeap {
  void *(*allocate)(size_t size);
  void *(*allocateZeroed)(size_t count, size_t size);
  void *(*allocateAligned)(size_t alignment, size_t size);
  void *(*resize)(void *ptr, size_t size);
  void (*release)(void *ptr);
} PlayHeap;

/* The place of an object; empty if the address is NULL. */
typedef struct PlayObject {
  void *address;
  size_t size;
} PlayObject;

/* The result. */
typedef struct PlayCounts {
  uint64_t operations; /* asked of the heap: all but TRACE_STRANGER and TRACE_REFUSED, and those skipped */
  uint64_t allocations;
  uint64_t resizes;
  uint64_t releases;
  uint64_t refused; /* allocations and resizes that the heap answered with NULL */
  uint64_t skipped; /* resizes and releases of objects that had been refused */
} PlayCounts;

#endif
