#include "misuse.h"

static void nothing(void *arg) {
  (void)arg;
}

int main(void) {
  begin();
  mema_Cleanup record, never;
  Pool other;
  CHECK(initPool(&other, 1000));
  memset(&record, 0, sizeof record);
  memset(&never, 0xa5, sizeof never);
  CHECK(mema_addCleanup(&other, &record, nothing, NULL, MEMA_AFTER_SUB_POOLS));
  REFUSED(mema_cancelCleanup(&pool, &record), MEMA_BAD_ARGUMENT);
  REFUSED(mema_cancelCleanup(&pool, &never), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: the clean-up is not in use by this pool");
  REFUSED(mema_cancelCleanup(&pool, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: cleanup is NULL");
  CHECK(mema_cancelCleanup(&other, &record));
  FAILS(mema_cancelCleanup(&other, &record), MEMA_BAD_ARGUMENT);
  CHECK(freePool(&other));
  return end(0, 0);
}
