/* calls.h - the calls of shared untracked pools, for callers that know their pool to be one. Which kind of pool it is takes a tenth of the time of
 * mema_palloc. The library for LD_PRELOAD, whose heap is such a pool, calls these functions directly. */
#ifndef MEMA_THREADS_CALLS_H
#define MEMA_THREADS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mema.h>

#define MEMA_SHARED_CALL __attribute__((visibility("hidden")))

/* As mema_palloc, mema_pfree, mema_repalloc and mema_chunkSize, for a shared untracked pool. Any other Pool, which must not be NULL, is refused
 * (MEMA_BAD_POOL; 0). */
MEMA_SHARED_CALL void *mema_sharedPalloc(mema_Pool *pool, size_t size);
MEMA_SHARED_CALL bool mema_sharedPfree(mema_Pool *pool, void *ptr);
MEMA_SHARED_CALL void *mema_sharedRepalloc(mema_Pool *pool, void *ptr, size_t size);
MEMA_SHARED_CALL size_t mema_sharedChunkSize(const mema_Pool *pool, const void *ptr);

/* Figures of a shared untracked pool, as in mema_Stats, in memory that outlives the process: see gauge.c. Where a thread freed chunks of another that
 * has not told of them, liveBytes may be below 0, as a signed number, and frees above allocations. */
typedef struct mema_Gauge {
  _Atomic uint64_t peakBytes;
  _Atomic uint64_t liveBytes;
  _Atomic uint64_t allocations;
  _Atomic uint64_t frees;
  _Atomic uint64_t footprint;
} mema_Gauge;

/* From now on each call that takes the pool's lock leaves the figures in *gauge (NULL: no call does). They lack what other threads did
 * without the lock since their last call of that kind. A forked child has no gauge until it asks for one. False, with nothing
 * changed, iff the pool is not a live shared one, or the calling thread is inside. */
MEMA_SHARED_CALL bool mema_sharedWatch(mema_Pool *pool, mema_Gauge *gauge);

/* Brings the gauge up to date with the calling thread. Returns how many threads use the pool; 0: as above. */
MEMA_SHARED_CALL uint32_t mema_sharedTell(mema_Pool *pool);

/* Brings *gauge up to date with all threads. If it is the gauge of the pool, `closely`: from now on every call takes the lock, so that nothing is
 * lacking; mema_sharedWatch ends that. False, with nothing changed, as above, and where a thread stays inside, or keeps the lock, for longer than a
 * second or two. */
MEMA_SHARED_CALL bool mema_sharedTellAll(mema_Pool *pool, mema_Gauge *gauge, bool closely);

#endif
