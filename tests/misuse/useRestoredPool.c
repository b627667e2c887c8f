/* The bytes of a live Pool, put back after it was freed. */
#include "misuse.h"

int main(void) {
  begin();
  Pool other, bytes;
  CHECK(initPool(&other, 1000));
  memcpy(&bytes, &other, sizeof other);
  CHECK(freePool(&other));
  memcpy(&other, &bytes, sizeof other);
  FAILS(palloc(&other, 10), MEMA_BAD_POOL);
  FAILS(freePool(&other), MEMA_BAD_POOL);
  return end(0, 0);
}
