#include "misuse.h"

int main(void) {
  begin();
  Pool untracked;
  mema_Options options = {.poolSize = MIB, .untracked = true};
  CHECK(mema_initPoolWith(&untracked, &options));
  void *chunk = palloc(&untracked, 100);
  CHECK(pfree(&untracked, chunk));
  FAILS(pfree(&untracked, hidePointer(chunk)), MEMA_BAD_POINTER);
  CHECK(mema_freeSize(&untracked) == MIB && mema_checkPool(&untracked));
  CHECK(freePool(&untracked));
  return end(0, 0);
}
