/* A door to the inside for tests of threads/: a thread goes inside a call to a shared pool and stays there; the test asks whether the holder of
 * the pool's lock waits for it. Include it first, since its headers name fields of a Pool that mema.h leaves out. */
#ifndef INSIDE_H
#define INSIDE_H

#include "../../src/base/poolState.h"

#include "../../src/threads/share.h"

typedef mema_ThreadCache Cache;
typedef mema_Share Share;

/* The calling thread's cache of the pool that it used last. NULL if it has none, or if each call takes the lock, since there is no barrier. */
static inline Cache *cacheHere(void) {
  return mema_cacheHere == NULL || mema_cacheHere->ownerId == 0 ? NULL : mema_cacheHere;
}

/* As the common calls do. */
static inline bool goInside(Cache *cache, const Pool *used) {
  return mema_enter(cache, used);
}

static inline void goOutside(Cache *cache) {
  mema_leave(cache);
}

/* True if the holder of the lock waits for other threads to come out. */
static inline bool holderWaits(const Share *share) {
  return atomic_load(&share->pause) == mema_waitsForOthers;
}

/* True if the cache can be entered, since no holder of the lock keeps its thread out. */
static inline bool canEnter(const Cache *cache, const Pool *used) {
  return atomic_load(&cache->key) == mema_keyOf(used);
}

static inline bool keepsOut(const Cache *cache) {
  return atomic_load(&cache->key) == 0;
}

/* Charges bytes to the thread's own quota, as a call does that is under way; or takes the charge back. */
static inline void chargeQuota(Cache *cache, size_t bytes) {
  cache->overLow -= bytes;
}

static inline void creditQuota(Cache *cache, size_t bytes) {
  cache->overLow += bytes;
}

/* Takes the top of the magazine for such requests, as half of a call does; or puts it back. */
static inline void popMagazine(Cache *cache, size_t request) {
  cache->magazines[mema_classOf(request) + 1].top--;
}

static inline void unpopMagazine(Cache *cache, size_t request) {
  cache->magazines[mema_classOf(request) + 1].top++;
}

/* Leaves a stale entry on the magazine, as half of a free does in the eyes of other threads. */
static inline void pushStale(Cache *cache, size_t request, void *stale) {
  *cache->magazines[mema_classOf(request) + 1].top++ = (mema_CachedSlot){.ptr = stale};
}

#endif
