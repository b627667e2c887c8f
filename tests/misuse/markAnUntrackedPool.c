#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  mema_Options options = {.poolSize = 1000, .untracked = true};
  CHECK(mema_initPoolWith(&other, &options));
  FAILS(mema_markPool(&other).serial != 0, MEMA_BAD_ARGUMENT);
  SAYS("bad argument: an untracked pool can have marks only if it is an arena");
  FAILS(mema_rewindPool(&other, mema_markPool(&pool)), MEMA_STALE_MARK);
  CHECK(freePool(&other));
  return end(0, 0);
}
