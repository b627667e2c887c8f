#include "misuse.h"

int main(void) {
  begin();
  REFUSED(initPool(&pool, 500), MEMA_LIVE_POOL);
  REFUSED(initPool(&pool, misuseBudget), MEMA_LIVE_POOL);
  return end(0, 0);
}
