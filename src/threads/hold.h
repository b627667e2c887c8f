/* hold.h - how a call holds a pool, whether threads share it or not: what pool/ and report/ need of this room. */
#ifndef MEMA_THREADS_HOLD_H
#define MEMA_THREADS_HOLD_H

#include "../pool/pool.h"

typedef struct mema_Share mema_Share;

/* Releases the lock that mema_lockPool or mema_holdPool took. Does nothing if the pool is not shared. */
MEMA_HIDDEN void mema_unlockPool(mema_Heap *heap);

/* Returns the heap of a live pool, and takes its lock if the pool is shared. NULL, with the failure noted,
 * iff the pool is not live or mema_lockPool fails. mema_unlockPool or mema_unlockAfterCall ends the call. Use
 * the contents of the heap only between them: without the lock, the heap may serve another pool by now. */
MEMA_HIDDEN mema_Heap *mema_lockForCall(const mema_Pool *pool);
/* As mema_unlockPool, and wakes the threads that wait for budget. */
MEMA_HIDDEN void mema_unlockAfterCall(mema_Heap *heap);

/* Takes the lock of a shared pool. `heap` is the one found before the lock was taken. False if the pool no
 * longer has this heap (MEMA_BAD_POOL), or the calling thread may not wait (MEMA_REENTERED): it is inside
 * already, or a limited wait ended. The failure is noted. */
MEMA_HIDDEN bool mema_lockPool(const mema_Pool *pool, mema_Heap *heap);

/* Takes the lock of a pool, quiesces all threads, and adds their counts to the Pool's fields. With `slots` it
 * also takes back all cached slots, so that the slab's bitmaps are complete. mema_unlockPool ends it. NULL,
 * with the failure noted, iff the pool is not live or mema_lockPool fails. */
MEMA_HIDDEN mema_Heap *mema_holdPool(const mema_Pool *pool, bool slots);

/* As mema_holdPool without slots, for a shared pool whose heap is known. Notes no failure. */
MEMA_HIDDEN bool mema_holdQuietly(const mema_Pool *pool, mema_Heap *heap);

/* As mema_holdQuietly, but waits for another thread a fifth of a second, or a little more, at most: for a caller that holds
 * another pool. */
MEMA_HIDDEN bool mema_holdSoon(const mema_Pool *pool, mema_Heap *heap);

/* Returns an upper bound of the bytes that the share, its depot and its thread caches take, for a held pool.
 * 0 if it is not shared. */
MEMA_HIDDEN size_t mema_shareBytes(const mema_Heap *heap);

/* Closes the share of a held pool, and releases its lock. A later caller finds that the pool has ended. */
MEMA_HIDDEN void mema_closeShare(mema_Heap *heap);

/* Opens the share of a pool that was just set up. MEMA_NO_MEMORY, or MEMA_REENTERED if the caller is a signal
 * handler that interrupted the set-up or a change of the list of shares. */
MEMA_HIDDEN mema_Reason mema_openShare(mema_Pool *pool, mema_Heap *heap);

/* The part of a held pool that threads share; NULL: none. */
static inline mema_Share *mema_shareOf(const mema_Heap *heap) {
  return heap->share;
}

/* True if the pool has thread caches; if not, each call takes the lock. Requires the lock. */
static inline bool mema_hasCaches(const mema_Heap *heap) {
  return __atomic_load_n(&heap->threads, __ATOMIC_RELAXED); /* also asked without the lock, which is then taken */
}

/* Wakes the threads that wait for budget. */
MEMA_HIDDEN void mema_wakeWaiting(mema_Share *share);

#endif
