#include "misuse.h"

int main(void) {
  begin();
  Pool child;
  mema_Options options = {.poolSize = 10000};
  memset(&child, 0, sizeof child);
  CHECK(mema_initSubPool(&child, &pool, &options));
  mema_Mark theirs = mema_markPool(&child);
  REFUSED(mema_rewindPool(&pool, theirs), MEMA_STALE_MARK);
  SAYS("not a valid mark of this pool: it was made by another pool, or before this one was made or reset");
  mema_Mark ours = mema_markPool(&pool);
  REFUSED(mema_rewindPool(&pool, theirs), MEMA_STALE_MARK);
  FAILS(mema_rewindPool(&child, ours), MEMA_STALE_MARK);
  REFUSED(mema_keepChunk(&pool, theirs, neighbour), MEMA_STALE_MARK);
  CHECK(freePool(&child));
  return end(0, 0);
}
