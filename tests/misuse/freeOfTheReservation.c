#include "misuse.h"

int main(void) {
  begin();
  if (pool.mem != neighbour) REFUSED(pfree(&pool, pool.mem), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer((char *)pool.mem - 16)), MEMA_BAD_POINTER);
  return end(0, 0);
}
