#include "misuse.h"

int main(void) {
  begin();
  void *chunks[50];
  for (size_t i = 0; i < 50; i++) CHECK((chunks[i] = palloc(&pool, 64)) != NULL);
  for (size_t i = 0; i < 50; i++) CHECK(pfree(&pool, chunks[i]));
  for (size_t i = 0; i < 50; i++) REFUSED(pfree(&pool, hidePointer(chunks[i])), MEMA_BAD_POINTER);
  return end(0, 0);
}
