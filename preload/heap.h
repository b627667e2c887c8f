/* heap.h - the chunks of the program's heap: one untracked shared pool (gate.h).
 *
 * Every function may be called
 * from any thread, from a signal handler and around fork. A call from a signal handler that interrupted the heap in the same
 * thread can neither wait nor go on: an allocation is refused, a free is dropped (counted, the chunk never reused). A
 * charge is refused likewise, and a credit waits until the heap is at rest. */
#ifndef MEMA_PRELOAD_HEAP_H
#define MEMA_PRELOAD_HEAP_H

#include <stddef.h>

/* A new chunk; NULL with ENOMEM. Where they succeed they leave errno alone. */
void *heapAllocate(size_t size);
void *heapAllocateZeroed(size_t count, size_t size);
void *heapAllocateAligned(size_t alignment, size_t size);

typedef enum HeapAnswer { HEAP_DONE, HEAP_REFUSED, HEAP_BAD_POINTER } HeapAnswer;

/* Resizes the chunk *ptr (not NULL), which may move. HEAP_REFUSED: it lives on unchanged. Keeps errno. */
HeapAnswer heapResize(void **ptr, size_t size);

/* Takes a chunk back; nothing for NULL. A pointer that is nobody's is counted, and under MEMA_STRICT the end. Keeps errno. */
void heapRelease(void *ptr);

/* The usable bytes of a chunk; 0 where ptr is none. */
size_t heapChunkSize(const void *ptr);

/* Counts a request that was refused before it reached the heap. */
void heapCountRefusal(void);

#endif
