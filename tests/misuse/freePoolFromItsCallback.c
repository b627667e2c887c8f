#include "misuse.h"

static Pool child;
static mema_Mark mark;
static unsigned ran;

static void tryAll(void) {
  REFUSED(freePool(&child), MEMA_BUSY);
  SAYS(
      "the pool is busy: a callback or clean-up of it, or below it, has not returned "
      "(if a jump left one, call where that led)");
  REFUSED(mema_resetPool(&child), MEMA_BUSY);
  REFUSED(freePool(&pool), MEMA_BUSY);
  REFUSED(mema_resetPool(&pool), MEMA_BUSY);
  REFUSED(mema_rewindPool(&pool, mark), MEMA_BUSY);
  ran++;
}

static void low(Pool *which, void *arg) {
  (void)which, (void)arg;
  tryAll();
}

static bool exhausted(Pool *which, size_t wanted, void *arg) {
  (void)which, (void)wanted, (void)arg;
  tryAll();
  return false;
}

int main(void) {
  begin();
  mema_Options options = {.poolSize = 2 * misuseBudget};
  mark = mema_markPool(&pool);
  CHECK(mema_initSubPool(&child, &pool, &options));
  CHECK(mema_onLowWater(&pool, misuseBudget / 2, low, NULL) && mema_onExhausted(&pool, exhausted, NULL));
  CHECK(palloc(&child, misuseBudget * 2 / 3) != NULL && ran == 1);
  FAILS(palloc(&child, hideSize(misuseBudget * 2 / 3)), MEMA_OVER_BUDGET);
  CHECK(ran == 2 && freePool(&child));
  return end(0, 0);
}
