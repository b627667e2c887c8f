#include "misuse.h"

int main(void) {
  begin();
  char local[64] = "untouched";
  REFUSED(mema_repalloc(&pool, local, 200), MEMA_BAD_POINTER);
  CHECK(strcmp(local, "untouched") == 0);
  return end(0, 0);
}
