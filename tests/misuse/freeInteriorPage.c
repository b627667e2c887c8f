#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 50000);
  fillBytes(chunk, 50000, 1);
  REFUSED(pfree(&pool, chunk + 4096), MEMA_BAD_POINTER);
  CHECK(bytesFilled(chunk, 50000, 1));
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
