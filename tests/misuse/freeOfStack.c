#include "misuse.h"

int main(void) {
  begin();
  int local = 5;
  REFUSED(pfree(&pool, &local), MEMA_BAD_POINTER);
  CHECK(local == 5);
  return end(0, 0);
}
