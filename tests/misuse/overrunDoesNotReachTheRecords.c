/* A chunk that is written beyond its end damages its neighbour's bytes, not the books. */
#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 64);
  memset(hidePointer(chunk), 0xff, mema_chunkSize(&pool, chunk));
  CHECK(mema_checkPool(&pool));
  Block before = *pool.tail;
  /* Whatever lies behind the slot: no record of the pool, or the next free would go astray. */
  char *next = palloc(&pool, 64);
  if (addressOf(next) - addressOf(chunk) == 64) memset(hidePointer(chunk), 0xff, 128);
  CHECK(mema_checkPool(&pool));
  CHECK(before.ptr == chunk && pool.tail->prev->ptr == chunk);
  CHECK(pfree(&pool, chunk) && pfree(&pool, next));
  return end(0, 0);
}
