#include "misuse.h"

int main(void) {
  begin();
  void *foreign = malloc(100);
  REFUSED(pfree(&pool, foreign), MEMA_BAD_POINTER);
  free(foreign);
  return end(0, 0);
}
