#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, (void *)(uintptr_t)&main), MEMA_BAD_POINTER);
  return end(0, 0);
}
