#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  mema_Options options = {.poolSize = 1000, .untracked = true};
  CHECK(mema_initPoolWith(&other, &options));
  FAILS(mema_markPool(&other).serial != 0, MEMA_BAD_ARGUMENT);
  FAILS(mema_rewindPool(&other, mema_markPool(&pool)), MEMA_STALE_MARK);
  CHECK(freePool(&other));
  return end(0, 0);
}
