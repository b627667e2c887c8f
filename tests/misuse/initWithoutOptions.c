#include "misuse.h"

int main(void) {
  begin();
  Pool other = {0};
  FAILS(mema_initPoolWith(&other, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: options is NULL");
  return end(0, 0);
}
