#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize(0), 100), MEMA_BAD_ALIGNMENT);
  SAYS("the alignment is not a power of two: 0");
  return end(0, 0);
}
