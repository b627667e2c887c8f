#include "misuse.h"

int main(void) {
  begin();
  Pool zeroed;
  memset(&zeroed, 0, sizeof zeroed);
  FAILS(palloc(&zeroed, 10), MEMA_BAD_POOL);
  FAILS(freePool(&zeroed), MEMA_BAD_POOL);
  return end(0, 0);
}
