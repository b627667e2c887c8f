#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pmemalign(&pool, hideSize(0), 100), MEMA_BAD_ALIGNMENT);
  return end(0, 0);
}
