#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize(3), 100), MEMA_BAD_ALIGNMENT);
  SAYS("the alignment is not a power of two: 3");
  return end(0, 0);
}
