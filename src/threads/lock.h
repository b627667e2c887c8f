/* lock.h - a lock that knows its holder, and works before any constructor has run.
 *
 * The lock word is the holder's number, so taking the lock and naming the holder are one step. A signal handler that interrupts its
 * own thread at any instruction learns whether it would wait for itself. */
#ifndef MEMA_THREADS_LOCK_H
#define MEMA_THREADS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/base.h"

/* word == the holder's number (even), or 0 while the lock is free; + 1, the mark, if threads may sleep on the lock.
 *
 * A thread that was woken may run a signal handler before it takes the lock, for as long as that likes. So the mark stays
 * while the lock is free, and the next holder wakes a thread too. It goes when no thread sleeps. Sleepers wait for a
 * change of the low 32 bits. */
typedef struct mema_Lock {
  _Atomic uintptr_t word;
} mema_Lock;

/* Returns the calling thread's number: even, not 0, and never used by another thread of the process, present
 * or past. (Where a pointer has 32 bits, numbers repeat after 2^31 threads.) The only thread of a forked child
 * keeps its number. (The kernel's number is not used: it changes in a child, and takes a system call.) */
MEMA_HIDDEN uintptr_t mema_threadNumber(void);
/* Counts the numbers that threads have drawn. */
MEMA_HIDDEN extern _Atomic uintptr_t mema_threadNumbers;

/* Waits for the lock. Returns false iff the calling thread holds it already; errno is kept. */
MEMA_HIDDEN bool mema_takeLock(mema_Lock *lock);
/* As mema_takeLock, but waits only for a short while: false also if another thread holds the lock for longer. */
MEMA_HIDDEN bool mema_tryLock(mema_Lock *lock);
/* As mema_tryLock, but waits a fifth of a second, or a little more. It is for callers that the lock's holder
 * may wait for. */
MEMA_HIDDEN bool mema_tryLockLong(mema_Lock *lock);
MEMA_HIDDEN void mema_releaseLock(mema_Lock *lock);
/* Takes the lock from a holder that does not exist in this process, the child of a fork. */
MEMA_HIDDEN void mema_seizeLock(mema_Lock *lock);
/* Lets other threads run, in a loop that waits without a wake-up. `turns` counts the rounds so far: after
 * many it sleeps, so that threads of a lower priority run too. */
MEMA_HIDDEN void mema_letOthersRun(unsigned turns);
MEMA_HIDDEN void mema_sleepMillisecond(void);
/* Forgets the locks that the calling thread held or was about to take: it has left those calls for good. */
MEMA_HIDDEN void mema_forgetHolds(void);
/* True if the calling thread holds any lock, or was interrupted while it took or released one. */
MEMA_HIDDEN bool mema_holdsSome(void);
MEMA_HIDDEN bool mema_holdsLock(const mema_Lock *lock);

#endif
