#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  memset(&other, 0xcc, sizeof other);
  FAILS(palloc(&other, 10), MEMA_BAD_POOL);
  FAILS(pfree(&other, neighbour), MEMA_BAD_POOL);
  FAILS(mema_checkPool(&other), MEMA_BAD_POOL);
  FAILS(freePool(&other), MEMA_BAD_POOL);
  return end(0, 0);
}
