#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, misuseBudget));
  void *theirs = palloc(&other, 500000);
  REFUSED(pfree(&pool, theirs), MEMA_BAD_POINTER);
  CHECK(pfree(&other, theirs));
  CHECK(freePool(&other));
  return end(0, 0);
}
