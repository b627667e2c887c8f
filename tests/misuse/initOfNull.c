#include "misuse.h"

int main(void) {
  begin();
  FAILS(initPool(NULL, 1000), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: pool is NULL");
  return end(0, 0);
}
