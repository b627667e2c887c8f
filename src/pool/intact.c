/* intact.c - Blocks that chunks may have written over.
 *
 * Some engines (mema_HeapOps.exposesBlocks) keep a chunk's Block beside other chunks. A chunk that overflows may
 * write over it. So a Block is compared with the heaps and with the Blocks around it before its fields are used. */
#include "pool.h"

bool mema_isReadable(const mema_Heap *first, const mema_Block *block) {
  for (const mema_Heap *heap = first; heap != NULL; heap = heap->next)
    if (heap->ops->holdsBlock(heap, block)) return true;
  return false;
}

bool mema_fitsChunk(const mema_Chunk *chunk) {
  const mema_Block *block = chunk->record;
  const mema_HeapOps *ops = chunk->heap->ops;
  if (block->ptr != chunk->ptr || block->size == 0 || block->size > chunk->room) return false;
  return !ops->exposesBlocks || ops->room(chunk->heap, block->size, MEMA_ALIGNMENT) == chunk->room;
}

/* True iff the neighbours in the chain name the Block as theirs. */
static bool fitsChain(const mema_Pool *pool, const mema_Heap *first, const mema_Block *block) {
  const mema_Block *next = block->next, *prev = block->prev;
  if (next != NULL ? !mema_isReadable(first, next) || next->prev != block : pool->tail != block) return false;
  return prev != NULL ? mema_isReadable(first, prev) && prev->next == block : pool->head == block;
}

bool mema_examineBlock(const mema_Pool *pool, const mema_Heap *first, const mema_Chunk *chunk) {
  if (mema_fitsChunk(chunk) && fitsChain(pool, first, chunk->record)) return true;
  mema_failBroken("a chunk's Block was written over");
  return false;
}
