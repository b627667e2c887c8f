#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, hideSize(0));
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
