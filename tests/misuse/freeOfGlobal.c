#include "misuse.h"

static char global[4096];

int main(void) {
  begin();
  REFUSED(pfree(&pool, global), MEMA_BAD_POINTER);
  CHECK(bytesZero(global, sizeof global));
  return end(0, 0);
}
