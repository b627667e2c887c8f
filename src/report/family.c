/* family.c - a walk through a family, which holds each pool that it is in.
 *
 * The walk goes down first, and has the lock of each shared pool from the pool where it began down to the one where it is.
 * So no sub-pool of a shared pool leaves its family meanwhile, and the struct of each is in place. The lock of a further
 * one is waited for a short while only: a fork takes the locks in another order. If the wait ends in vain, the walk lets go
 * of all pools, and begins anew. */
#include "family.h"

#include "../pool/tree.h"

enum { triesMost = 8 };

typedef enum Step { entered, passed, failed, again } Step;

/* ---- members ------------------------------------------------------------------------------------------------------------ */

/* Adds a member. NULL, and the failure noted, iff there is no memory. */
static mema_Member *add(mema_Family *family, const mema_Node *node) {
  mema_Member *member = mema_addItem(&family->list, sizeof *member);
  if (member == NULL) return NULL;
  *member = (mema_Member){.exact = true};
  if (node != NULL) member->id = node->id;
  if (node != NULL && node->parent != NULL) member->parent = node->parent->id;
  return member;
}

/* ---- the figures of one pool --------------------------------------------------------------------------------------------- */

/* Adds a pool that no other thread is in now. */
static bool addHeld(mema_Family *family, const mema_Pool *pool, const mema_Node *node, mema_Heap *heap) {
  mema_Member *member = add(family, node);
  if (member == NULL) return false;
  mema_collectStats(pool, heap, &member->stats);
  return family->visit == NULL || family->visit(family->arg, mema_membersIn(family) - 1, pool, heap);
}

/* A word that another thread may write now. It is read before the words that are read behind it. */
#define WORD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)

/* Reads a budget and its free part. The budget may change between the two. */
static void readBudget(const mema_Pool *pool, mema_Stats *stats) __attribute__((no_sanitize("thread")));
static void readBudget(const mema_Pool *pool, mema_Stats *stats) {
  unsigned tries = 0;
  do {
    stats->poolSize = WORD(pool->poolSize);
    stats->freeSize = WORD(pool->freeSize);
  } while (++tries < triesMost && (stats->poolSize != WORD(pool->poolSize) || stats->freeSize > stats->poolSize));
  stats->freeSize = mema_least(stats->freeSize, stats->poolSize);
  stats->liveBytes = stats->poolSize - stats->freeSize;
}

/* Reads the figures of a pool that another thread may be in. A freed chunk was allocated before, so the frees are read
 * first. */
static void readLoosely(const mema_Pool *pool, mema_Stats *stats) __attribute__((no_sanitize("thread")));
static void readLoosely(const mema_Pool *pool, mema_Stats *stats) {
  stats->untracked = pool->untracked;
  stats->committed = pool->committed;
  for (size_t i = 0; i < sizeof stats->name; i++) stats->name[i] = pool->name[i];
  stats->frees = WORD(pool->frees);
  size_t allocations = WORD(pool->allocations);
  stats->allocations = allocations > stats->frees ? allocations : stats->frees;
  readBudget(pool, stats);
  size_t low = mema_least(WORD(pool->lowWater), stats->freeSize);
  stats->peakBytes = stats->poolSize - low;
  stats->liveChunks = stats->allocations - stats->frees;
  stats->refused = WORD(pool->refused);
  stats->badFrees = WORD(pool->badFrees);
  stats->chargedBytes = WORD(pool->charged);
}

/* Adds an unshared sub-pool of a shared pool that the walk holds. */
static Step addLoosely(mema_Family *family, const mema_Node *node) {
  mema_Member *member = add(family, node);
  if (member == NULL) return failed;
  member->exact = false;
  readLoosely(node->pool, &member->stats);
  if (!mema_isThere(node)) { /* it has begun to end meanwhile */
    family->list.used -= sizeof *member;
    return passed;
  }
  member->stats.engine = node->kind.engine;
  member->stats.plain = node->kind.watching == mema_watchedPlain;
  member->stats.watched = node->kind.watching == mema_watchedInPlace;
  return passed;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------------ */

static void letGo(mema_Family *family, const mema_Node *node) {
  if (mema_isUnshared(node->pool)) return;
  mema_unlockPool(mema_heapField(node->pool));
  family->held--;
}

/* Holds a shared sub-pool. */
static Step hold(mema_Family *family, const mema_Node *node, mema_Heap *heap) {
  if (family->held != 0 ? mema_holdSoon(node->pool, heap) : mema_holdQuietly(node->pool, heap)) {
    family->held++;
    return entered;
  }
  return family->held != 0 && ++family->tries < triesMost ? again : passed;
}

/* Adds a sub-pool, whose parent the walk has entered. Another thread may be ending the sub-pool: its kind is looked at
 * once. */
static Step enter(mema_Family *family, const mema_Node *node) {
  mema_Heap *heap;
  mema_Kind kind = mema_isThere(node) ? mema_kindIn(node->pool, &heap) : mema_noPool;
  if (kind == mema_noPool) return passed;
  bool unshared = kind == mema_plainPool;
  if (unshared && !mema_isUnshared(node->parent->pool)) return addLoosely(family, node);
  Step step = unshared ? entered : hold(family, node, heap);
  if (step != entered || addHeld(family, node->pool, node, heap)) return step;
  letGo(family, node);
  return failed;
}

/* Returns the node behind this one, and lets go of the pools that the walk leaves; NULL: the walk has left `top`. `down`:
 * it has entered the node. */
static const mema_Node *leave(mema_Family *family, const mema_Node *top, const mema_Node *node, bool down) {
  if (down && node->newest != NULL) return node->newest;
  for (;; node = node->parent, down = true) {
    if (down) letGo(family, node);
    if (node == top) return NULL;
    if (node->older != NULL) return node->older;
  }
}

/* Lets go of all pools from the parent of this one to the top. */
static void leaveAll(mema_Family *family, const mema_Node *top, const mema_Node *node) {
  do {
    node = node->parent;
    letGo(family, node);
  } while (node != top);
}

/* Adds the pools below one that the walk has entered. The walk leaves it in the end. */
static Step addBelow(mema_Family *family, const mema_Node *top) {
  Step step = entered;
  for (const mema_Node *node = top; (node = leave(family, top, node, step == entered)) != NULL;) {
    step = enter(family, node);
    if (step != failed && step != again) continue;
    leaveAll(family, top, node);
    return step;
  }
  return entered;
}

static Step addAll(mema_Family *family, const mema_Pool *pool) {
  mema_Heap *heap = mema_holdPool(pool, false);
  if (heap == NULL) return failed;
  const mema_Node *top = mema_nodeOf(pool);
  family->list.used = 0;
  family->held = mema_shareOf(heap) != NULL;
  Step step = addHeld(family, pool, top, heap) ? entered : failed;
  if (step == entered && top != NULL) return addBelow(family, top);
  mema_unlockPool(heap);
  return step;
}

bool mema_collectFamily(const mema_Pool *pool, mema_Family *family) {
  family->tries = 0;
  mema_beginList(&family->list, &family->alone, sizeof family->alone);
  Step step;
  do step = addAll(family, pool);
  while (step == again);
  if (step == failed) mema_forgetFamily(family);
  return step != failed;
}
