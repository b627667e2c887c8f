/* heap.h - the chunks of the program's heap: one untracked shared pool (gate.h).
 *
 * Every function may be called from any thread, from a signal handler and around fork. If a signal handler interrupted
 * the heap in the same thread, its call can neither wait nor go on. An allocation or a charge is refused. A free or a
 * credit waits until the heap is at rest; only then is a freed pointer checked. */
#ifndef MEMA_PRELOAD_HEAP_H
#define MEMA_PRELOAD_HEAP_H

#include <stddef.h>

/* Return a new chunk; NULL with ENOMEM. On success errno is kept. */
void *heapAllocate(size_t size);
void *heapAllocateZeroed(size_t count, size_t size);
void *heapAllocateAligned(size_t alignment, size_t size);

/* realloc of a pointer that is not NULL. NULL with ENOMEM, or EINVAL for a pointer to no live chunk: the chunk stays
 * unchanged. For 0 bytes it frees the chunk. On success errno is kept. */
void *heapResize(void *ptr, size_t size);

/* Frees a chunk. Does nothing for NULL. A pointer to no live chunk is counted, and ends the program under
 * MEMA_STRICT. Keeps errno. */
void heapRelease(void *ptr);

/* As heapRelease, for a pointer that the common path could not free, and for one that the pool refused a moment ago. */
void heapReleaseElse(void *ptr);
void heapReleaseRefused(void *ptr);

/* Publishes the figures of the thread, whose calls have run out, and returns ptr, for tail calls. */
void *heapPublishFor(void *ptr);

/* Returns the usable bytes of a chunk; 0 if ptr is none. */
size_t heapChunkSize(const void *ptr);

/* As heapChunkSize, for a pointer that is no live slot. */
size_t heapChunkSizeElse(const void *ptr);

/* As heapChunkSize, but 0 for chunks of the C library, and where the caller is a signal handler that interrupted the
 * heap. May change errno. */
size_t heapOwnSize(const void *ptr);

/* Returns the usable bytes that a chunk gets which malloc is asked for; 0: unknown. May change errno. */
size_t heapRoomFor(size_t size);

/* Counts a request that was refused before it reached the heap. */
void heapCountRefusal(void);

#endif
