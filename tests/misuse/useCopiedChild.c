#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  Pool copy = child;
  void *chunk = palloc(&child, 100);
  FAILS(palloc(&copy, 10), MEMA_BAD_POOL);
  FAILS(pfree(&copy, chunk), MEMA_BAD_POOL);
  FAILS(mema_moveChunk(&pool, &copy, chunk), MEMA_BAD_POOL);
  FAILS(freePool(&copy), MEMA_BAD_POOL);
  CHECK(mema_ownsChunk(&child, chunk) && mema_checkPool(&pool));
  CHECK(freePool(&child));
  return end(0, 0);
}
