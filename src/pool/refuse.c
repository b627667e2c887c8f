/* refuse.c - counts and notes a refused request. */
#include "pool.h"

/* Reports less than `wanted` as available, even if a callback has freed enough and then refused. */
void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  size_t available = pool->freeSize < wanted ? pool->freeSize : wanted - 1;
  pool->refused++;
  mema_failBytes(reason, wanted, reason == MEMA_OVER_BUDGET ? available : MEMA_UNLIMITED);
}
