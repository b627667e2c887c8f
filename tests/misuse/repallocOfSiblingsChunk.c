#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  Pool sibling = {0};
  CHECK(mema_initSubPool(&sibling, &pool, &options));
  void *theirs = palloc(&sibling, 100);
  FAILS(mema_repalloc(&child, theirs, 50), MEMA_BAD_POINTER);
  FAILS(mema_repalloc(&child, theirs, 5000), MEMA_BAD_POINTER);
  CHECK(mema_chunkSize(&sibling, theirs) == 100 && mema_checkPool(&pool));
  CHECK(freePool(&child) && freePool(&sibling));
  return end(0, 0);
}
