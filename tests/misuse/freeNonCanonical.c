#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, hidePointer((void *)(addressOf(neighbour) ^ (uintptr_t)1 << (wordBits == 64 ? 47 : 31)))),
          MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer((void *)((uintptr_t)1 << (wordBits - 1)))), MEMA_BAD_POINTER);
  return end(0, 0);
}
