#include "misuse.h"

int main(void) {
  begin();
  mema_Mark outer = mema_markPool(&pool);
  CHECK(palloc(&pool, 100) != NULL);
  mema_Mark inner = mema_markPool(&pool);
  CHECK(palloc(&pool, 100) != NULL);
  CHECK(mema_rewindPool(&pool, outer));
  CHECK(palloc(&pool, 100) != NULL);
  REFUSED(mema_rewindPool(&pool, inner), MEMA_STALE_MARK);
  SAYS("no mark of this pool, or one that is over: the pool has gone back to an older mark since");
  REFUSED(mema_keepChunk(&pool, inner, pool.tail->ptr), MEMA_STALE_MARK);
  return end(100, 1);
}
