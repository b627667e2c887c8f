#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  void *chunk = palloc(&child, 100);
  CHECK(freePool(&child));
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(pfree(&child, chunk), MEMA_BAD_POOL);
  FAILS(mema_resizePool(&child, 10), MEMA_BAD_POOL);
  FAILS(mema_initSubPool(&child, &child, &options), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  return end(0, 0);
}
