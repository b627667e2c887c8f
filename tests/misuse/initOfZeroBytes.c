#include "misuse.h"

int main(void) {
  begin();
  Pool other = {0};
  FAILS(initPool(&other, 0), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: poolSize is 0");
  FAILS(palloc(&other, 1), MEMA_BAD_POOL);
  return end(0, 0);
}
