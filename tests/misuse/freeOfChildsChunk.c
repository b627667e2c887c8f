#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  void *theirs = palloc(&child, 100);
  REFUSED(pfree(&pool, theirs), MEMA_BAD_POINTER);
  CHECK(mema_ownsChunk(&child, theirs));
  CHECK(freePool(&child));
  return end(0, 0);
}
