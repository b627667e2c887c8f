#include "misuse.h"

int main(void) {
  begin();
  FAILS(palloc(NULL, hideSize(10)), MEMA_BAD_POOL);
  SAYS("not a live pool (never made, freed, copied or moved)");
  FAILS(pfree(NULL, neighbour), MEMA_BAD_POOL);
  FAILS(mema_resetPool(NULL), MEMA_BAD_POOL);
  return end(0, 0);
}
