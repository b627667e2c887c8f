/* gate.h - the pool of the heap, and the way in and out: what chunks, charges, and the ends of a process go through.
 *
 * Made at the first call of any kind: the loader allocates before any constructor runs. What the pool grants by itself takes no lock of
 * the heap's (heapIsReady); what is rare enters, does its work under the lock, and leaves. */
#ifndef MEMA_PRELOAD_GATE_H
#define MEMA_PRELOAD_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <mema.h>

#include "../src/threads/calls.h"
#include "runTable.h"

/* Hidden: reached without the table of addresses, which the loader fills in only after the first calls. */
#pragma GCC visibility push(hidden)

/* Shared: calls that find what they want there take no lock of the heap's. */
extern mema_Pool heapPool;

/* The environment is applied and the reserve closed, so that nothing needs to be seen to before a request. */
extern atomic_bool heapIsPlain;

/* Of the calling thread: calls until it publishes the figures. */
extern _Thread_local int heapCallsLeft;

/* ---- in and out --------------------------------------------------------------------------------------------------- */

/* Returns false iff the calling thread is inside the heap, or its pool, already. */
bool enterHeap(void);

/* As enterHeap, but not for ever: the process is to end though another thread keeps the lock. */
bool enterHeapSoon(void);

void leaveHeap(void);

/* Registers what is to be done at a fork. */
void guardForks(void);

/* Whether the environment has been read, so that `settings` stay. */
bool knowsSettings(void);

/* ---- figures ------------------------------------------------------------------------------------------------------ */

/* A request was refused, for this reason. */
void noteRefusal(mema_Reason reason);

void publishNowAndThen(void);

/* Has the pool keep its figures where others read them. False where there is none, or not now: the pool was interrupted. */
bool watchPool(void);
bool watchesPool(void);

void noteMapped(void);
void noteReserve(void);

/* Bytes that the program maps by itself were charged to the pool, or are to be credited. */
void addMapped(size_t bytes);
void creditMapped(size_t bytes);

/* Notes bytes to credit where the heap was interrupted; takeLateCredit credits them. */
void creditLate(size_t bytes);
void takeLateCredit(void);

#pragma GCC visibility pop

static inline mema_Gauge *gaugeOf(RunPool *figures) {
  return (mema_Gauge *)(void *)figures;
}

static inline bool heapIsReady(void) {
  return __builtin_expect(atomic_load_explicit(&heapIsPlain, memory_order_acquire), 1);
}

/* True where it is time to publish the figures. */
static inline bool countCall(void) {
  return __builtin_expect(--heapCallsLeft <= 0, 0);
}

#endif
