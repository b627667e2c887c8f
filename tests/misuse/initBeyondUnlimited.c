#include "misuse.h"

int main(void) {
  begin();
  Pool other = {0};
  FAILS(initPool(&other, hideSize(MEMA_UNLIMITED + 1)), MEMA_TOO_LARGE);
  SAYS("larger than any object can be: 9223372036854775808 is above 9223372036854775807");
  FAILS(initPool(&other, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  return end(0, 0);
}
