#include "misuse.h"

int main(void) {
  beginArena(false);
  char *chunk = palloc(&pool, 100), *last = palloc(&pool, 40);
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, last)); /* both are behind the bump now */
  REFUSED(pfree(&pool, hidePointer(last)), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return endArena(0, 0);
}
