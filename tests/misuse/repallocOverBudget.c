#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_repalloc(&pool, neighbour, misuseBudget + 1), MEMA_OVER_BUDGET);
  return end(0, 0);
}
