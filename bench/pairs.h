/* pairs.h - pairs of malloc and free under a preloaded allocator. */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include "peers.h"

Work runPairs; /* [0] ns of a pair, [1] its instructions; n: which pattern */

/* Which pattern. */
typedef enum { PAIRS_FEW, PAIRS_BURSTS, PAIRS_BURSTS_OF_TWO, PAIRS_LIVES, PAIRS_PASSED, PAIRS_SERVED } PairsId;

/* Where the program and the counts of instructions are: bench/pairs/prepare.sh made them. False if the program is not there. */
bool usePairsDirectory(const char *directory);

#endif
