/* Nothing of the pool's own is kept in free chunks. */
#include "misuse.h"
#include "places.h"

int main(void) {
  begin();
  unsigned char *chunk = palloc(&pool, 64), *other = palloc(&pool, 64);
  CHECK(pfree(&pool, chunk));
  memset(hidePointer(chunk), 0xff, 64); /* the page is still there: a free list in it would now be poison */
  CHECK(mema_checkPool(&pool));
  void *again[100];
  for (int i = 0; i < 100; i++) CHECK((again[i] = palloc(&pool, 64)) != NULL);
  CHECK(mema_checkPool(&pool));
  for (int i = 0; i < 100; i++) CHECK(pfree(&pool, again[i]));
  CHECK(pfree(&pool, other));
  return end(0, 0);
}
