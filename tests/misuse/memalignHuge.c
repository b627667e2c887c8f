#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize((size_t)1 << 63), 100), MEMA_NO_MEMORY);
  return end(0, 0);
}
