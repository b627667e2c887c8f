#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 100);
  fillBytes(chunk, 100, 1);
  REFUSED(pfree(&pool, chunk + 8), MEMA_BAD_POINTER);
  CHECK(bytesFilled(chunk, 100, 1));
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
