#include "misuse.h"

int main(void) {
  begin();
  Pool child = {0};
  mema_Options options = {.poolSize = 1000, .guaranteed = 1001};
  REFUSED(mema_initSubPool(&child, &pool, &options), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: guaranteed 1001 is above poolSize 1000");
  options = (mema_Options){.poolSize = MEMA_UNLIMITED, .guaranteed = misuseBudget};
  REFUSED(mema_initSubPool(&child, &pool, &options), MEMA_OVER_BUDGET);
  options.guaranteed = SIZE_MAX;
  REFUSED(mema_initSubPool(&child, &pool, &options), MEMA_BAD_ARGUMENT);
  for (size_t i = 0; i < sizeof child.reserved / sizeof child.reserved[0]; i++) CHECK(child.reserved[i] == 0);
  return end(0, 0);
}
