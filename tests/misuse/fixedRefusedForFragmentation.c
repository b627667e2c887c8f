#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  CHECK(mema_resizePool(&pool, 1 << 20));
  REFUSED(palloc(&pool, hideSize(5000)), MEMA_FRAGMENTED);
  CHECK(mema_lastError()->wanted == 5000);
  return end(0, 0);
}
