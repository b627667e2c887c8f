/* calls.h - the calls of shared untracked pools, for callers that know the kind of their pool. mema_palloc
 * spends a tenth of its time to find the kind. The preload library, whose heap is such a pool, calls these
 * functions directly. */
#ifndef MEMA_THREADS_CALLS_H
#define MEMA_THREADS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mema.h>

#define MEMA_SHARED_CALL __attribute__((visibility("hidden")))

/* As mema_palloc, mema_pfree, mema_repalloc and mema_chunkSize, for a shared untracked pool. The Pool must
 * not be NULL. Any other Pool is refused (MEMA_BAD_POOL; 0). */
MEMA_SHARED_CALL void *mema_sharedPalloc(mema_Pool *pool, size_t size);
MEMA_SHARED_CALL bool mema_sharedPfree(mema_Pool *pool, void *ptr);
/* As mema_sharedPfree, after the common path has found that it cannot free the chunk. */
MEMA_SHARED_CALL bool mema_sharedPfreeElse(mema_Pool *pool, void *ptr);
MEMA_SHARED_CALL void *mema_sharedRepalloc(mema_Pool *pool, void *ptr, size_t size);
MEMA_SHARED_CALL size_t mema_sharedChunkSize(const mema_Pool *pool, const void *ptr);
/* As mema_sharedChunkSize, after a look from inside the cache has found no live slot. */
MEMA_SHARED_CALL size_t mema_sharedChunkSizeElse(const mema_Pool *pool, const void *ptr);

/* Returns the bytes that a chunk occupies which mema_palloc is asked for, without allocating one. 0 if the pool is not a
 * live shared one, or the caller is a signal handler that interrupted a call. */
MEMA_SHARED_CALL size_t mema_sharedRoom(const mema_Pool *pool, size_t size);

/* Figures of a shared untracked pool, as in mema_Stats, in memory that outlives the process: see gauge.c. If
 * a thread freed chunks of another thread, and the other has not reported them yet, liveBytes may be below 0
 * as a signed number, and frees above allocations. */
typedef struct mema_Gauge {
  _Atomic uint64_t peakBytes;
  _Atomic uint64_t liveBytes;
  _Atomic uint64_t allocations;
  _Atomic uint64_t frees;
  _Atomic uint64_t footprint;
} mema_Gauge;

/* Sets the gauge of the pool: from now on each call that takes the pool's lock writes the figures to *gauge.
 * NULL: no call does. The figures lack the work of other threads since their last call that took the lock. A
 * forked child has no gauge until it sets one. False, with nothing changed, iff the pool is not a live shared
 * one, or the calling thread is inside. */
MEMA_SHARED_CALL bool mema_sharedWatch(mema_Pool *pool, mema_Gauge *gauge);

/* Updates the gauge with the calling thread's counts. Returns the number of threads that use the pool, at
 * least 1; 0 where mema_sharedWatch returns false. */
MEMA_SHARED_CALL uint32_t mema_sharedTell(mema_Pool *pool);

/* Reads the clock, and lets the pool give back memory that was idle. From then on no pool of the process reads the
 * clock under its lock: a program may have replaced the clock by a function that allocates. Looks at no memory where
 * mema_sharedWatch returns false. */
MEMA_SHARED_CALL void mema_sharedTime(mema_Pool *pool);

/* Updates *gauge with the counts of all threads. With `closely`, if *gauge is the gauge of the pool: from now
 * on every call takes the lock, so that the figures are complete; mema_sharedWatch ends that. False, with
 * nothing changed, where mema_sharedWatch returns false, or if a thread stays inside or keeps the lock for
 * longer than a second or two. */
MEMA_SHARED_CALL bool mema_sharedTellAll(mema_Pool *pool, mema_Gauge *gauge, bool closely);

/* As mema_shrinkPool. *peakBytes is set to the peak that ends: each charge counts in that one or in the next. */
MEMA_SHARED_CALL size_t mema_sharedRebudget(mema_Pool *pool, size_t poolSize, size_t *peakBytes);

/* The calls of each thread without the lock are counted down. Sets the function that is called when the count of a thread
 * has run out; NULL: none is. The count begins anew before. */
MEMA_SHARED_CALL void mema_sharedOnCalls(void (*onCalls)(void));

/* On x86-64, the distance from a thread's data to its mema_cacheAtHand (share.h); 0 elsewhere, and while the loader is about
 * to make that data anew. */
MEMA_SHARED_CALL uintptr_t mema_sharedOffset(void);

/* Lets the calling thread make a number of calls, 1 to 16384, between two calls of that function. False, with nothing
 * changed, if the thread cannot enter a cache: each of its calls takes the lock then. */
MEMA_SHARED_CALL bool mema_sharedCallsUntil(const mema_Pool *pool, int calls);

/* Lets the calling thread's next call without the lock be the last of its count. For a signal handler that interrupted a
 * call. */
MEMA_SHARED_CALL void mema_sharedCallSoon(void);

/* A sandbox is about to limit the process's system calls: see mema_osEnterSandbox. */
MEMA_SHARED_CALL void mema_sharedEnterSandbox(void);

/* A jump out of a signal handler is about to lead to the frame at `target`. If it leaves a call of the thread to the pool
 * for good, drops what that left unfinished. Chunks that it was about to hand out are lost. False if the pool is lost: the
 * call was in the middle of a change of the slab that breaks an invariant. */
MEMA_SHARED_CALL bool mema_sharedLeave(const mema_Pool *pool, uintptr_t target);

/* Returns the number of forks between the first process and this one. A copy of the process that no fork handler has
 * announced counts from this call on. */
MEMA_SHARED_CALL uint32_t mema_sharedForks(void);

/* The caller's own lock, under which it calls the pool. A fork takes it together with those of all pools, or none of
 * them. It does so under the lock of the C library's streams, and waits for none of them while it holds another. */
typedef struct mema_ForkLock {
  /* Takes the lock for a fork, without waiting. False: try again. With `late`, the fork comes from a signal handler that
   * has waited for a fifth of a second; then it goes on without the lock. A fork within a fork is counted. */
  bool (*tryToTake)(bool late);
  /* Gives it back: the fork could not take another lock. */
  void (*giveBack)(void);
} mema_ForkLock;

/* Sets the lock. The caller's own fork handlers give it back after the fork. */
MEMA_SHARED_CALL void mema_sharedForkWith(const mema_ForkLock *lock);

#endif
