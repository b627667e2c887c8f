#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 5000);
  CHECK(freePool(&pool));
  begin();
  if (!mema_ownsChunk(&pool, chunk)) REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
