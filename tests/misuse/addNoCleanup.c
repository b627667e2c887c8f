#include "misuse.h"

static void nothing(void *arg) {
  (void)arg;
}

int main(void) {
  begin();
  mema_Cleanup record;
  memset(&record, 0xa5, sizeof record);
  REFUSED(mema_addCleanup(&pool, NULL, nothing, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: cleanup is NULL");
  REFUSED(mema_addCleanup(&pool, &record, NULL, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: run is NULL");
  REFUSED(mema_addCleanup(&pool, &record, nothing, NULL, (mema_CleanupTime)-1), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: when is 4294967295, which is no mema_CleanupTime");
  return end(0, 0);
}
