#include "misuse.h"

int main(void) {
  begin();
  Pool copy = pool;
  FAILS(palloc(&copy, 10), MEMA_BAD_POOL);
  SAYS("not a live pool (never made, freed, copied or moved)");
  FAILS(pfree(&copy, neighbour), MEMA_BAD_POOL);
  FAILS(freePool(&copy), MEMA_BAD_POOL);
  return end(0, 0);
}
