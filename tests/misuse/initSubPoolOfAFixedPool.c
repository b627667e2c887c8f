#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool child = {0};
  mema_Options options = {.poolSize = 1000};
  FAILS(mema_initSubPool(&child, &pool, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: the parent has MEMA_FIXED");
  FAILS(mema_moveChunk(&child, &pool, neighbour), MEMA_NOT_KIN);
  return end(0, 0);
}
