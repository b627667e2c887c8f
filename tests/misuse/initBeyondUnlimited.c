#include "misuse.h"

int main(void) {
  begin();
  Pool other = {0};
  FAILS(initPool(&other, hideSize(MEMA_UNLIMITED + 1)), MEMA_TOO_LARGE);
  SAYS("larger than any object can be: %zu is above %zu", MEMA_UNLIMITED + 1, MEMA_UNLIMITED);
  FAILS(initPool(&other, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  return end(0, 0);
}
