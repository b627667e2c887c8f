#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_resizePool(&pool, 0), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: poolSize is 0");
  return end(0, 0);
}
