#include "misuse.h"

static unsigned ran;
static mema_Cleanup another;
static Pool child, more;

static void misuse(void *arg) {
  Pool *ending = arg;
  mema_Options options = {.poolSize = 1};
  REFUSED(freePool(ending), MEMA_BUSY);
  SAYS(
      "the pool is busy: a callback or clean-up of it, or below it, has not returned "
      "(if a jump left one, call where that led)");
  REFUSED(mema_resetPool(ending), MEMA_BUSY);
  REFUSED(freePool(&pool), MEMA_BUSY);
  REFUSED(mema_resetPool(&pool), MEMA_BUSY);
  REFUSED(mema_addCleanup(ending, &another, misuse, ending, MEMA_AFTER_SUB_POOLS), MEMA_BUSY);
  SAYS("the pool is busy: it is about to end");
  REFUSED(mema_initSubPool(&more, ending, &options), MEMA_BUSY);
  SAYS("the pool is busy: it is about to end");
  ran++;
}

int main(void) {
  begin();
  mema_Cleanup ofChild = {0}, ofPool = {0};
  mema_Options options = {.poolSize = 1000};
  CHECK(mema_initSubPool(&child, &pool, &options));
  CHECK(mema_addCleanup(&child, &ofChild, misuse, &child, MEMA_AFTER_SUB_POOLS));
  CHECK(freePool(&child) && ran == 1);
  CHECK(mema_addCleanup(&pool, &ofPool, misuse, &pool, MEMA_BEFORE_SUB_POOLS));
  CHECK(mema_resetPool(&pool) && ran == 2);
  neighbour = palloc(&pool, neighbourSize);
  fillBytes(neighbour, neighbourSize, 77);
  return end(0, 0);
}
