/* tree.c - the nodes of families. They lie in segments, each twice as long as the one before, which are never
 * unmapped. Free nodes are on a stack (base/stack.h), by their ids. */
#include "tree.h"

#include <string.h>

#include "../memory/os.h"

enum { firstSegment = 512, segments = 16 };

static _Atomic(mema_Node *) table[segments];
static _Atomic uint32_t used; /* ids up to here have been handed out */
static mema_Stack freeKin;
static _Atomic uintptr_t lives;

static unsigned segmentOf(uint32_t index) {
  return 31 - (unsigned)__builtin_clz(index / firstSegment + 1);
}

/* Returns the node with this id; NULL iff its segment is not mapped yet. */
static mema_Node *nodeAt(uint32_t id) {
  unsigned segment = segmentOf(id - 1);
  mema_Node *base = atomic_load_explicit(&table[segment], memory_order_acquire);
  return base == NULL ? NULL : base + (id - 1) - firstSegment * ((UINT32_C(1) << segment) - 1);
}

/* Returns the link of a node, and stores the node in *found. The stack pops the number whose link it asked
 * for last. */
static mema_StackLink *linkOf(void *found, uint32_t id) {
  mema_Node *node = nodeAt(id);
  *(mema_Node **)found = node;
  return &node->nextFree;
}

static mema_Node *popFree(void) {
  mema_Node *node = NULL;
  return mema_popNumber(&freeKin, linkOf, &node) == 0 ? NULL : node;
}

static bool mapSegment(unsigned segment) {
  size_t page = mema_osPageSize(), size = mema_roundUp((firstSegment << segment) * sizeof(mema_Node), page);
  mema_Node *base = mema_osReserve(size, page), *none = NULL;
  if (base == NULL) return false;
  if (!atomic_compare_exchange_strong_explicit(&table[segment], &none, base, memory_order_acq_rel, memory_order_acquire))
    mema_osRelease(base, size); /* another thread was first */
  return true;
}

/* Takes a node with a new id. The id counts as taken even if its segment cannot be mapped: that loses one id
 * of sixteen million. */
static mema_Node *takeFresh(void) {
  uint32_t index = atomic_load_explicit(&used, memory_order_relaxed);
  do {
    if (index == mema_ownersMost || segmentOf(index) == segments) return NULL;
  } while (!atomic_compare_exchange_weak_explicit(&used, &index, index + 1, memory_order_relaxed, memory_order_relaxed));
  if (nodeAt(index + 1) == NULL && !mapSegment(segmentOf(index))) return NULL;
  mema_Node *node = nodeAt(index + 1);
  node->id = index + 1;
  return node;
}

mema_Node *mema_takeNode(void) {
  mema_Node *node = popFree();
  if (node == NULL) node = takeFresh();
  if (node == NULL) return NULL;
  node->parentPool = NULL;
  node->parent = node->newest = node->older = node->younger = NULL;
  node->guard = node->nearGuard = node->guaranteed = node->born = 0;
  node->usesParentHeap = false;
  return node;
}

void mema_ownNode(mema_Pool *pool, mema_Node *node) {
  pool->life = atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed) + 1;
  pool->ownerMask = mema_ownerBits(pool);
  node->pool = pool;
  mema_storeWord(&node->life, pool->life);
  __atomic_store_n(&pool->node, node, __ATOMIC_RELEASE); /* other threads may read a shared root's node */
}

bool mema_isInTree(const mema_Pool *pool) {
  return mema_nodeLives(pool);
}

void mema_dropNode(mema_Node *node) {
  mema_storeWord(&node->life, 0);
  node->pool = NULL;
  mema_pushNumber(&freeKin, node->id, &node->nextFree);
}
