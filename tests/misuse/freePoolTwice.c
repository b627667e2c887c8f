#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, 1000));
  CHECK(freePool(&other));
  FAILS(freePool(&other), MEMA_BAD_POOL);
  FAILS(freePool(&other), MEMA_BAD_POOL);
  return end(0, 0);
}
