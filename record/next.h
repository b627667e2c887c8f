/* next.h - the heap that the program would have without us: the C library's, or that of a library preloaded behind ours. */
#ifndef MEMA_RECORD_NEXT_H
#define MEMA_RECORD_NEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct NextHeap {
  void *(*malloc)(size_t size);
  void *(*calloc)(size_t count, size_t size);
  void *(*realloc)(void *ptr, size_t size);
  void (*free)(void *ptr);
  void *(*memalign)(size_t alignment, size_t size);
  void *(*alignedAlloc)(size_t alignment, size_t size);
  int (*posixMemalign)(void **out, size_t alignment, size_t size);
  void *(*valloc)(size_t size);
  void *(*pvalloc)(size_t size);
  size_t (*usableSize)(void *ptr);
} NextHeap;

/* NULL while it is being looked for, which may allocate: the caller is then served by the bootstrap. */
const NextHeap *nextHeap(void);

/* A few chunks for the search itself. They are never used again. NULL when there are no more. */
void *bootstrapAllocate(size_t size);
bool isBootstrap(const void *ptr);
size_t bootstrapSize(const void *ptr);

#endif
