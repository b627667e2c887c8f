#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  char *chunk = palloc(&pool, 100), *other = palloc(&pool, 100);
  CHECK(pfree(&pool, chunk));
  REFUSED(pfree(&pool, chunk), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, other));
  REFUSED(pfree(&pool, chunk), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, other), MEMA_BAD_POINTER);
  return end(0, 0);
}
