#include "misuse.h"

int main(void) {
  begin();
  Pool other;
  CHECK(initPool(&other, misuseBudget));
  void *theirs = palloc(&other, 100);
  CHECK(freePool(&other));
  REFUSED(pfree(&pool, hidePointer(theirs)), MEMA_BAD_POINTER);
  return end(0, 0);
}
