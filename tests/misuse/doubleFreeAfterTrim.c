#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 300000);
  CHECK(pfree(&pool, chunk));
  mema_trimPool(&pool);
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
