#include "misuse.h"

static _Alignas(16) char buffer[4000];
static char more[1000];

static void *refuse(void *user, size_t size, size_t alignment) {
  (void)user;
  (void)size;
  (void)alignment;
  return NULL;
}

int main(void) {
  beginFixed(buffer, sizeof buffer);
  Pool other = {0};
  mema_Memory memory = {.reserve = refuse};
  mema_Options hooked = {.engine = MEMA_FIXED, .buffer = more, .bufferSize = sizeof more, .memory = &memory};
  mema_Options locked = {.engine = MEMA_FIXED, .buffer = more, .bufferSize = sizeof more, .locked = true};
  mema_Options huge = {.engine = MEMA_FIXED, .buffer = more, .bufferSize = sizeof more, .hugePages = true};
  FAILS(mema_initPoolWith(&other, &hooked), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_FIXED with memory");
  FAILS(mema_initPoolWith(&other, &locked), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_FIXED with locked");
  FAILS(mema_initPoolWith(&other, &huge), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_FIXED with hugePages");
  return end(0, 0);
}
