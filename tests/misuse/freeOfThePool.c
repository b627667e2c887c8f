#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, &pool), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, &pool.tail), MEMA_BAD_POINTER);
  return end(0, 0);
}
