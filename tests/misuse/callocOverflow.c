#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pcalloc(&pool, hideSize(SIZE_MAX / 2), hideSize(3)), MEMA_OVERFLOW);
  SAYS("count times size overflows: 9223372036854775807 times 3");
  REFUSED(mema_pcalloc(&pool, hideSize((size_t)1 << 33), hideSize((size_t)1 << 31)), MEMA_OVERFLOW);
  return end(0, 0);
}
