#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 500000);
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
