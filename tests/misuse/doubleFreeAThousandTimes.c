#include "misuse.h"

int main(void) {
  begin();
  void *chunk = palloc(&pool, 100);
  CHECK(pfree(&pool, chunk));
  for (int i = 0; i < 1000; i++) CHECK(!pfree(&pool, hidePointer(chunk)));
  return end(0, 0);
}
