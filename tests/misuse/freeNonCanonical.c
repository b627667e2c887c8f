#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, hidePointer((void *)(addressOf(neighbour) | (uintptr_t)1 << 47))), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, hidePointer((void *)(uintptr_t)0x8000000000000000u)), MEMA_BAD_POINTER);
  return end(0, 0);
}
