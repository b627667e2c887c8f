#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool other;
  CHECK(initPool(&other, 10000));
  char *chunk = palloc(&other, 100), *onHeap = malloc(100);
  REFUSED(pfree(&pool, chunk), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, onHeap), MEMA_BAD_POINTER);
  FAILS(pfree(&other, neighbour), MEMA_BAD_POINTER);
  free(onHeap);
  CHECK(freePool(&other));
  return end(0, 0);
}
