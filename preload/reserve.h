/* reserve.h - the last bytes of the budget, kept back so that a program that was refused memory can still print a message,
 * throw and unwind.
 *
 *   held == reserve while it is closed, else min(reserve, free bytes with the held bytes included)
 *
 * The held bytes are charged to the pool, so that no request gets them. The first request that the budget refuses opens
 * the reserve. From then on a small request that finds no other bytes may take from it. It closes when twice the reserve is
 * free. Every function is called under the lock of the heap. */
#ifndef MEMA_PRELOAD_RESERVE_H
#define MEMA_PRELOAD_RESERVE_H

#include <mema.h>

#include "runTable.h"

/* The largest request, in bytes, that may take from the reserve. */
#define RESERVE_REQUEST 4096

/* True if the reserve is open. Call settleReserve before each request then. */
extern bool reserveIsOpen;

/* Keeps `bytes` of the budget back, or as many as are free. */
void startReserve(mema_Pool *pool, size_t bytes);

/* Takes free bytes back into the reserve, and closes it if twice the reserve is free. */
void settleReserve(mema_Pool *pool);

/* Called when the budget refused a request of `size` bytes. True iff the request must be repeated now, with
 * the reserve free for it. Call endLoan after that. */
bool lendReserve(mema_Pool *pool, size_t size);
void endLoan(mema_Pool *pool);

/* Writes the figures by which readers correct the pool's figures. */
void describeReserve(RunReserve *figures);

/* Called when the pool begins a new peak. */
void forgetReservePeak(const mema_Pool *pool);

#endif
