#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 100), *moved = mema_repalloc(&pool, chunk, 100000);
  CHECK(moved != NULL && !samePlace(chunk, moved));
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, moved));
  return end(0, 0);
}
