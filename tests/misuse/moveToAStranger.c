#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  Pool stranger;
  CHECK(initPool(&stranger, 10000));
  void *chunk = palloc(&child, 100);
  FAILS(mema_moveChunk(&stranger, &child, chunk), MEMA_NOT_KIN);
  REFUSED(mema_moveChunk(&stranger, &pool, neighbour), MEMA_NOT_KIN);
  CHECK(mema_ownsChunk(&child, chunk) && freePool(&stranger));
  CHECK(freePool(&child));
  return end(0, 0);
}
