#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize((size_t)1 << 63), 100), MEMA_NO_MEMORY);
  SAYS("the system has no memory to give: alignment 9223372036854775808 is above 1 GiB");
  return end(0, 0);
}
