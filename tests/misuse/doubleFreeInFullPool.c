#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, pool.freeSize / 2), *rest = palloc(&pool, pool.freeSize);
  CHECK(pool.freeSize == 0);
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, rest));
  return end(0, 0);
}
