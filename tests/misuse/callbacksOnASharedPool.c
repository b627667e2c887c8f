#include "misuse.h"

static void low(Pool *which, void *arg) {
  (void)which, (void)arg;
}

static bool exhausted(Pool *which, size_t wanted, void *arg) {
  (void)which, (void)wanted, (void)arg;
  return false;
}

static void run(void *arg) {
  (void)arg;
}

int main(void) {
  begin();
  Pool shared;
  mema_Cleanup record = {0};
  mema_Options options = {.poolSize = 10000, .shared = true, .untracked = true};
  CHECK(mema_initPoolWith(&shared, &options));
  FAILS(mema_onLowWater(&shared, 10, low, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared pool cannot have a callback for low water");
  FAILS(mema_onExhausted(&shared, exhausted, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared pool cannot have a callback for no room");
  FAILS(mema_failAfter(&shared, 1, true), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared pool cannot fail on purpose");
  FAILS(mema_addCleanup(&shared, &record, run, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared pool cannot have clean-ups");
  FAILS(mema_markPool(&shared).serial != 0, MEMA_BAD_ARGUMENT);
  SAYS("bad argument: a shared pool cannot have marks");
  CHECK(freePool(&shared));
  return end(0, 0);
}
