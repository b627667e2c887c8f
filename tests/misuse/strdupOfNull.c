#include "misuse.h"

int main(void) {
  begin();
  REFUSED(mema_pstrdup(&pool, NULL), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: the source is NULL");
  REFUSED(mema_pstrndup(&pool, NULL, 10), MEMA_BAD_ARGUMENT);
  REFUSED(mema_pmemdup(&pool, NULL, hideSize(10)), MEMA_BAD_ARGUMENT);
  SAYS("bad argument: the source is NULL");
  return end(0, 0);
}
