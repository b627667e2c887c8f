#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, pool.head), MEMA_BAD_POINTER);
  return end(0, 0);
}
