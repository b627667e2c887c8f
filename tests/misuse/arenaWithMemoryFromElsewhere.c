#include "misuse.h"

static void *refuse(void *user, size_t size, size_t alignment) {
  (void)user;
  (void)size;
  (void)alignment;
  return NULL;
}

int main(void) {
  beginArena(false);
  Pool other = {0};
  mema_Memory memory = {.reserve = refuse};
  mema_Options options = {.poolSize = 1000, .engine = MEMA_ARENA, .memory = &memory};
  FAILS(mema_initPoolWith(&other, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: MEMA_ARENA with memory");
  return end(0, 0);
}
