/* gate.h - the pool of the heap, and how to enter and leave the heap. Chunks, charges and the ends of a process all come
 * through here.
 *
 * The pool is made at the first call of any kind, since the loader allocates before any constructor runs. Requests that
 * the pool grants by itself take no lock of the heap (heapIsReady). Rare calls enter the heap, work under its lock, and
 * leave it. */
#ifndef MEMA_PRELOAD_GATE_H
#define MEMA_PRELOAD_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mema.h>

#include "../src/threads/calls.h"
#include "runTable.h"

/* Hidden, so that code reaches these without the table of addresses, which the loader fills in only after the
 * first calls. */
#pragma GCC visibility push(hidden)

/* A shared pool: its common paths take no lock of the heap. */
extern mema_Pool heapPool;

/* True if the environment is applied and the reserve closed: requests then need no preparation. */
extern atomic_bool heapIsPlain;

/* The offset of mema_cacheAtHand in each thread's data, while heapIsPlain is true; else 0: see atHand.c. */
extern _Atomic uintptr_t heapOffset;

/* The calling thread's remaining calls through heap.c until it publishes its figures. Calls that end in atHand.c, or
 * without the pool's lock, are also counted in the thread's cache (mema_sharedOnCalls). */
extern _Thread_local int heapCallsLeft;

/* ---- in and out --------------------------------------------------------------------------------------------------- */

/* Returns false iff the calling thread is inside the heap, or its pool, already. */
bool enterHeap(void);
/* True if the calling thread is making the pool. */
bool isMakingHeap(void);

/* As enterHeap, but waits for a limited time: the process must end even if another thread keeps the lock. */
bool enterHeapSoon(void);

void leaveHeap(void);

/* From now on each request takes the general path: heapIsReady returns false. */
void serveSlowly(void);

/* A jump is about to lead to the frame at `target`. If it leaves the heap for good, from a signal handler that interrupted
 * it, makes the heap usable again. */
void leaveHeapFor(uintptr_t target);

/* Registers the fork handlers. */
void guardForks(void);

/* True if the environment was read: `settings` do not change any more. */
bool knowsSettings(void);

/* ---- figures ------------------------------------------------------------------------------------------------------ */

/* Counts a refused request, by its reason. */
void noteRefusal(mema_Reason reason);

void publishNowAndThen(void);

/* Makes the pool keep its figures in the process's slot, where others read them. False if that slot is
 * private, or the caller interrupted the pool. */
bool watchPool(void);
bool watchesPool(void);

void noteMapped(void);
void noteReserve(void);

/* Note that mapped bytes were charged to the pool, or credit them. */
void addMapped(size_t bytes);
void creditMapped(size_t bytes);

/* Notes a credit of a caller that interrupted the heap. takeLateCredit makes it. */
void creditLate(size_t bytes);
void takeLateCredit(void);

#pragma GCC visibility pop

static inline mema_Gauge *gaugeOf(RunPool *figures) {
  return (mema_Gauge *)(void *)figures;
}

static inline bool heapIsReady(void) {
  return __builtin_expect(atomic_load_explicit(&heapIsPlain, memory_order_acquire), 1);
}

/* Counts a call. True if the thread must publish its figures now. */
static inline bool countCall(void) {
  return __builtin_expect(--heapCallsLeft <= 0, 0);
}

#endif
