/* wait.h - waiting until another thread frees something of a shared pool's budget. */
#ifndef MEMA_THREADS_WAIT_H
#define MEMA_THREADS_WAIT_H

#include "share.h"

/* One wait of this thread. A thread has several if a signal handler interrupted the first wait, and waits
 * too. */
typedef struct mema_Wait {
  uintptr_t generation; /* of the pool */
  const struct mema_Wait *interrupted;
  mema_Share *share;
  uint32_t seen; /* the share's count of frees when the wait began */
} mema_Wait;

/* Registers a waiter for a request that the budget refused. False, with the failure noted, if no free of
 * another thread can help. */
MEMA_HIDDEN bool mema_beginWait(mema_Pool *pool, size_t size, mema_Wait *wait);
/* Sleeps until a thread has freed something since the wait began, or the milliseconds have passed (below 0:
 * no limit). May wake early. */
MEMA_HIDDEN void mema_sleepForBudget(const mema_Wait *wait, int64_t milliseconds);
MEMA_HIDDEN void mema_endWait(const mema_Wait *wait);

/* Returns how many waits the calling thread has on the pool of this share. Each of them counts in `waiting`. */
MEMA_HIDDEN uint32_t mema_waitsHere(const mema_Share *share);

#endif
