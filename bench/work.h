/* work.h - what is timed of pairs, batches, replacements, and their footprint; and the batches and replacements that threads do as well. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "peers.h"

typedef struct {
  void **chunks;
  size_t *sizes, *order; /* of freeing */
  size_t n;
} Batch;

/* n of 16..1024 bytes, to be freed in order. */
Batch newBatch(size_t n);

/* Allocates all and frees all, `passes` times. */
void passBatch(const Peer *p, Batch b, size_t passes);

typedef struct {
  size_t n, least, most;
  size_t times;
} Replacement;

/* Frees one of n chunks and allocates another in its place, r->times times. */
void replace(const Peer *p, void **chunks, const Replacement *r);

Work lifoPairs, batchInOrder, batchReverse, batchShuffled; /* [0] ns per alloc+free pair */
Work replaceMixed, replaceEqual; /* [0] ns per pair; resident bytes per live byte: [1] then, [2] 90 % freed, [3] purged;
                                    of them mema's Block records: [4] then, [5] purged */

#endif
