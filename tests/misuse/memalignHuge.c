#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize((size_t)1 << (wordBits - 1)), 100), MEMA_NO_MEMORY);
  SAYS("the system has no memory to give: alignment %zu is above 1 GiB", (size_t)1 << (wordBits - 1));
  return end(0, 0);
}
