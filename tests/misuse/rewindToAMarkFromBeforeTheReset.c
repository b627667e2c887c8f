#include "misuse.h"

int main(void) {
  begin();
  mema_Mark mark = mema_markPool(&pool);
  CHECK(mema_resetPool(&pool));
  neighbour = palloc(&pool, neighbourSize);
  fillBytes(neighbour, neighbourSize, 77);
  REFUSED(mema_rewindPool(&pool, mark), MEMA_STALE_MARK);
  SAYS("not a valid mark of this pool: it was made by another pool, or before this one was made or reset");
  CHECK(mema_markPool(&pool).serial != 0);
  REFUSED(mema_rewindPool(&pool, mark), MEMA_STALE_MARK);
  return end(0, 0);
}
