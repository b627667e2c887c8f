/* reserve.h - the last bytes of the budget, kept back so that a program that has been refused memory can still say so, throw and
 * unwind.
 *
 *   held == reserve where it is closed, else the lesser of the reserve and what is free, the held bytes included
 *
 * The held bytes are charged to the pool, so that nobody gets at them; ordinary requests see what is left. The first request that
 * the budget refuses opens the reserve: small requests that find nothing else may then have of it. It closes when twice the
 * reserve is free. Every call is made under the lock of the heap. */
#ifndef MEMA_PRELOAD_RESERVE_H
#define MEMA_PRELOAD_RESERVE_H

#include <mema.h>

#include "runTable.h"

/* Bytes: the largest request that may have of the reserve. */
#define RESERVE_REQUEST 4096

/* Whether it is open: settleReserve is then to be called before each request. */
extern bool reserveIsOpen;

/* Keeps so many bytes back, or what is there of them. */
void startReserve(mema_Pool *pool, size_t bytes);

/* Takes back what has become free, and closes the reserve where that is enough. */
void settleReserve(mema_Pool *pool);

/* The pool has refused a request of so many bytes for its budget. True iff it is to be made again now, with the reserve at hand;
 * endLoan is then to be called after it. */
bool lendReserve(mema_Pool *pool, size_t size);
void endLoan(mema_Pool *pool);

/* What the pool's figures are to be corrected by. */
void describeReserve(RunReserve *figures);

/* The pool begins a new peak. */
void forgetReservePeak(const mema_Pool *pool);

#endif
