/* budget.c - the budget of a shared pool: the quotas of thread caches, lent and called in, and the least that was free. The
 * protocol is in share.h. The lock is held.
 *
 * The least that was free
 *   A cache's lowQuota is at most the quota it had at any moment since its low began. So this sum is at most what was
 *   free at any moment since all lows began:
 *
 *     pool->freeSize + the sum of lowQuota over all caches
 *
 *   To note it is to compare the sum with pool->lowWater. It is noted before it rises: before a low begins anew, or the
 *   pool is credited. With many caches that would take too long for each call. So the sum is noted once in a number of
 *   calls that grows with the number of caches. In between no low begins anew, and `rise` keeps by how much the sum may
 *   have risen above its least. What is noted is the sum less the rise: never above the true least, and with few caches
 *   as exact as they are.
 *
 * Low budget
 *   lowBudget: no cache has quota, but that of the lock's holder */
#include "../memory/os.h"
#include "share.h"

enum {
  fewCaches = 32,    /* with so many caches or fewer, each change notes the least */
  cachesAChange = 2, /* with more, it is noted once for so many caches in each change since */
};

static size_t lesser(size_t a, size_t b) {
  return a < b ? a : b;
}

/* ---- the least that was free ------------------------------------------------------------------------------------- */

static size_t sumOfLows(const mema_Share *share) {
  size_t low = share->pool->freeSize;
  for (const mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    low += atomic_load_explicit(&cache->lowQuota, memory_order_relaxed);
  return low;
}

static void noteLow(mema_Share *share) {
  size_t low = sumOfLows(share);
  low -= lesser(low, share->rise);
  if (low < share->pool->lowWater) share->pool->lowWater = low;
  share->rise = share->unnoted = 0;
}

/* True if this call is to look at all caches. */
static bool isDue(const mema_Share *share) {
  return share->cacheCount <= fewCaches || share->unnoted >= share->cacheCount / cachesAChange;
}

/* Called before the sum changes. True if it was noted: lows may begin anew. */
static bool noteNowAndThen(mema_Share *share) {
  bool due = isDue(share);
  if (due) noteLow(share);
  share->unnoted += !due;
  return due;
}

/* Sets a quota, whose change the caller takes from pool->freeSize. With `anew`, its low begins anew. */
static void setQuota(mema_Share *share, mema_ThreadCache *cache, size_t quota, bool anew) {
  size_t before = mema_quotaOf(cache), low = atomic_load_explicit(&cache->lowQuota, memory_order_relaxed);
  if (anew) {
    low = quota;
  } else if (quota >= before) {
    low += quota - before;
  } else {
    size_t less = lesser(low, before - quota);
    share->rise += before - quota - less;
    low -= less;
  }
  cache->overLow = quota - low;
  atomic_store_explicit(&cache->lowQuota, low, memory_order_relaxed);
}

/* Moves budget between the pool and a cache, so that the cache has this quota. */
static void moveQuota(mema_Share *share, mema_ThreadCache *cache, size_t quota, bool anew) {
  share->pool->freeSize += mema_quotaOf(cache) - quota;
  setQuota(share, cache, quota, anew);
}

void mema_restartLow(mema_Share *share, mema_ThreadCache *cache) {
  bool noted = noteNowAndThen(share);
  setQuota(share, cache, mema_quotaOf(cache), noted);
}

/* ---- charges and credits ------------------------------------------------------------------------------------------ */

/* Called before pool->freeSize changes. If the sum is noted, the low of the caller's cache begins anew, so that minima
 * of different times are not added up. */
static bool beginAnew(mema_Share *share) {
  bool noted = noteNowAndThen(share);
  if (share->inside != NULL) setQuota(share, share->inside, mema_quotaOf(share->inside), noted);
  return noted;
}

void mema_chargeShare(mema_Share *share, size_t bytes) {
  bool noted = beginAnew(share);
  share->pool->freeSize -= bytes;
  if (noted) noteLow(share);
  share->rise -= lesser(share->rise, bytes);
}

void mema_creditShare(mema_Share *share, size_t bytes) {
  if (!beginAnew(share)) share->rise += bytes;
  share->pool->freeSize += bytes;
  if (share->waiting != 0) mema_wakeWaiting(share);
}

void mema_wakeWaiting(mema_Share *share) {
  atomic_fetch_add_explicit(&share->freed, 1, memory_order_release);
  mema_osWake(&share->freed, true);
}

/* ---- loans ------------------------------------------------------------------------------------------------------- */

/* Returns the part of a budget that one thread may have: 1/8 of an equal share, with one cache more than
 * there are. */
static size_t partOf(const mema_Share *share, size_t bytes) {
  return bytes / (8 * ((size_t)share->cacheCount + 1));
}

/* Returns the bytes that one loan may have. 0 if the budget is nearly used up, or a thread waits for it. */
static size_t lendable(const mema_Share *share) {
  size_t batch = partOf(share, share->pool->freeSize);
  if (batch < mema_quotaLeast || share->lowBudget) return 0;
  return batch < mema_quotaMost ? batch : mema_quotaMost;
}

static void collect(mema_Share *share, mema_ThreadCache *cache, bool noted) {
  moveQuota(share, cache, 0, noted);
  mema_foldCalls(cache);
  share->pool->allocations += cache->allocations;
  share->pool->frees += cache->frees;
  share->pool->held += cache->held;
  share->reported -= cache->reported;
  cache->allocations = cache->frees = cache->held = cache->quotaMost = cache->reported = 0;
}

void mema_collect(mema_Share *share, mema_ThreadCache *cache) {
  collect(share, cache, noteNowAndThen(share));
}

void mema_collectAll(mema_Share *share) {
  noteLow(share);
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next) collect(share, cache, true);
}

/* Caches that the lock's holder has quiesced are left out: mema_resume sets their keys. */
void mema_renewKeys(mema_Share *share) {
  for (mema_ThreadCache *cache = share->caches; cache != NULL; cache = cache->next)
    if (!share->quiesced || !mema_isOthers(cache))
      atomic_store_explicit(&cache->key, mema_keyAtRest(cache), memory_order_release);
}

static void setLowBudget(mema_Share *share, bool lowBudget) {
  share->lowBudget = lowBudget;
  share->turns = 0;
  mema_renewKeys(share);
}

static bool isLow(const mema_Share *share, size_t bytes) {
  return partOf(share, bytes) < mema_quotaLeast;
}

/* True if the pool has little to lend, and it is time to call all quotas in. Either the budget is nearly used up, quotas
 * included; or most of it is in quotas, so that there is much to lend afterwards. With many caches the quotas are looked
 * at now and then. */
static bool isTimeToCallIn(const mema_Share *share) {
  if (share->waiting != 0) return true;
  if (!isLow(share, share->pool->freeSize) || !isDue(share)) return false;
  size_t all = sumOfLows(share);
  return isLow(share, all) || !isLow(share, all / 2);
}

void mema_enterLowBudget(mema_Share *share) {
  if (!share->lowBudget && (share->waiting != 0 || isLow(share, share->pool->freeSize))) setLowBudget(share, true);
}

void mema_returnQuota(mema_Share *share) {
  if (share->inside != NULL && mema_quotaOf(share->inside) != 0) mema_collect(share, share->inside);
}

/* Hysteresis: low-budget mode ends only 25 % above the threshold at which it began, and after 256 releases of
 * the lock, or as many as there are caches. By then the barrier that quiesced all threads, and the look at all caches,
 * have paid off. Else a budget that goes up and down around the threshold would cost them each time. */
void mema_leaveLowBudget(mema_Share *share) {
  if (!share->lowBudget || share->waiting != 0 || ++share->turns < mema_lowBudgetTurns || share->turns < share->cacheCount)
    return;
  if (partOf(share, share->pool->freeSize) >= mema_quotaLeast + mema_quotaLeast / 4) setLowBudget(share, false);
}

/* Collects the quotas and counts of all caches, and begins low-budget mode if need be. In that mode no other cache has
 * quota. */
static void callIn(mema_Share *share) {
  if (share->lowBudget) {
    mema_returnQuota(share);
    return;
  }
  bool kept = share->quiesced;
  mema_quiesce(share);
  mema_collectAll(share);
  mema_enterLowBudget(share);
  if (!kept) mema_resume(share);
}

bool mema_lend(mema_Share *share, mema_ThreadCache *cache, size_t bytes) {
  mema_Pool *pool = share->pool;
  size_t credit = cache != NULL ? mema_quotaOf(cache) : 0;
  if (credit >= bytes && cache != NULL) return true;
  if (pool->freeSize < bytes - credit || (cache != NULL && !share->lowBudget && isTimeToCallIn(share))) {
    callIn(share);
    credit = 0;
    if (pool->freeSize < bytes) return false;
  }
  if (cache == NULL) return true;
  bool noted = noteNowAndThen(share);
  pool->freeSize -= bytes - credit;
  size_t batch = lendable(share);
  pool->freeSize -= batch;
  setQuota(share, cache, bytes + batch, noted);
  cache->quotaMost = 2 * batch;
  return true;
}

/* Called after a free: wakes the waiters, even if the quota was collected on the way. */
void mema_trimQuota(mema_Share *share, mema_ThreadCache *cache) {
  size_t keep = lendable(share), credit = mema_quotaOf(cache);
  if (share->waiting != 0) mema_wakeWaiting(share);
  if (credit <= cache->quotaMost) return;
  moveQuota(share, cache, lesser(keep, credit), noteNowAndThen(share));
  cache->quotaMost = 2 * mema_quotaOf(cache);
}
