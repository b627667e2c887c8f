/* quarantine.c - freed chunks that are kept for a while, so that a checker reports a use of them. The budget counts them
 * as free, and the engine as live. The oldest go back to it when the budget, or its memory, is needed. */
#include "watched.h"

static void giveOldest(mema_Heap *heap) {
  mema_Watch *watch = mema_watchOf(heap);
  mema_Block *block = watch->oldest;
  mema_Chunk chunk;
  watch->oldest = block->next;
  if (watch->oldest == NULL) watch->youngest = NULL;
  watch->kept--;
  watch->keptBytes -= block->size;
  if (!watch->engine->find(heap, block->prev, &chunk)) return; /* it is always there */
  watch->keptRoom -= chunk.room;
  watch->engine->give(heap, &chunk);
}

void mema_giveKept(mema_Heap *heap) {
  while (mema_watchOf(heap)->oldest != NULL) giveOldest(heap);
}

void mema_makeRoomInKept(mema_Heap *heap, size_t bytes) {
  mema_Watch *watch = mema_watchOf(heap);
  while (watch->oldest != NULL &&
         (watch->keptRoom > watch->keptMost || watch->live + watch->keptBytes + bytes > watch->budget))
    giveOldest(heap);
}

bool mema_keepFreed(mema_Heap *heap, const mema_Chunk *chunk, size_t size) {
  mema_Watch *watch = mema_watchOf(heap);
  if (chunk->room > watch->keptMost) return false;
  mema_Block *block = chunk->record;
  block->ptr = NULL; /* the last word still names the chunk's owner and its site */
  block->size = size;
  block->next = NULL;
  block->prev = (mema_Block *)(void *)chunk->ptr;
  *(watch->youngest != NULL ? &watch->youngest->next : &watch->oldest) = block;
  watch->youngest = block;
  watch->kept++;
  watch->keptBytes += size;
  watch->keptRoom += chunk->room;
  mema_makeRoomInKept(heap, 0);
  return true;
}

void mema_forgetKept(mema_Heap *heap, const char *from) {
  mema_Watch *watch = mema_watchOf(heap);
  mema_Block **link = &watch->oldest;
  mema_Chunk chunk;
  watch->youngest = NULL;
  for (mema_Block *block = watch->oldest; block != NULL; block = block->next) {
    if ((const char *)block->prev < from) {
      *link = watch->youngest = block;
      link = &block->next;
    } else if (watch->engine->find(heap, block->prev, &chunk)) {
      watch->kept--;
      watch->keptBytes -= block->size;
      watch->keptRoom -= chunk.room;
    }
  }
  *link = NULL;
}
