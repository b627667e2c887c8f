/* The public bool and pointers are right, the seal is not. */
#include "misuse.h"

int main(void) {
  begin();
  Pool forged;
  memset(&forged, 0, sizeof forged);
  forged.poolSize = forged.freeSize = 1000;
  forged.initialized = true;
  forged.mem = pool.mem;
  forged.head = pool.head;
  forged.tail = pool.tail;
  FAILS(palloc(&forged, 10), MEMA_BAD_POOL);
  FAILS(pfree(&forged, neighbour), MEMA_BAD_POOL);
  FAILS(freePool(&forged), MEMA_BAD_POOL);
  return end(0, 0);
}
