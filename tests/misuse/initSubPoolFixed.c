#include "misuse.h"

int main(void) {
  begin();
  Pool child = {0};
  char buffer[5000];
  mema_Options options = {.poolSize = 1000, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  REFUSED(mema_initSubPool(&child, &pool, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a sub-pool with MEMA_FIXED");
  return end(0, 0);
}
