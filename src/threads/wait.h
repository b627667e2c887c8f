/* wait.h - waiting until another thread frees something of a shared pool's budget. */
#ifndef MEMA_THREADS_WAIT_H
#define MEMA_THREADS_WAIT_H

#include "share.h"

/* A wait of this thread: more than one where a signal handler interrupted the first, and waits too. */
typedef struct mema_Wait {
  uintptr_t generation; /* of the pool */
  const struct mema_Wait *interrupted;
  mema_Share *share;
  uint32_t seen; /* the share's count of frees when the wait began */
} mema_Wait;

/* Registers a waiter for a request that the budget refused. False, with the failure noted, where no free of another thread can help. */
MEMA_HIDDEN bool mema_beginWait(mema_Pool *pool, size_t size, mema_Wait *wait);
/* Sleeps until something was freed since the wait began, or so many milliseconds have passed (below 0: no limit). May wake early. */
MEMA_HIDDEN void mema_sleepForBudget(const mema_Wait *wait, int64_t milliseconds);
MEMA_HIDDEN void mema_endWait(const mema_Wait *wait);

/* How often the calling thread is in mema_pallocWait on the pool of this share, and counted in `waiting`. */
MEMA_HIDDEN uint32_t mema_waitsHere(const mema_Share *share);

#endif
