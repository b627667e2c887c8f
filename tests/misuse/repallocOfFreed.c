#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 100);
  CHECK(pfree(&pool, chunk));
  REFUSED(mema_repalloc(&pool, hidePointer(chunk), 200), MEMA_BAD_POINTER);
  REFUSED(mema_repalloc(&pool, hidePointer(chunk), 50), MEMA_BAD_POINTER);
  return end(0, 0);
}
