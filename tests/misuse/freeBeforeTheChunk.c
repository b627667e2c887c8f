#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 100);
  REFUSED(pfree(&pool, hidePointer(chunk - 1)), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(chunk - 16)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
