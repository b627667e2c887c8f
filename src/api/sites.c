/* sites.c - the place that a chunk comes from. */
#include "../pool/sites.h"

#include "../pool/tree.h"
#include "../threads/share.h"

/* Returns the Block of a chunk that was just handed out: mostly the youngest. NULL: there is no such chunk. */
static mema_Block *blockOf(const mema_Pool *pool, mema_Heap *heap, const void *ptr) {
  mema_Chunk chunk;
  mema_Block *tail = pool->tail;
  bool exposed = mema_exposesBlocks(pool, heap); /* then the tail may have been written over */
  if (!exposed && tail != NULL && tail->ptr == ptr) return tail;
  return mema_findOwn(pool, heap, ptr, &chunk) && (!exposed || mema_fitsChunk(&chunk)) ? chunk.record : NULL;
}

void *mema_noteSite(mema_Pool *pool, void *ptr, mema_Site *site) {
  mema_Heap *heap;
  if (ptr == NULL || site == NULL) return ptr;
  mema_Kind kind = mema_kindIn(pool, &heap);
  if (kind == mema_noPool || !pool->sites || (kind == mema_sharedPool && !mema_lockQuietly(pool, heap))) return ptr;
  mema_Block *block = blockOf(pool, heap, ptr);
  if (block != NULL) {
    uint64_t word = mema_ownerAndAge(block);
    mema_setOwnerAndAge(block, mema_withSite(word, mema_numberAt(mema_siteOf(block), site)));
  }
  mema_unlockPool(heap);
  return ptr;
}
