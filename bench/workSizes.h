/* workSizes.h - what is timed with other calls and other sizes: growth, large chunks, calloc, alignment, a budget. */
#ifndef BENCH_WORK_SIZES_H
#define BENCH_WORK_SIZES_H

#include "peers.h"

Work growth;                    /* [0] us from 16 B to 16 MiB */
Work largeChunks;               /* [0] us per pair */
Work zeroedBatch, alignedBatch; /* [0] ns per pair */
Work budgetCycles;              /* ns per pair: [0] of all cycles, [1] of the first, [2] of the others */

#endif
