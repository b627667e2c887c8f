#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000, .guaranteed = 10000, .shared = true};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  FAILS(mema_resizePool(&child, 20000), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared sub-pool cannot be resized");
  FAILS(mema_resizePool(&child, 9000), MEMA_BAD_ARGUMENT);
  FAILS(mema_shrinkPool(&child, 1) != 0, MEMA_BAD_ARGUMENT);
  CHECK(child.poolSize == 10000 && mema_checkPool(&pool));
  CHECK(freePool(&child));
  return end(0, 0);
}
