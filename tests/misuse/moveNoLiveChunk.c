#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  void *chunk = palloc(&child, 100), *mine = malloc(100);
  REFUSED(mema_moveChunk(&child, &pool, chunk), MEMA_BAD_POINTER);
  REFUSED(mema_moveChunk(&child, &pool, mine), MEMA_BAD_POINTER);
  REFUSED(mema_moveChunk(&child, &pool, NULL), MEMA_BAD_POINTER);
  CHECK(pfree(&child, chunk));
  REFUSED(mema_moveChunk(&pool, &child, chunk), MEMA_BAD_POINTER);
  free(mine);
  CHECK(freePool(&child));
  return end(0, 0);
}
