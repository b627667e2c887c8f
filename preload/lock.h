/* lock.h - the lock of the heap's rare paths, and of the set of mappings. It works before any constructor has run, and
 * knows the thread that holds it.
 *
 * The lock word is the holder's number, so taking the lock and naming the holder are one step. A signal handler that
 * interrupts its own thread at any instruction learns whether it would wait for itself.
 *
 * The lock of shared pools (src/threads/lock.h) has an equal word, but also counts the locks that a thread holds. A pool
 * refuses a call of a thread that holds one: the call comes from a signal handler that interrupted the pool. A holder of
 * this lock calls the pool, so this lock is not counted. */
#ifndef MEMA_PRELOAD_LOCK_H
#define MEMA_PRELOAD_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* word == the holder's number (even), or 0 while the lock is free; + 1, the mark, if threads may sleep on the lock. As in
 * src/threads/lock.h, the mark stays while the lock is free. Sleepers wait for a change of the low 32
 * bits. */
typedef struct Lock {
  _Atomic uintptr_t word;
} Lock;

/* Waits for the lock. Returns false iff the calling thread holds it already; errno is kept. */
bool takeLock(Lock *lock);

/* Takes the lock if it is free now, or a moment later. */
bool tryLock(Lock *lock);

/* As takeLock, but waits a fiftieth of a second, or a little more: false also if another thread holds the
 * lock for longer. */
bool takeLockSoon(Lock *lock);

bool holdsLock(const Lock *lock);

void releaseLock(Lock *lock);

/* Frees the lock in a forked child. The other threads do not exist there, nor do those that slept on the
 * lock. */
void resetLock(Lock *lock);

#endif
