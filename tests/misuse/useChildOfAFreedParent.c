#include "misuse.h"

int main(void) {
  begin();
  Pool parent, child = {0}, bytes;
  mema_Options options = {.poolSize = 1000};
  CHECK(initPool(&parent, 10000) && mema_initSubPool(&child, &parent, &options));
  void *chunk = palloc(&child, 10);
  memcpy(&bytes, &child, sizeof bytes);
  CHECK(freePool(&parent));
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  memcpy(&child, &bytes, sizeof child);
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(pfree(&child, chunk), MEMA_BAD_POOL);
  FAILS(mema_repalloc(&child, chunk, 20), MEMA_BAD_POOL);
  CHECK(initPool(&parent, 10000)); /* with the same memory, most likely */
  FAILS(palloc(&child, 10), MEMA_BAD_POOL);
  FAILS(freePool(&child), MEMA_BAD_POOL);
  CHECK(freePool(&parent));
  return end(0, 0);
}
