#include "misuse.h"

int main(void) {
  begin();
  mema_Mark zero = {0, 0, 0, 0}, garbage, forged;
  memset(&garbage, 0xa5, sizeof garbage);
  REFUSED(mema_rewindPool(&pool, zero), MEMA_STALE_MARK);
  SAYS("not a valid mark of this pool: the mark is zero");
  REFUSED(mema_rewindPool(&pool, garbage), MEMA_STALE_MARK);
  forged = mema_markPool(&pool);
  REFUSED(mema_rewindPool(&pool, zero), MEMA_STALE_MARK);
  REFUSED(mema_rewindPool(&pool, garbage), MEMA_STALE_MARK);
  REFUSED(mema_keepChunk(&pool, zero, neighbour), MEMA_STALE_MARK);
  forged.serial = 0;
  REFUSED(mema_rewindPool(&pool, forged), MEMA_STALE_MARK);
  forged.serial = 2;
  REFUSED(mema_rewindPool(&pool, forged), MEMA_STALE_MARK);
  forged.serial = 1;
  forged.age = 0;
  REFUSED(mema_rewindPool(&pool, forged), MEMA_STALE_MARK);
  REFUSED(mema_keepChunk(&pool, forged, neighbour), MEMA_STALE_MARK);
  forged.age = UINTPTR_MAX;
  REFUSED(mema_rewindPool(&pool, forged), MEMA_STALE_MARK);
  forged.age = 1;
  forged.position = 1;
  REFUSED(mema_rewindPool(&pool, forged), MEMA_STALE_MARK);
  return end(0, 0);
}
