#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_resizePool(&pool, 0), MEMA_BAD_ARGUMENT);
  return end(0, 0);
}
