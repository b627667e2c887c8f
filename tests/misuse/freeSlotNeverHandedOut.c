#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 64);
  for (int i = 1; i < 40; i++) {
    if (!mema_ownsChunk(&pool, chunk + 64 * i)) CHECK(!pfree(&pool, chunk + 64 * i));
  }
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
