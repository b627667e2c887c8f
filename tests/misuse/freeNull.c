#include "misuse.h"

int main(void) {
  begin();
  REFUSED(pfree(&pool, NULL), MEMA_BAD_POINTER);
  return end(0, 0);
}
