#include "misuse.h"

int main(void) {
  begin();
  const char *format = hidePointer(NULL);
  REFUSED(mema_psprintf(&pool, format, 1), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: format is NULL");
  return end(0, 0);
}
