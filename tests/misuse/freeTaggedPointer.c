#include "misuse.h"

int main(void) {
  begin();
  for (int tag = 1; tag < 256; tag++) {
    void *tagged = hidePointer((void *)(addressOf(neighbour) ^ (uintptr_t)tag << (wordBits - 8)));
    REFUSED(pfree(&pool, tagged), MEMA_BAD_POINTER);
  }
  return end(0, 0);
}
