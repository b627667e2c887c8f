/* own.c - see own.h. */
#include "own.h"

enum { looks = 4 /* caches that are looked at for each new one */ };

/* NULL at first. All thread-local data here begins as zero, since that is its content while the loader
 * relocates, too. The loader then makes the threads' memory anew, and loses all earlier writes. So until
 * constructors run, threads have no caches. */
_Thread_local mema_ThreadCache *mema_cacheHere;

/* It begins as the address of the busy cache only once the loader is done: before that it is 0. */
_Alignas(64) const uintptr_t mema_noCache[8] = {1};
_Thread_local mema_ThreadCache *mema_cacheAtHand = (mema_ThreadCache *)(void *)(uintptr_t)mema_noCache;

/* All caches of the calling thread, linked by nextOfThread. The pools of some may have ended. */
static _Thread_local mema_ThreadCache *ownCaches;
static _Thread_local mema_ThreadCache *ownTree;
static _Thread_local mema_ThreadCache *lookedAt;    /* the last cache that the search for ended pools looked at */
static _Thread_local mema_ThreadCache *leftOvers;   /* caches of ended pools that it found, linked by nextLeftOver */
static _Thread_local mema_ThreadCache *interrupted; /* caches that a handler left for another, linked by nextInterrupted */
static _Thread_local bool listing;

bool mema_beginListing(void) {
  bool begun = !listing;
  listing = true;
  return begun;
}

void mema_endListing(void) {
  listing = false;
}

void mema_fillAtHand(void) {
  if (mema_cacheAtHand == NULL) mema_cacheAtHand = (mema_ThreadCache *)(void *)(uintptr_t)mema_noCache;
}

uintptr_t mema_sharedOffset(void) {
#if MEMA_X86_64
  uintptr_t data;
  __asm__("movq %%fs:0, %0" : "=r"(data));
  return mema_cacheAtHand != NULL ? (uintptr_t)&mema_cacheAtHand - data : 0;
#else
  return 0;
#endif
}

static bool isBusy(const mema_ThreadCache *cache) {
  return atomic_load_explicit(&cache->busy, memory_order_relaxed) != 0;
}

/* ---- the tree -----------------------------------------------------------------------------------------------------
 * The two highest bits of a path choose the branch from the root, the next two the branch from there, and so on. A node
 * may have any path that begins with the bits that lead to it. */

static uint64_t pathTo(const mema_Pool *pool, uintptr_t generation) {
  return ((uint64_t)(uintptr_t)pool + generation) * UINT64_C(0x9E3779B97F4A7C15);
}

static mema_ThreadCache *find(const mema_Pool *pool) {
  uint64_t path = pathTo(pool, mema_loadWord(&pool->generation));
  mema_ThreadCache *cache = ownTree;
  for (; cache != NULL; cache = cache->branches[path >> 62], path <<= 2)
    if (mema_loadWord(&cache->generation) != 0 && mema_isCacheOf(cache, pool)) return cache;
  return NULL;
}

void mema_renewOwn(mema_ThreadCache *cache) {
  mema_ThreadCache **at = &ownTree;
  cache->path = pathTo(cache->pool, mema_loadWord(&cache->generation));
  for (unsigned i = 0; i < mema_branches; i++) cache->branches[i] = NULL;
  for (uint64_t path = cache->path; *at != NULL; path <<= 2) at = &(*at)->branches[path >> 62];
  atomic_signal_fence(memory_order_release);
  *at = cache;
}

void mema_addOwn(mema_ThreadCache *cache) {
  cache->isLeftOver = cache->isInterrupted = false;
  cache->nextOfThread = ownCaches;
  atomic_signal_fence(memory_order_release);
  ownCaches = cache;
  mema_renewOwn(cache);
}

/* Returns the first branch that is taken; NULL: none is. */
static mema_ThreadCache **anyBranch(mema_ThreadCache *cache) {
  for (unsigned i = 0; i < mema_branches; i++)
    if (cache->branches[i] != NULL) return &cache->branches[i];
  return NULL;
}

/* Takes a cache out of the tree: a leaf below it takes its place. */
static void takeOut(mema_ThreadCache *cache) {
  mema_ThreadCache **at = &ownTree;
  for (uint64_t path = cache->path; *at != cache; path <<= 2) at = &(*at)->branches[path >> 62];
  mema_ThreadCache **leafAt = at;
  for (mema_ThreadCache **below = at; below != NULL; below = anyBranch(*below)) leafAt = below;
  mema_ThreadCache *leaf = *leafAt;
  *leafAt = NULL;
  if (leaf == cache) return;
  for (unsigned i = 0; i < mema_branches; i++) leaf->branches[i] = cache->branches[i];
  *at = leaf;
}

/* ---- caches of ended pools ---------------------------------------------------------------------------------------- */

/* The cache stays the thread's until the thread ends. A signal handler may have interrupted a call that is about to read
 * the cache and to set `busy`. Or that call has set it, and is about to find the key 0. The thread that closed the pool
 * writes to the cache no more once the generation is 0. */
static bool isOver(const mema_ThreadCache *cache) {
  return __atomic_load_n(&cache->generation, __ATOMIC_ACQUIRE) == 0 && !isBusy(cache);
}

/* Looks at a few more caches. With all of them in turn, and several for each new one, at most a fixed part of the caches
 * is of ended pools, once as many were made. */
static void lookForLeftOvers(void) {
  const mema_ThreadCache *first = NULL;
  for (int i = 0; i < looks && ownCaches != NULL; i++) {
    lookedAt = lookedAt != NULL && lookedAt->nextOfThread != NULL ? lookedAt->nextOfThread : ownCaches;
    if (lookedAt == first) return;
    if (first == NULL) first = lookedAt;
    if (lookedAt->isLeftOver || !isOver(lookedAt)) continue;
    lookedAt->isLeftOver = true;
    lookedAt->nextLeftOver = leftOvers;
    leftOvers = lookedAt;
  }
}

mema_ThreadCache *mema_takeLeftOver(void) {
  lookForLeftOvers();
  mema_ThreadCache *cache = leftOvers;
  if (cache == NULL || !isOver(cache)) return NULL;
  leftOvers = cache->nextLeftOver;
  cache->isLeftOver = false;
  takeOut(cache);
  return cache;
}

/* ---- inside or not ------------------------------------------------------------------------------------------------ */

/* If the thread is inside of the cache that it leaves for another, the caller is a signal handler, or a hook. */
void mema_setHere(mema_ThreadCache *cache) {
  mema_ThreadCache *left = mema_cacheHere;
  if (left != NULL && left != cache && isBusy(left) && !left->isInterrupted) {
    left->isInterrupted = true;
    left->nextInterrupted = interrupted;
    interrupted = left;
  }
  mema_cacheHere = mema_cacheAtHand = cache;
}

mema_ThreadCache *mema_cacheOf(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_cacheHere;
  if (cache != NULL && mema_isCacheOf(cache, pool)) return cache;
  bool begun = mema_beginListing();
  cache = find(pool);
  if (begun && cache != NULL) mema_setHere(cache);
  if (begun) mema_endListing();
  return cache;
}

/* True if the thread is inside of a cache that it entered before it used another. Forgets the caches that it has left by
 * now. */
static bool isInsideInterrupted(void) {
  while (interrupted != NULL && !isBusy(interrupted)) {
    interrupted->isInterrupted = false;
    interrupted = interrupted->nextInterrupted;
  }
  return interrupted != NULL;
}

/* A cache that a thread is inside of is mema_cacheHere, or became one of the interrupted ones. The exception: a handler
 * interrupted a change or a look-up, and is inside itself. */
bool mema_isWithin(void) {
  const mema_ThreadCache *here = mema_cacheHere;
  if (mema_holdsSome() || (here != NULL && isBusy(here)) || listing) return true;
  if (interrupted == NULL) return false;
  mema_beginListing();
  bool inside = isInsideInterrupted();
  mema_endListing();
  return inside;
}

/* ---- forks, and the end of the thread ----------------------------------------------------------------------------- */

void mema_keepOwn(void) {
  for (mema_ThreadCache *cache = ownCaches; cache != NULL; cache = cache->nextOfThread)
    cache->epoch = atomic_load_explicit(&mema_forks, memory_order_relaxed);
}

mema_ThreadCache *mema_popOwn(void) {
  mema_ThreadCache *cache = ownCaches;
  mema_cacheAtHand = (mema_ThreadCache *)(void *)(uintptr_t)mema_noCache;
  mema_cacheHere = ownTree = lookedAt = leftOvers = interrupted = NULL;
  if (cache != NULL) ownCaches = cache->nextOfThread;
  return cache;
}
