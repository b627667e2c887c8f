#include "misuse.h"

int main(void) {
  begin();
  void *chunk = mema_pmemalign(&pool, 4096, 100);
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
