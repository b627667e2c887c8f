#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_repalloc(&pool, neighbour + 16, 200), MEMA_BAD_POINTER);
  REFUSED(mema_repalloc(&pool, neighbour + 1, 10), MEMA_BAD_POINTER);
  return end(0, 0);
}
