#include "misuse.h"
#include "places.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  char *chunk = palloc(&pool, 100), *behind = palloc(&pool, 100);
  size_t live = pool.poolSize - pool.freeSize;
  memset(hidePointer(behind), 0x55, buffer + sizeof buffer - behind); /* over all that is behind it */
  CHECK(!mema_ownsChunk(&pool, behind + 16) && mema_ownsChunk(&pool, behind) && mema_ownsChunk(&pool, chunk));
  CHECK(pool.poolSize - pool.freeSize == live && mema_checkPool(&pool));
  CHECK(palloc(&pool, 1000) != NULL && mema_resetPool(&pool));
  neighbour = palloc(&pool, neighbourSize);
  fillBytes(neighbour, neighbourSize, 77);
  return end(0, 0);
}
