#include "misuse.h"

int main(void) {
  beginArena(true);
  char *chunk = palloc(&pool, 5000);
  fillBytes(chunk, 5000, 1);
  for (size_t i = 1; i < 5000; i++) REFUSED(pfree(&pool, chunk + i), MEMA_BAD_POINTER);
  CHECK(bytesFilled(chunk, 5000, 1));
  CHECK(pfree(&pool, chunk));
  return endArena(0, 0);
}
