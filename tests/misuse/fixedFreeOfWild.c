#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  uint64_t seed = 9;
  for (int i = 0; i < 2000; i++) {
    REFUSED(pfree(&pool, (void *)(uintptr_t)nextRandom(&seed)), MEMA_BAD_POINTER);
    REFUSED(pfree(&pool, hidePointer((void *)(addressOf(neighbour) ^ (uintptr_t)1 << i % wordBits))), MEMA_BAD_POINTER);
  }
  REFUSED(pfree(&pool, NULL), MEMA_BAD_POINTER);
  return end(0, 0);
}
