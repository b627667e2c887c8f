/* lock.h - the lock of the heap's rare paths, and of the set of mappings: it works before any constructor has run, and knows the thread that holds it.
 *
 * The lock word is the holder's number, so that taking the lock and naming the holder are one step: a signal handler that
 * interrupts its own thread at any instruction learns whether it would wait for itself.
 *
 * The lock of shared pools (src/threads/lock.h) has the same word, but also counts the locks that a thread holds: a pool refuses a call of a
 * thread that holds one, as of a signal handler that interrupted the pool. A holder of this lock calls the pool, so this lock is not counted. */
#ifndef MEMA_PRELOAD_LOCK_H
#define MEMA_PRELOAD_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* word == 0: free; else word == the holder's number (even) + (1 where threads may sleep on it). */
typedef struct Lock {
  _Atomic uint32_t word;
} Lock;

/* Waits for the lock. Returns false iff the calling thread holds it already; errno is kept. */
bool takeLock(Lock *lock);

/* The same for a fiftieth of a second, or a little more: false also where another thread has it for longer. */
bool takeLockSoon(Lock *lock);

bool holdsLock(const Lock *lock);

void releaseLock(Lock *lock);

/* Makes the lock free again in a forked child, whose other threads, those that slept on it included, do not exist. */
void resetLock(Lock *lock);

#endif
