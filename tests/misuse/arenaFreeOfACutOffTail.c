#include "misuse.h"

int main(void) {
  beginArena(true);
  char *chunk = palloc(&pool, 4000), *behind = palloc(&pool, 16);
  CHECK(hidePointer(mema_repalloc(&pool, chunk, 100)) == hidePointer(chunk));
  for (size_t i = 16; i < 4000; i += 16) REFUSED(pfree(&pool, hidePointer(chunk + i)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, behind));
  return endArena(112, 1);
}
