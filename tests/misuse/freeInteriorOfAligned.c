#include "misuse.h"

int main(void) {
  begin();
  char *chunk = mema_pmemalign(&pool, 1024, 5000);
  REFUSED(pfree(&pool, chunk + 1024), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, chunk + 16), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer(chunk - 1024)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
