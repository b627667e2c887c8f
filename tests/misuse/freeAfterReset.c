#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 5000), *large = palloc(&pool, 300000);
  CHECK(mema_resetPool(&pool));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(large)), MEMA_BAD_POINTER);
  neighbour = palloc(&pool, neighbourSize);
  fillBytes(neighbour, neighbourSize, 77);
  return end(0, 0);
}
