#include "misuse.h"

int main(void) {
  begin();
  void *a = palloc(&pool, 64), *b = palloc(&pool, 64), *c = palloc(&pool, 64);
  CHECK(pfree(&pool, b));
  REFUSED(pfree(&pool, hidePointer(b)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, a) && pfree(&pool, c));
  REFUSED(pfree(&pool, hidePointer(b)), MEMA_BAD_POINTER);
  return end(0, 0);
}
