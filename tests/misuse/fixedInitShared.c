#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool other = {0};
  static char more[1000];
  mema_Options options = {.engine = MEMA_FIXED, .buffer = more, .bufferSize = sizeof more, .shared = true};
  FAILS(mema_initPoolWith(&other, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_FIXED with shared");
  return end(0, 0);
}
