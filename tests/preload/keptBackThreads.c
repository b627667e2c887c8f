/* keptBackThreads - the reserve opened and closed again and again while threads are about to ask the pool for the same bytes: in the end all is
 * given back. The caller sets MEMA_POOL_SIZE=512K and MEMA_RESERVE=8K, and looks at the figures. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"

enum { THREADS = 4, TURNS = 400000, SLOTS = 500 };

static void *chunks[THREADS][SLOTS];
static atomic_uint refusals;
static pthread_barrier_t barrier;

static void *work(void *own) {
  void **slots = own;
  uint64_t random = (uint64_t)(slots - chunks[0]) + 1;
  pthread_barrier_wait(&barrier);
  /* All threads together ask for more than the budget, whatever their order. */
  for (int slot = 0; slot < SLOTS; slot++) {
    slots[slot] = malloc(1000);
    if (slots[slot] == NULL) atomic_fetch_add(&refusals, 1);
  }
  pthread_barrier_wait(&barrier);
  errno = 88;
  for (int i = 0; i < TURNS; i++) {
    for (unsigned slot = 0; i % 200 == 0 && slot < SLOTS; slot += 1 + nextRandom(&random) % 8) {
      free(slots[slot]);
      slots[slot] = NULL;
    }
    unsigned slot = nextRandom(&random) % SLOTS;
    free(slots[slot]);
    slots[slot] = malloc(1 + nextRandom(&random) % 1000);
    CHECK(errno == (slots[slot] != NULL ? 88 : ENOMEM));
    if (slots[slot] == NULL) atomic_fetch_add(&refusals, 1);
    errno = 88;
  }
  for (int slot = 0; slot < SLOTS; slot++) free(slots[slot]);
  return NULL;
}

/* All threads are there before one of them ends, so that the C library keeps the same memory for them each time. */
int main(void) {
  pthread_t threads[THREADS];
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, chunks[i]) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(atomic_load(&refusals) > 0);
  return 0;
}
