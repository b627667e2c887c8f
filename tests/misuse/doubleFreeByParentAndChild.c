#include "misuse.h"
#include "places.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  void *chunk = palloc(&child, 100);
  CHECK(pfree(&child, chunk));
  REFUSED(pfree(&pool, chunk), MEMA_BAD_POINTER);
  void *again = palloc(&pool, 100);
  CHECK(samePlace(again, chunk));
  FAILS(pfree(&child, chunk), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, again));
  CHECK(freePool(&child));
  return end(0, 0);
}
