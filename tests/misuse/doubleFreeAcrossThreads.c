#include "misuse.h"

#include <pthread.h>

static void *freeThere(void *chunk) {
  CHECK(pfree(&pool, chunk));
  return NULL;
}

int main(void) {
  begin();
  void *chunk = palloc(&pool, 100);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, freeThere, chunk) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  REFUSED(pfree(&pool, hidePointer(chunk)), MEMA_BAD_POINTER);
  return end(0, 0);
}
