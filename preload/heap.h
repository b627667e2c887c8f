/* heap.h - the heap of the program: one untracked shared pool. What the pool grants takes no lock of the heap's; what is rare does.
 *
 * Made at the first call, whoever makes it: the loader allocates before any constructor runs. Every function may be called
 * from any thread, from a signal handler and around fork. A call from a signal handler that interrupted the heap in the same
 * thread can neither wait nor go on: an allocation is refused, a free is dropped (counted, the chunk never reused). A
 * charge is refused likewise, and a credit waits until the heap is at rest. */
#ifndef MEMA_PRELOAD_HEAP_H
#define MEMA_PRELOAD_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runTable.h"

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

/* Whether what the program maps by itself is to be charged. False as long as there is no environment to ask. */
bool heapCountsMappings(void);

/* Charges bytes that the program maps by itself to the budget. False iff it has not got them; 0 bytes are no question. Keeps errno. */
bool heapCharge(size_t bytes);

/* Gives charged bytes back. Keeps errno. */
void heapCredit(size_t bytes);

/* In a forked child: so many bytes are charged, and no more. */
void heapSettleCharges(size_t bytes);

/* Counts a request that was refused before it reached the heap. */
void heapCountRefusal(void);

/* The process comes to its end: its figures are complete, and stay so. The heap goes on working, for those who end later. Waits for other threads, but
 * for some seconds at most. Nothing in a child of vfork, whose memory is its parent's. False there, and where the caller interrupted the heap. Keeps
 * errno. */
bool heapEnd(RunState how);

/* Another program is about to take the place of this one (exec): the same. */
void heapPublish(void);

/* That failed, and this program goes on. Keeps errno. */
void heapResume(void);

/* The process that the heap belongs to; after vfork this is still the parent. */
typedef struct HeapOwner {
  int32_t pid;
  int32_t parentPid;
  char name[RUN_NAME_ROOM];
} HeapOwner;
extern HeapOwner heapOwner;

#endif
