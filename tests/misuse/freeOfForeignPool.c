#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, 10000));
  void *theirs = palloc(&other, 100);
  REFUSED(pfree(&pool, theirs), MEMA_BAD_POINTER);
  CHECK(mema_ownsChunk(&other, theirs) && mema_checkPool(&other));
  CHECK(freePool(&other));
  return end(0, 0);
}
