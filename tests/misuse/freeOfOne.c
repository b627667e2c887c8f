#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, hidePointer((void *)1)), MEMA_BAD_POINTER);
  return end(0, 0);
}
