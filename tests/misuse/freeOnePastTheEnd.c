#include "misuse.h"

int main(void) {
  begin();
  char *chunk = palloc(&pool, 96), *other = palloc(&pool, 96);
  if (chunk + 96 != other) REFUSED(pfree(&pool, chunk + 96), MEMA_BAD_POINTER);
  if (other + 96 != chunk) REFUSED(pfree(&pool, other + 96), MEMA_BAD_POINTER);
  CHECK(pfree(&pool, chunk) && pfree(&pool, other));
  return end(0, 0);
}
