#include "misuse.h"

int main(void) {
  begin();
  REFUSED(palloc(&pool, pool.freeSize + 1), MEMA_OVER_BUDGET);
  return end(0, 0);
}
