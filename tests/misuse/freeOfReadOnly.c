#include "misuse.h"

static const char text[] = "a constant";

int main(void) {
  begin();
  REFUSED(pfree(&pool, hidePointer(text)), MEMA_BAD_POINTER);
  return end(0, 0);
}
