/* stats.c - the bytes that a pool holds, and the counts of its calls. Reads, never writes. */
#include "../pool/tree.h"
#include "report.h"

void mema_collectStats(const mema_Pool *pool, const mema_Heap *first, mema_Stats *stats) {
  mema_countStats(pool, stats);
  stats->shared = !mema_isUnshared(pool);
  stats->engine = first->ops->kind.engine;
  stats->plain = first->ops->kind.watching == mema_watchedPlain;
  stats->watched = first->ops->kind.watching == mema_watchedInPlace;
  stats->subPoolBytes = mema_heldBelow(pool);
  for (const mema_Node *node = mema_nodeOf(pool) != NULL ? mema_nodeOf(pool)->newest : NULL; node != NULL;
       node = node->older)
    stats->subPools++;
  if (mema_usesParentHeap(pool)) return; /* the parent's statistics count the heap */
  stats->footprint += mema_shareBytes(first);
  for (const mema_Heap *heap = first; heap != NULL; heap = heap->next) {
    if (heap->outside) stats->outsideChunks += mema_liveOutside(heap);
    stats->reservation += heap->ops->reservation(heap);
    stats->footprint += heap->ops->footprint(heap);
  }
}

bool mema_poolStats(const mema_Pool *pool, mema_Stats *stats) {
  if (mema_openKind(pool) == mema_noPool) return false;
  if (stats == NULL) {
    mema_failFor(mema_statsAreNull, 0, 0);
    return false;
  }
  mema_Heap *heap = mema_holdPool(pool, false);
  if (heap == NULL) return false;
  mema_collectStats(pool, heap, stats);
  mema_unlockPool(heap);
  return true;
}

bool mema_isShared(const mema_Pool *pool) {
  return mema_kindOf(pool) == mema_sharedPool;
}
