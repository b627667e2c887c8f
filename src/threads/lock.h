/* lock.h - a lock that knows its holder, and works before any constructor has run.
 *
 * The lock word is the holder's number, so that taking the lock and naming the holder are one step: a signal handler that interrupts its
 * own thread at any instruction learns whether it would wait for itself. */
#ifndef MEMA_THREADS_LOCK_H
#define MEMA_THREADS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/base.h"

/* word == 0: free; else word == the holder's number (even) + (1 where threads may sleep on it). */
typedef struct mema_Lock {
  _Atomic uint32_t word;
} mema_Lock;

/* The calling thread's number, which no other thread of the process has or had, and which a forked child's only thread keeps. Even, not 0.
 * (Not the kernel's: that one changes in a child, and asking for it is a system call.) */
MEMA_HIDDEN uint32_t mema_threadNumber(void);

/* Waits for the lock. Returns false iff the calling thread holds it already; errno is kept. */
MEMA_HIDDEN bool mema_takeLock(mema_Lock *lock);
/* The same for a short while only: false also where others hold it for longer. */
MEMA_HIDDEN bool mema_tryLock(mema_Lock *lock);
/* The same for a fifth of a second, or a little more, since whoever holds it may wait for the caller. */
MEMA_HIDDEN bool mema_tryLockLong(mema_Lock *lock);
MEMA_HIDDEN void mema_releaseLock(mema_Lock *lock);
/* Takes it from a holder that does not exist: in the child of a fork. */
MEMA_HIDDEN void mema_seizeLock(mema_Lock *lock);
/* For waits whose end nobody tells. Lets others run, when it did so for so many turns already: in the end those of a lower priority, too. */
MEMA_HIDDEN void mema_letOthersRun(unsigned turns);
MEMA_HIDDEN void mema_sleepMillisecond(void);
/* Whether the calling thread holds any, or was interrupted while it took or released one. */
MEMA_HIDDEN bool mema_holdsSome(void);
MEMA_HIDDEN bool mema_holdsLock(const mema_Lock *lock);

#endif
