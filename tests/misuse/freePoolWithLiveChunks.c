#include "misuse.h"

int main(void) {
  begin();
  for (int i = 1; i < 500; i++) CHECK(palloc(&pool, (size_t)i * 4) != NULL);
  CHECK(freePool(&pool));
  begin();
  return end(0, 0);
}
