#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  Pool sibling = {0};
  CHECK(mema_initSubPool(&sibling, &pool, &options));
  void *theirs = palloc(&sibling, 100), *large = palloc(&sibling, 9000);
  FAILS(pfree(&child, theirs), MEMA_BAD_POINTER);
  FAILS(pfree(&child, large), MEMA_BAD_POINTER);
  CHECK(mema_ownsChunk(&sibling, theirs) && mema_ownsChunk(&sibling, large) && mema_checkPool(&pool));
  CHECK(freePool(&child) && freePool(&sibling));
  return end(0, 0);
}
