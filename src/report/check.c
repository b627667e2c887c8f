/* check.c - checks every invariant of a pool. Reads, never writes. */
#include "../pool/tree.h"
#include "../threads/hold.h"

/* Checks the chain: the links back match the links forward, and each Block belongs to a live chunk that names
 * this Block. */
static const char *checkChain(const mema_Pool *pool, mema_Heap *heap, size_t *chunks, size_t *bytes) {
  const mema_Block *before = NULL;
  size_t most = pool->allocations - pool->frees;
  bool exposed = mema_exposesBlocks(pool, heap);
  for (const mema_Block *block = pool->head; block != NULL; before = block, block = block->next) {
    mema_Chunk chunk;
    if (*chunks == most) return "the chain lists no more than the live chunks";
    if (exposed && !mema_isReadable(heap, block)) return "the chain lists Blocks of live chunks";
    if (!mema_findChunk(heap, block->ptr, &chunk) || chunk.record != block)
      return "each block of the chain has a live chunk";
    if (block->prev != before) return "the chain leads back as it leads on";
    if (block->size == 0 || block->size > chunk.room) return "a block's size is that of its chunk";
    if (exposed && !mema_fitsChunk(&chunk)) return "a chunk has no more room than it needs";
    if ((uint8_t)mema_ownerAndAge(block) != !chunk.heap->outside) return "poolAllocated says where the chunk lies";
    if (!mema_hasOwner(pool, block, mema_ownerBits(pool))) return "a block of the chain says whose it is";
    if (before != NULL && mema_ageOf(before) > mema_ageOf(block)) return "ages do not fall along the chain";
    *chunks += 1;
    *bytes += mema_chargeOf(pool, &chunk);
  }
  return pool->tail == before ? NULL : "the chain ends at the tail";
}

/* Returns the live chunks in the heap of a pool: the pool's own, and those of the sub-pools that use the same
 * heap. */
static size_t chunksIn(const mema_Pool *pool) {
  size_t chunks = pool->allocations - pool->frees;
  for (const mema_Node *node = mema_nodeOf(pool); node != NULL;) {
    bool counts = node == pool->node || (node->usesParentHeap && mema_isThere(node));
    if (counts && node != pool->node) chunks += node->pool->allocations - node->pool->frees;
    node = mema_nextNode(pool->node, node, counts);
  }
  return chunks;
}

/* Checks all heaps of a pool. Adds the charges of the chunks to *bytes if the pool is untracked. */
static const char *checkSlabs(const mema_Pool *pool, mema_Heap *heap, size_t *bytes) {
  size_t chunks = 0;
  for (mema_Heap *each = heap; each != NULL; each = each->next) {
    size_t before = chunks;
    const char *broken = mema_checkHeap(each, &chunks, bytes);
    if (broken != NULL) return broken;
    if (each->outside && chunks - before != mema_liveOutside(each))
      return "a heap outside the reservation counts its chunks";
  }
  if (!mema_isSoundOutside(heap)) return "the heaps outside the reservation are found by address, and by requests";
  return chunks == chunksIn(pool) ? NULL : "live chunks == allocations - frees";
}

static const char *checkBudget(const mema_Pool *pool, size_t chunkBytes) {
  bool late = pool->slowPathBelow == 0 && mema_heapField(pool)->ops->notesLowLate; /* it notes its lows later */
  if (pool->freeSize > pool->poolSize || (pool->lowWater > pool->freeSize && !late))
    return "lowWater <= freeSize <= poolSize";
  if (!pool->alwaysSlow && !late && mema_isUnshared(pool) && pool->slowPathBelow != pool->lowWater)
    return "watch == lowWater";
  return pool->poolSize == pool->freeSize + chunkBytes + pool->charged + mema_heldBelow(pool)
             ? NULL
             : "poolSize == freeSize + the sizes of the live chunks + charged + held";
}

/* Checks that a pool and its sub-pools agree. */
static const char *checkChildren(const mema_Node *parent) {
  if (!mema_isThere(parent)) return "a pool in a family has its record";
  for (const mema_Node *node = parent->newest; node != NULL; node = node->older) {
    if (node->parent != parent || node->parentPool != parent->pool || !mema_isThere(node))
      return "sub-pools and their parent know each other";
    if (node->guard + node->guaranteed != node->pool->poolSize) return "poolSize == guaranteed + guard";
  }
  return NULL;
}

/* Checks one pool, without its family. */
static const char *checkAlone(const mema_Pool *pool, mema_Heap *heap) {
  size_t bytes = 0, chained = 0;
  if (heap->outside || pool->mem != heap->area) return "mem is the start of the reservation";
  const char *broken = mema_usesParentHeap(pool) ? NULL : checkSlabs(pool, heap, &bytes);
  if (broken != NULL) return broken;
  if (!pool->untracked) {
    bytes = 0;
    broken = checkChain(pool, heap, &chained, &bytes);
    if (broken != NULL) return broken;
    if (chained != pool->allocations - pool->frees) return "the chain lists every live chunk";
  } else if (pool->head != NULL || pool->tail != NULL) {
    return "an untracked pool has no chain";
  }
  return checkBudget(pool, bytes);
}

/* Checks all pools below an unshared pool, except shared sub-pools and the pools below them. */
static const char *checkFamily(const mema_Node *top) {
  for (const mema_Node *node = top; node != NULL;) {
    bool plain = mema_isThere(node) && mema_isUnshared(node->pool);
    const char *broken = plain ? checkChildren(node) : NULL;
    if (broken == NULL && plain && node != top) broken = checkAlone(node->pool, mema_heapField(node->pool));
    if (broken != NULL) return broken;
    node = mema_nextNode(top, node, plain);
  }
  return NULL;
}

static const char *findBroken(const mema_Pool *pool, mema_Heap *heap) {
  const char *broken = checkAlone(pool, heap);
  if (broken != NULL) return broken;
  if (mema_nodeOf(pool) == NULL || !mema_isUnshared(pool)) return NULL;
  return mema_isInTree(pool) ? checkFamily(mema_nodeOf(pool)) : "a pool in a family has its record";
}

bool mema_checkPool(const mema_Pool *pool) {
  mema_Heap *heap = mema_holdPool(pool, true);
  if (heap == NULL) return false;
  const char *broken = findBroken(pool, heap);
  mema_unlockPool(heap);
  if (broken != NULL) mema_failBroken(broken);
  return broken == NULL;
}
