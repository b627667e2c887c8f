/* The real pools compared with the model, at every level, each chunk's bytes included. */
#include "tree.h"

static void compareChain(const Node *node) {
  const Block *block = node->pool.head, *before = NULL;
  for (size_t i = 0; i < node->count; i++, before = block, block = block->next) {
    MUST(block != NULL && block->prev == before);
    MUST(block->ptr == node->items[i].ptr && block->size == node->items[i].size);
  }
  MUST(block == NULL && node->pool.tail == before);
}

static void compareNode(Node *node, bool bytes) {
  mema_Stats stats;
  size_t children = 0;
  for (const Node *child = nodes; child < nodes + nodeMost; child++) children += child->live && child->parent == node;
  MUST(mema_poolStats(&node->pool, &stats));
  MUST(mema_freeSize(&node->pool) == room(node) && stats.poolSize == node->poolSize);
  MUST(stats.chargedBytes == node->charged && stats.liveChunks == node->count);
  node->peak = larger(node->peak, used(node));
  MUST(stats.peakBytes >= node->peak); /* the model does not know the peaks within a call */
  MUST(stats.subPools == children && stats.subPoolBytes == heldBy(node));
  if (!node->untracked) compareChain(node);
  if (!node->untracked && !node->bound && below(8) == 0) MUST(mema_largestChunk(&node->pool) == largest(node));
  if (isBare(node) && below(8) == 0) MUST(mema_largestChunk(&node->pool) == largest(node) / 16 * 16);
  for (size_t i = 0; bytes && i < node->count; i++) {
    const Item *item = &node->items[i];
    MUST(mema_chunkSize(&node->pool, item->ptr) == (node->bound ? item->size : item->charge));
    MUST(bytesFilled(item->ptr, item->size, item->seed));
  }
}

void compareAll(void) {
  bool often = run.setting->usual <= 1000 || run.step % 64 == 0;
  compareEvents();
  for (Node *node = nodes; node < nodes + nodeMost; node++) {
    if (!node->live) continue;
    MUST(node->toFreeAt == node->toFreeCount);
    node->toFreeAt = node->toFreeCount = 0;
    compareNode(node, often);
    if ((node == root || node->shared) && often && !mema_checkPool(&node->pool))
      complain(mema_lastError()->sentence, __FILE__, __LINE__);
  }
}
