/* total.h - one budget for all processes of a run (mema run --total), beside the budget of each process.
 *
 * A process leases parts of the total, and the budget of its pool is what it has leased:
 *
 *     poolSize of the pool == bytes of the process's lease <= the budget of the process
 *     the sum of all leases == leased, in the table
 *     leased <= budget, in the table, apart from bytes that cannot be refused: those that a forked child or a new program begins with
 *
 * A request that the pool refuses leases more, and is repeated. Bytes free beyond a batch go back now and then. A process
 * that ends gives back its lease; that of a killed one is taken by the next process that the total would refuse. The
 * common paths do nothing for the total.
 *
 * Every function but hasExcess is called under the lock of the heap, or in a forked child. All keep errno. */
#ifndef MEMA_PRELOAD_TOTAL_H
#define MEMA_PRELOAD_TOTAL_H

#include <stdbool.h>

#include <mema.h>

/* Joins the total of the table, if it has one. Called once, after the table was opened. */
void beginTotal(mema_Pool *pool);

/* The pool refused a request, for which mema_lastError holds. True if the total allowed more: the request is to be repeated. */
bool leaseMore(mema_Pool *pool);

/* True if the last refusal was the total's. Asked once for each refused request. */
bool wasRefusedByTotal(void);

/* True if returnExcess would give something back. */
bool hasExcess(const mema_Pool *pool);
void returnExcess(mema_Pool *pool);

/* In a forked child, after its slot was claimed. `atRest`: the pool may be called. */
void forkTotal(mema_Pool *pool, bool atRest);

/* The process ends. */
void endTotal(void);

#endif
