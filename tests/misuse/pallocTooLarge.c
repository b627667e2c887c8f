#include "misuse.h"

int main(void) {
  begin();
  REFUSED(palloc(&pool, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  REFUSED(palloc(&pool, hideSize(SIZE_MAX - 40)), MEMA_TOO_LARGE);
  return end(0, 0);
}
