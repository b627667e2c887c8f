#include "misuse.h"

int main(void) {
  beginArena(true);
  char *first = palloc(&pool, 1), *aligned = mema_pmemalign(&pool, 4096, 100);
  for (char *at = first + 16; at < aligned; at += 16) REFUSED(pfree(&pool, at), MEMA_BAD_POINTER);
  return endArena(16 + 112, 2);
}
