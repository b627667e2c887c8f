/* libcThreads - threads make chunks in the C library's own heap and give them to free, to each other and crosswise, while its heap grows,
 * shrinks, splits and joins. No live chunk is taken for a bad pointer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../preload/check.h"

extern void *__libc_malloc(size_t size);

enum { THREADS = 4, STEPS = 3000, PLACES = 64 };

static _Atomic(void *) places[PLACES];

static void *work(void *seed) {
  uint64_t random = (uintptr_t)seed;
  for (int i = 0; i < STEPS; i++) {
    size_t size = (size_t)(nextRandom(&random) % (i % 50 == 0 ? 300000 : 3000)) + 1;
    void *made = i % 3 == 0 ? malloc(size) : __libc_malloc(size);
    CHECK(made != NULL);
    memset(made, 0xa5, size);
    free(atomic_exchange(&places[nextRandom(&random) % PLACES], made));
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < PLACES; i++) free(places[i]);
  return 0;
}
