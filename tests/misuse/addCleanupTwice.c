#include "misuse.h"

static void nothing(void *arg) {
  (void)arg;
}

int main(void) {
  begin();
  mema_Cleanup record;
  Pool other;
  CHECK(initPool(&other, 1000));
  memset(&record, 0, sizeof record);
  CHECK(mema_addCleanup(&pool, &record, nothing, NULL, MEMA_AFTER_SUB_POOLS));
  REFUSED(mema_addCleanup(&pool, &record, nothing, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: the clean-up is in use already");
  REFUSED(mema_addCleanup(&pool, &record, nothing, NULL, MEMA_BEFORE_SUB_POOLS), MEMA_BAD_ARGUMENT);
  FAILS(mema_addCleanup(&other, &record, nothing, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  CHECK(freePool(&other));
  return end(0, 0);
}
