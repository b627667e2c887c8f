#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool copy = pool;
  FAILS(palloc(&copy, 1), MEMA_BAD_POOL);
  FAILS(pfree(&copy, neighbour), MEMA_BAD_POOL);
  FAILS(freePool(&copy), MEMA_BAD_POOL);
  return end(0, 0);
}
