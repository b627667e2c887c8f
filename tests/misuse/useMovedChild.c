/* A sub-pool must stay where it was initialised; where it does not, it is lost, and its parent goes on. */
#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  Pool moved = child;
  memset(&child, 0, sizeof child);
  FAILS(palloc(&moved, 10), MEMA_BAD_POOL);
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(freePool(&moved), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  CHECK(mema_resetPool(&pool)); /* its parent can do without it */
  memcpy(&child, &moved, sizeof child);
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  neighbour = palloc(&pool, neighbourSize);
  fillBytes(neighbour, neighbourSize, 77);
  return end(0, 0);
}
