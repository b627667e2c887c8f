/* workFamilies.h - what is timed of a sub-pool beside its parent, and beside a pool that stands alone. */
#ifndef BENCH_WORK_FAMILIES_H
#define BENCH_WORK_FAMILIES_H

#include "peers.h"

Work
    subPools; /* a sub-pool's time in units of its parent's: [0] pairs, [1] batches, [2] replacements; of a lone pool's: [3] to [5] */
Work emptySubPools; /* [0] ns to make and free one */

#endif
