#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  char *chunk = palloc(&pool, 500);
  for (size_t i = 1; i < 600; i++) REFUSED(pfree(&pool, hidePointer(chunk + i)), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, chunk));
  return end(0, 0);
}
