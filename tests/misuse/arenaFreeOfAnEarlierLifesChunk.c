#include "misuse.h"

int main(void) {
  beginArena(false);
  char *chunk = palloc(&pool, 5000);
  Pool ended = pool;
  CHECK(mema_freePool(&pool));
  FAILS(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POOL);
  beginArena(false);
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  Pool now = pool; /* the freed one's bytes in the place of the living one: another life of the same arena */
  pool = ended;
  FAILS(pfree(&pool, hidePointer(neighbour)), MEMA_BAD_POOL);
  FAILS(palloc(&pool, 1), MEMA_BAD_POOL);
  pool = now;
  return endArena(0, 0);
}
