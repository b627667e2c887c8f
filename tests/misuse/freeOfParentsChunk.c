#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  FAILS(pfree(&child, neighbour), MEMA_BAD_POINTER);
  CHECK(mema_ownsChunk(&pool, neighbour) && mema_checkPool(&pool));
  CHECK(freePool(&child));
  return end(0, 0);
}
