#include "misuse.h"

int main(void) {
  beginArena(true);
  char *last = palloc(&pool, 16);
  REFUSED(pfree(&pool, last + 16), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, (char *)pool.mem - 16), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, last + misuseBudget), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, last));
  return endArena(0, 0);
}
