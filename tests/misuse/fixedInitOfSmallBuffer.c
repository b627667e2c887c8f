#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool other = {0};
  static char small[300];
  mema_Options options = {.engine = MEMA_FIXED, .buffer = small + 1, .bufferSize = 255};
  FAILS(mema_initPoolWith(&other, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: bufferSize 255 is below 256");
  options.bufferSize = 256; /* not aligned, which is no matter */
  CHECK(mema_initPoolWith(&other, &options) && palloc(&other, 1) != NULL && freePool(&other));
  return end(0, 0);
}
