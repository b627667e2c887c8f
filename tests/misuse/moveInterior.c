#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  unsigned char *chunk = palloc(&child, 100);
  for (size_t i = 1; i < 120; i++) REFUSED(mema_moveChunk(&pool, &child, chunk + i), MEMA_BAD_POINTER);
  REFUSED(mema_moveChunk(&child, &pool, neighbour + 16), MEMA_BAD_POINTER);
  CHECK(freePool(&child));
  return end(0, 0);
}
