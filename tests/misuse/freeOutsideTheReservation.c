#include "misuse.h"

int main(void) {
  begin();
  Pool starved;
  mema_Options options = {.poolSize = 8 * MIB, .reservation = 65536};
  CHECK(mema_initPoolWith(&starved, &options));
  char *chunk = palloc(&starved, MIB);
  CHECK(chunk != NULL);
  FAILS(pfree(&starved, chunk + 4096), MEMA_BAD_POINTER);
  FAILS(pfree(&starved, chunk + MIB), MEMA_BAD_POINTER);
  REFUSED(pfree(&pool, chunk), MEMA_BAD_POINTER);
  CHECK(pfree(&starved, chunk));
  FAILS(pfree(&starved, hidePointer(chunk)), MEMA_BAD_POINTER);
  CHECK(freePool(&starved));
  return end(0, 0);
}
