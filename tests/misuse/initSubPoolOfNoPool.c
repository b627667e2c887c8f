#include "misuse.h"

int main(void) {
  begin();
  Pool child = {0}, garbage, zeroed = {0}, copy = pool;
  mema_Options options = {.poolSize = 1000};
  memset(&garbage, 0xa5, sizeof garbage);
  FAILS(mema_initSubPool(&child, NULL, &options), MEMA_BAD_POOL);
  SAYS("not a live pool (never made, freed, copied or moved)");
  FAILS(mema_initSubPool(&child, &garbage, &options), MEMA_BAD_POOL);
  FAILS(mema_initSubPool(&child, &zeroed, &options), MEMA_BAD_POOL);
  FAILS(mema_initSubPool(&child, &copy, &options), MEMA_BAD_POOL);
  FAILS(mema_initSubPool(&child, &child, &options), MEMA_BAD_POOL);
  REFUSED(mema_initSubPool(&pool, &pool, &options), MEMA_LIVE_POOL);
  SAYS("the pool is initialised already");
  REFUSED(mema_initSubPool(NULL, &pool, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: pool is NULL");
  REFUSED(mema_initSubPool(&child, &pool, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: options is NULL");
  return end(0, 0);
}
