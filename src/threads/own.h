/* own.h - the thread caches of the calling thread: which one is of a pool, and whether the thread is inside of any.
 *
 * A thread may use many pools, and forget many. So its caches are in a tree, by a hash of the pool's key: a look-up takes
 * a number of steps that grows with the logarithm of their number. A cache whose pool has ended stays the thread's, and in
 * the tree, until the thread needs one for another pool.
 *
 * A signal handler may come at any instruction. While `listing` is set it changes neither the tree nor mema_cacheHere. */
#ifndef MEMA_THREADS_OWN_H
#define MEMA_THREADS_OWN_H

#include "share.h"

/* Begins a change of the caches. False if the caller is a signal handler that interrupted a change, or a look-up. */
MEMA_HIDDEN bool mema_beginListing(void);
MEMA_HIDDEN void mema_endListing(void);

/* The following three need mema_beginListing. */
/* Adds a cache of the calling thread. Its pool and generation are set. */
MEMA_HIDDEN void mema_addOwn(mema_ThreadCache *cache);
/* Finds a cache of an ended pool, and takes it out of the tree; NULL: none was found in a constant number of looks. The
 * thread makes it the cache of another pool, and calls mema_renewOwn. */
MEMA_HIDDEN mema_ThreadCache *mema_takeLeftOver(void);
MEMA_HIDDEN void mema_renewOwn(mema_ThreadCache *cache);

/* Makes mema_cacheAtHand the address that is never NULL, if the calling thread runs before the loader has filled its data. Then
 * there is one thread, which opens the pool whose calls read that. */
MEMA_HIDDEN void mema_fillAtHand(void);

/* Makes a cache mema_cacheHere. */
MEMA_HIDDEN void mema_setHere(mema_ThreadCache *cache);

/* At the end of the thread: takes one of its caches out of the list; NULL: none is left. No look-up finds any from the
 * first call on. */
MEMA_HIDDEN mema_ThreadCache *mema_popOwn(void);

#endif
