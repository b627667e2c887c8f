#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pcalloc(&pool, hideSize(SIZE_MAX / 2), hideSize(3)), MEMA_OVERFLOW);
  SAYS("count times size overflows: %zu times 3", SIZE_MAX / 2);
  REFUSED(mema_pcalloc(&pool, hideSize((size_t)1 << (wordBits / 2 + 1)), hideSize((size_t)1 << (wordBits / 2 - 1))),
          MEMA_OVERFLOW);
  return end(0, 0);
}
