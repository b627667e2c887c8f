#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool other = {0};
  mema_Options options = {.engine = MEMA_FIXED, .bufferSize = 1000};
  FAILS(mema_initPoolWith(&other, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: buffer is NULL");
  return end(0, 0);
}
