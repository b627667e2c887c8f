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
  SAYS("not a valid mark of this pool: the pool has gone back to an older mark since");
  REFUSED(mema_keepChunk(&pool, inner, pool.tail->ptr), MEMA_STALE_MARK);
  return end(100, 1);
}
