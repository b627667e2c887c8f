#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, 10000));
  REFUSED(mema_repalloc(&other, neighbour, 10), MEMA_BAD_POINTER);
  CHECK(mema_checkPool(&other) && mema_freeSize(&other) == 10000);
  CHECK(freePool(&other));
  return end(0, 0);
}
