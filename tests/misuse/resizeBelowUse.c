#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_resizePool(&pool, neighbourSize - 1), MEMA_BELOW_USE);
  return end(0, 0);
}
