#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize(3), 100), MEMA_BAD_ALIGNMENT);
  return end(0, 0);
}
