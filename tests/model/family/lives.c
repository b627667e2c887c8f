/* The lives of pools: made, freed, reset and resized, with the clean-ups that run at their ends. */
#include "tree.h"

static CleanUp *newestCleanUp(const Node *node, mema_CleanupTime when, uint64_t since) {
  CleanUp *newest = NULL;
  for (CleanUp *cleanUp = cleanUps; cleanUp < cleanUps + cleanUpMost; cleanUp++) {
    if (cleanUp->node != node || cleanUp->when != when || cleanUp->made <= since) continue;
    if (newest == NULL || cleanUp->made > newest->made) newest = cleanUp;
  }
  return newest;
}

/* Expects the clean-ups of the node that were added after that time, the youngest first. `made` is 0 for one that has run in the model. */
static void expectCleanups(const Node *node, mema_CleanupTime when, uint64_t since) {
  for (CleanUp *cleanUp; (cleanUp = newestCleanUp(node, when, since)) != NULL; cleanUp->made = 0) expect('C', cleanUp);
}

void endIn(Node *node, uint64_t since) {
  expectCleanups(node, MEMA_BEFORE_SUB_POOLS, since);
  for (;;) {
    Node *newest = NULL;
    for (Node *child = nodes; child < nodes + nodeMost; child++)
      if (child->live && child->parent == node && child->made > since && (newest == NULL || child->made > newest->made))
        newest = child;
    if (newest == NULL) break;
    endIn(newest, 0);
    newest->live = false;
  }
  expectCleanups(node, MEMA_AFTER_SUB_POOLS, since);
  while (node->count > 0 && node->items[node->count - 1].made > since) node->count--;
  for (Mark *mark = node->marks; mark < node->marks + markMost; mark++) mark->valid = mark->valid && mark->made <= since;
}

static mema_Options someOptions(const Node *parent) {
  size_t poolSize = 1 + below(2 * parent->poolSize), kind = below(15), free = room(parent);
  if (poolSize > parent->poolSize && below(2) == 0) poolSize = 1 + parent->poolSize / 2;
  mema_Options options = {.poolSize = poolSize, .untracked = kind == 0, .committed = kind == 1 && poolSize < MIB};
  if (kind == 2 || kind == 3) options.reservation = 64 * KIB;
  if (kind >= 12 && poolSize < 4 * MIB) options.engine = MEMA_ARENA, options.untracked = kind == 14;
  if (kind >= 13 && options.engine == MEMA_ARENA) options.reservation = arenaArea;
  if (kind == 4 && poolSize < 4 * MIB) options.shared = true, options.untracked = below(2) == 0;
  size_t guaranteed[] = {0, below(poolSize + 1), poolSize, below(free / 4 + 1)};
  options.guaranteed = options.shared ? poolSize : guaranteed[below(4)];
  options.boundMemory = below(4) == 0;
  if (options.guaranteed > poolSize) options.guaranteed = poolSize;
  return options;
}

static bool borrows(const Node *parent, const mema_Options *options) {
  return !parent->untracked && !parent->shared && !parent->arena && options->engine == MEMA_SLAB && !options->untracked &&
         !options->shared && !options->committed && options->reservation == 0 && (!options->boundMemory || parent->bound);
}

void makeSome(void) {
  Node *parent = someNode(), *child = nodes;
  while (child < nodes + nodeMost && child->live) child++;
  if (child == nodes + nodeMost || depthOf(parent) == depthMost) return;
  mema_Options options = someOptions(parent);
  mema_Reason reason = options.guaranteed == 0                 ? MEMA_OK
                       : isInjected(parent)                    ? MEMA_INJECTED
                       : isGranted(parent, options.guaranteed) ? MEMA_OK
                                                               : MEMA_OVER_BUDGET;
  memset(child, 0, sizeof *child);
  memset(&child->pool, 0xa5, sizeof child->pool);
  if (reason != MEMA_OK) {
    REFUSES(mema_initSubPool(&child->pool, &parent->pool, &options), reason);
    return;
  }
  Rooms before = roomsOf(parent);
  child->live = true;
  child->parent = parent;
  child->poolSize = options.poolSize;
  child->guaranteed = options.guaranteed;
  child->untracked = options.untracked;
  child->bound = !options.untracked && (options.boundMemory || parent->bound);
  child->shared = options.shared;
  child->arena = options.engine == MEMA_ARENA;
  child->lender = borrows(parent, &options) ? parent->lender : child;
  child->made = ++run.now;
  expectLows(parent, before);
  MUST(mema_initSubPool(&child->pool, &parent->pool, &options));
  REFUSES(mema_initSubPool(&child->pool, &parent->pool, &options), MEMA_LIVE_POOL);
}

void freeSomePool(void) {
  Node *node = someNode();
  Pool copy = node->pool;
  if (node == root) return;
  endIn(node, 0);
  node->live = false;
  MUST(freePool(&node->pool));
  compareEvents();
  memcpy(&node->pool, &copy, sizeof copy); /* the bytes of a Pool that has ended */
  REFUSES(palloc(&node->pool, 10) != NULL, MEMA_BAD_POOL);
  REFUSES(freePool(&node->pool), MEMA_BAD_POOL);
}

void resetSome(void) {
  Node *node = someNode();
  if (node == root && below(4) != 0) return;
  endIn(node, 0);
  MUST(mema_resetPool(&node->pool));
}

void resizeSome(void) {
  Node *node = someNode();
  size_t least = larger(used(node), node->guaranteed), poolSize = 1 + below(2 * run.setting->options.poolSize);
  if (below(3) == 0) poolSize = least + below(1000) - (least > 500 ? 500 : 0);
  if (poolSize == 0) poolSize = 1;
  bool shrinks = below(3) == 0;
  if (node->shared && node != root) {
    REFUSES(mema_resizePool(&node->pool, poolSize), MEMA_BAD_ARGUMENT);
    return;
  }
  if (poolSize < least && !shrinks) {
    REFUSES(mema_resizePool(&node->pool, poolSize), MEMA_BELOW_USE);
    return;
  }
  if (shrinks && larger(poolSize, least) == 0) return;
  Rooms before = roomsOf(node);
  node->poolSize = larger(poolSize, least);
  node->peak = 0;
  expectLows(node, before);
  if (shrinks) {
    MUST(mema_shrinkPool(&node->pool, poolSize) == node->poolSize);
  } else {
    MUST(mema_resizePool(&node->pool, poolSize));
  }
}
