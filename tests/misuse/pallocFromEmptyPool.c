#include "misuse.h"

int main(void) {
  begin();
  size_t rest = pool.freeSize;
  CHECK(palloc(&pool, rest) != NULL);
  REFUSED(palloc(&pool, 1), MEMA_OVER_BUDGET);
  REFUSED(palloc(&pool, hideSize(0)), MEMA_OVER_BUDGET);
  CHECK(pfree(&pool, pool.tail->ptr));
  return end(0, 0);
}
