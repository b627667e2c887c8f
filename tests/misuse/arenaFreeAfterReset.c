#include "misuse.h"

int main(void) {
  beginArena(false);
  char *chunk = palloc(&pool, 5000), *next = palloc(&pool, 50);
  CHECK(mema_resetPool(&pool));
  REFUSED(pfree(&pool, hidePointer(neighbour)), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(next)), MEMA_BAD_POINTER);
  placeNeighbour();
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return endArena(0, 0);
}
