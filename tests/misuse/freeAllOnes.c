#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, hidePointer((void *)UINTPTR_MAX)), MEMA_BAD_POINTER);
  return end(0, 0);
}
