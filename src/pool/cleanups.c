/* cleanups.c - what is to be done when a pool's chunks end. The records are the callers'. */
#include "pressure.h"
#include "tree.h"

/* A record that is in a pool's list is told by a word in it, so that it is not put in another, or twice: lists would run into each
 * other. */
static uintptr_t tokenOf(const mema_Cleanup *cleanup) {
  uintptr_t token = ~mema_sealOf((const mema_Pool *)(const void *)cleanup, NULL);
  return token + (token == 0);
}

/* Whether the pool is live, and may have clean-ups; else noted. */
static bool mayHaveCleanups(const mema_Pool *pool) {
  mema_Kind kind = mema_openKind(pool);
  return kind != mema_noPool && (kind != mema_sharedPool || mema_failFor(mema_sharedCleanup, 0, 0));
}

/* Whether a record, which may be undefined memory, is in a list. */
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
  return !pool->ending || mema_failFor(mema_endsSoon, 0, 0);
}

bool mema_addCleanup(mema_Pool *pool, mema_Cleanup *cleanup, void (*run)(void *arg), void *arg, mema_CleanupTime when) {
  if (!canAdd(pool, cleanup, run, when)) return false;
  *cleanup = (mema_Cleanup){
      .run = run, .arg = arg, .next = pool->cleanups[when], .serial = pool->markSerial, .token = tokenOf(cleanup)};
  pool->cleanups[when] = cleanup;
  return true;
}

/* Takes it out of the list; false iff it is not in it. */
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
    mema_Cleanup copy = *cleanup; /* the record may lie in a chunk that it frees */
    pool->cleanups[when] = copy.next;
    cleanup->token = 0;
    mema_enterCallback(pool);
    copy.run(copy.arg);
    mema_leaveCallback(pool);
  }
}
