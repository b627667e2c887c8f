#include "misuse.h"

int main(void) {
  begin();
  REFUSED(palloc(&pool, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  SAYS("larger than any object can be: 18446744073709551615 is above 9223372036854775807");
  REFUSED(palloc(&pool, hideSize(SIZE_MAX - 40)), MEMA_TOO_LARGE);
  return end(0, 0);
}
