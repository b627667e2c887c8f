#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  FAILS(mema_initSubPool(&child, &pool, &options), MEMA_LIVE_POOL);
  FAILS(initPool(&child, 10), MEMA_LIVE_POOL);
  CHECK(palloc(&child, 100) != NULL && mema_checkPool(&pool));
  CHECK(freePool(&child));
  return end(0, 0);
}
