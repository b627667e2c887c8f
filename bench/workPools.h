/* workPools.h - what is timed of whole pools; one free among many chunks. */
#ifndef BENCH_WORK_POOLS_H
#define BENCH_WORK_POOLS_H

#include "peers.h"

Work requests;   /* [0] ns per pool of 50 chunks */
Work freeRandom; /* ns per [0] free, [1] alloc, [2] touch, [3] touch that waits for the one before; [4] us per freePool */
Work freeEverything; /* ms for all n: [0] one by one in order, [1] at random, [2] freePool; quotients [3] 0/2, [4] 1/2 */
Work manyPools;  /* [0] resident bytes, [1] page table bytes, [2] kernel maps, [3] ns to make, [4] ns to free: per pool */
Work poolCycles; /* [0] ns per initPool, palloc, freePool */
Work resets;     /* us for n chunks of 16 bytes: [0] resetPool, [1] freePool */

#endif
