/* The bytes of a live sub-pool, put back after it was freed. */
#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  void *chunk = palloc(&child, 10);
  Pool bytes = child;
  CHECK(freePool(&child));
  memcpy(&child, &bytes, sizeof child);
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(mema_repalloc(&child, chunk, 1000), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  Pool other = {0};
  CHECK(mema_initSubPool(&other, &pool, &options)); /* may have what that one had */
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(mema_repalloc(&child, chunk, 1000), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  CHECK(freePool(&other));
  return end(0, 0);
}
