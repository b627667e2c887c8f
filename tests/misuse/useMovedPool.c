#include "misuse.h"

int main(void) {
  begin();
  Pool moved;
  memcpy(&moved, &pool, sizeof pool);
  memset(&pool, 0, sizeof pool);
  FAILS(palloc(&moved, 10), MEMA_BAD_POOL);
  SAYS("not a live pool (never made, freed, copied or moved)");
  FAILS(palloc(&pool, 10), MEMA_BAD_POOL);
  memcpy(&pool, &moved, sizeof pool); /* home again */
  return end(0, 0);
}
