#include "misuse.h"

int main(void) {
  beginArena(false);
  static Pool other;
  mema_Options options = {.poolSize = misuseBudget, .shared = true, .engine = MEMA_ARENA};
  FAILS(mema_initPoolWith(&other, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_ARENA with shared");
  return endArena(0, 0);
}
