#include "misuse.h"

int main(void) {
  begin();
  Pool child = {0};
  mema_Options options = {.poolSize = 1000, .guaranteed = 500, .shared = true};
  REFUSED(mema_initSubPool(&child, &pool, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: guaranteed 500 of a shared sub-pool must be its poolSize 1000");
  return end(0, 0);
}
