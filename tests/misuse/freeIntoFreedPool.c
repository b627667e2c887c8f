#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, 1000));
  void *chunk = palloc(&other, 100);
  CHECK(freePool(&other));
  FAILS(pfree(&other, hidePointer(chunk)), MEMA_BAD_POOL);
  return end(0, 0);
}
