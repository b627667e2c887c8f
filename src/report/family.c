/* family.c - see family.h. */
#include "family.h"

#include "../memory/os.h"
#include "../pool/tree.h"

/* True iff the walk goes on to the sub-pools of this node. */
static bool goesBelow(const mema_Node *node) {
  return mema_isThere(node) && mema_isUnshared(node->pool);
}

/* Counts the pools below, as `fill` meets them. */
static size_t countBelow(const mema_Node *top) {
  size_t count = 0;
  for (const mema_Node *node = mema_nextNode(top, top, true); node != NULL; node = mema_nextNode(top, node, goesBelow(node)))
    count += mema_isThere(node);
  return count;
}

/* Fills in one member. False iff its pool is shared and cannot be held, as in a signal handler. */
static bool fillOne(mema_Member *member, const mema_Node *node) {
  mema_Heap *heap = mema_heapField(node->pool);
  if (!mema_isUnshared(node->pool) && !mema_holdQuietly(node->pool, heap)) return false;
  mema_collectStats(node->pool, heap, &member->stats);
  mema_unlockPool(heap);
  member->id = node->id;
  member->parent = node->parent->id;
  return true;
}

/* Fills in the pools below the first one. */
static void fillBelow(mema_Family *family, const mema_Node *top, size_t most) {
  for (const mema_Node *node = mema_nextNode(top, top, true); node != NULL && family->count < most;
       node = mema_nextNode(top, node, goesBelow(node)))
    if (mema_isThere(node)) family->count += fillOne(&family->members[family->count], node);
}

static bool makeRoom(mema_Family *family, size_t count) {
  if (count == 1) return true;
  family->bytes = mema_roundUp(count * sizeof *family->members, mema_osPageSize());
  mema_Member *members = mema_osReserve(family->bytes, mema_osPageSize());
  if (members == NULL) {
    mema_failBytes(MEMA_NO_MEMORY, family->bytes, 0);
    family->bytes = 0;
    return false;
  }
  members[0] = family->alone;
  family->members = members;
  return true;
}

bool mema_collectFamily(const mema_Pool *pool, mema_Family *family) {
  mema_Heap *heap = mema_holdPool(pool, false);
  if (heap == NULL) return false;
  const mema_Node *top = mema_nodeOf(pool);
  family->bytes = 0;
  family->count = 1;
  family->members = &family->alone;
  family->alone = (mema_Member){0};
  mema_collectStats(pool, heap, &family->alone.stats);
  if (top != NULL) family->alone.id = top->id;
  if (top != NULL && top->parent != NULL) family->alone.parent = top->parent->id;
  bool alone = top == NULL || mema_shareOf(heap) != NULL;
  mema_unlockPool(heap);
  if (alone) return true;
  size_t count = 1 + countBelow(top);
  if (!makeRoom(family, count)) return false;
  fillBelow(family, top, count);
  return true;
}

void mema_forgetFamily(mema_Family *family) {
  if (family->bytes != 0) mema_osRelease(family->members, family->bytes);
}
