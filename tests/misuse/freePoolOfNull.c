#include "misuse.h"

int main(void) {
  begin();
  FAILS(freePool(NULL), MEMA_BAD_POOL);
  return end(0, 0);
}
