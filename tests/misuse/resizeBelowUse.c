#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_resizePool(&pool, neighbourSize - 1), MEMA_BELOW_USE);
  SAYS("the new size is below what is in use: 299 bytes wanted, 300 in use");
  return end(0, 0);
}
