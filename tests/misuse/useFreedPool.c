#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, 1000));
  CHECK(freePool(&other));
  FAILS(palloc(&other, 10), MEMA_BAD_POOL);
  SAYS("not a live pool (never made, freed, copied or moved)");
  CHECK(mema_freeSize(&other) == 0);
  return end(0, 0);
}
