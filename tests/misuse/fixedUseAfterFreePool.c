#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool copy = pool;
  char *chunk = (char *)neighbour;
  CHECK(freePool(&pool));
  FAILS(pfree(&pool, chunk), MEMA_BAD_POOL);
  FAILS(freePool(&pool), MEMA_BAD_POOL);
  memcpy(&pool, &copy, sizeof pool);
  FAILS(pfree(&pool, chunk), MEMA_BAD_POOL);
  FAILS(palloc(&pool, 1), MEMA_BAD_POOL);
  FAILS(mema_repalloc(&pool, chunk, 10), MEMA_BAD_POOL);
  FAILS(mema_pmemalign(&pool, 64, 10), MEMA_BAD_POOL);
  FAILS(mema_resetPool(&pool), MEMA_BAD_POOL);
  FAILS(mema_chargePool(&pool, 1), MEMA_BAD_POOL);
  return 0;
}
