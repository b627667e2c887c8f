/* A sub-pool's Pool must stay what it was; where its memory is used for something else, what is below it stands alone, grows no further, and
 * leaves that memory alone. */
#include "misuse.h"

static Pool middle, leaf;
static mema_Cleanup cleanup;
static unsigned ran;

static void count(void *arg) {
  (void)arg;
  ran++;
}

/* Everything that would go to the pool above. */
static void useLeaf(void) {
  Pool another = {0};
  mema_Options options = {.poolSize = 100, .guaranteed = 100};
  void *own = palloc(&leaf, 300); /* guaranteed */
  CHECK(own != NULL);
  FAILS(palloc(&leaf, 1000), MEMA_OVER_BUDGET);
  FAILS(mema_repalloc(&leaf, own, 2000), MEMA_OVER_BUDGET);
  FAILS(mema_chargePool(&leaf, 1000), MEMA_OVER_BUDGET);
  FAILS(mema_moveChunk(&pool, &leaf, own), MEMA_OVER_BUDGET);
  FAILS(mema_moveChunk(&leaf, &pool, neighbour), MEMA_OVER_BUDGET);
  CHECK(mema_largestChunk(&leaf) == 700);
  CHECK(mema_initSubPool(&another, &leaf, &options) && palloc(&another, 100) != NULL && freePool(&another));
  CHECK(mema_checkPool(&leaf) && pfree(&leaf, own));
}

static void lose(unsigned how, void *chunk) {
  Pool bytes;
  memset(&middle, how == 0 ? 0 : 0xa5, sizeof middle);
  if (how == 2) CHECK(initPool(&middle, 100000) && palloc(&middle, 50000) != NULL);
  memcpy(&bytes, &middle, sizeof bytes);
  CHECK(pfree(&leaf, chunk)); /* beyond what is guaranteed: it was charged above */
  useLeaf();
  CHECK(mema_addCleanup(&leaf, &cleanup, count, NULL, MEMA_AFTER_SUB_POOLS) && mema_resetPool(&leaf) && ran == 1);
  CHECK(mema_addCleanup(&leaf, &cleanup, count, NULL, MEMA_AFTER_SUB_POOLS) && palloc(&leaf, 500) != NULL);
  CHECK(mema_resetPool(&pool) && ran == 2);
  FAILS(palloc(&leaf, 1), MEMA_BAD_POOL);
  CHECK(memcmp(&bytes, &middle, sizeof bytes) == 0);
  if (how == 2) CHECK(mema_checkPool(&middle) && freePool(&middle));
}

int main(void) {
  mema_Options options = {.poolSize = 10000, .guaranteed = 1000};
  for (unsigned how = 0; how < 3; how++) {
    ran = 0;
    begin();
    memset(&middle, 0, sizeof middle);
    memset(&leaf, 0, sizeof leaf);
    CHECK(mema_initSubPool(&middle, &pool, &options) && mema_initSubPool(&leaf, &middle, &options));
    void *chunk = palloc(&leaf, 3000);
    CHECK(chunk != NULL);
    lose(how, chunk);
    CHECK(pool.freeSize == misuseBudget);
    placeNeighbour();
    if (end(0, 0) != 0) return 1;
  }
  return 0;
}
