/* workThreads.h - what is timed of two threads, each on a processor of its own: each its own work, producer and consumer, exchange, a server. */
#ifndef BENCH_WORK_THREADS_H
#define BENCH_WORK_THREADS_H

#include "peers.h"

/* ns are wall time per pair of one of the threads. */
Work ownBatches, ownReplacements,
    ownTouches;              /* [0] ns per pair, [1] the same with one thread, [2] the work rate of two in units of that,
                                    [3] what two used of their processors' time */
Work passEqual, passMixed;   /* [0] ns per pair: one thread allocates, the other frees; [1] of the processors' time */
Work exchangePlaces;         /* the same */
Work serveInTurn, serveAnew; /* the same */

/* The processors of those rows: a mask in hexadecimal; NULL: all on which this process may run. False where it is no mask. */
bool readProcessors(const char *mask);
int countProcessors(void);
/* Lets the calling process run on all of them. */
void useAllProcessors(void);

#endif
