#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 400000);
  fillBytes(chunk, 400000, 1);
  REFUSED(pfree(&pool, chunk + 65536), MEMA_BAD_POINTER);
  CHECK(bytesFilled(chunk, 400000, 1));
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
