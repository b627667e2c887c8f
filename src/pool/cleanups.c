/* cleanups.c - clean-ups: functions to run when a pool's chunks end. The caller provides their records. */
#include "pressure.h"
#include "tree.h"

/* Returns the token that marks a record as part of a pool's list. So a record cannot be added twice, or to
 * two pools, which would join two lists. */
static uintptr_t tokenOf(const mema_Cleanup *cleanup) {
  uintptr_t token = ~mema_sealOf((const mema_Pool *)(const void *)cleanup, NULL);
  return token + (token == 0);
}

/* True iff the pool is live and may have clean-ups; else the failure is noted. */
static bool mayHaveCleanups(const mema_Pool *pool) {
  mema_Kind kind = mema_openKind(pool);
  return kind != mema_noPool && (kind != mema_sharedPool || mema_failFor(mema_sharedCleanup, 0, 0));
}

/* True iff a record, which may be undefined memory, is in a list. */
static bool isListed(const mema_Cleanup *cleanup) {
  uintptr_t token = cleanup->token;
  if (mema_unlikely(!atomic_load_explicit(&mema_isSettled, memory_order_relaxed))) mema_markDefined(&token, sizeof token);
  return token == tokenOf(cleanup);
}

static bool canAdd(const mema_Pool *pool, const mema_Cleanup *cleanup, void (*run)(void *arg), mema_CleanupTime when) {
  if (!mayHaveCleanups(pool)) return false;
  if (cleanup == NULL) return mema_failFor(mema_cleanupIsNull, 0, 0);
  if (run == NULL) return mema_failFor(mema_cleanupDoesNothing, 0, 0);
  if ((unsigned)when > MEMA_BEFORE_SUB_POOLS) return mema_failFor(mema_cleanupTimeIsNone, (unsigned)when, 0);
  if (isListed(cleanup)) return mema_failFor(mema_cleanupInUse, 0, 0);
  return !mema_isEnding(pool) || mema_failFor(mema_endsSoon, 0, 0);
}

bool mema_addCleanup(mema_Pool *pool, mema_Cleanup *cleanup, void (*run)(void *arg), void *arg, mema_CleanupTime when) {
  if (!canAdd(pool, cleanup, run, when)) return false;
  *cleanup = (mema_Cleanup){
      .run = run, .arg = arg, .next = pool->cleanups[when], .serial = pool->markSerial, .token = tokenOf(cleanup)};
  pool->cleanups[when] = cleanup;
  return true;
}

/* Takes a record out of a list. False iff the list does not have it. */
static bool cancelIn(mema_Cleanup **link, const mema_Cleanup *cleanup) {
  for (; *link != NULL; link = &(*link)->next) {
    if (*link != cleanup) continue;
    mema_Cleanup *found = *link;
    *link = found->next;
    found->token = 0;
    return true;
  }
  return false;
}

bool mema_cancelCleanup(mema_Pool *pool, mema_Cleanup *cleanup) {
  if (mema_openKind(pool) == mema_noPool) return false;
  for (unsigned when = 0; when < 2; when++)
    if (cleanup != NULL && cancelIn(&pool->cleanups[when], cleanup)) return true;
  return mema_failFor(cleanup == NULL ? mema_cleanupIsNull : mema_cleanupNotInUse, 0, 0);
}

void mema_runCleanups(mema_Pool *pool, mema_CleanupTime when, uintptr_t serial) {
  mema_Cleanup *cleanup;
  while ((cleanup = pool->cleanups[when]) != NULL && cleanup->serial >= serial) {
    mema_Cleanup copy = *cleanup; /* the clean-up may free the chunk that the record lies in */
    pool->cleanups[when] = copy.next;
    cleanup->token = 0;
    mema_callBack(pool, copy.run, copy.arg);
  }
}
