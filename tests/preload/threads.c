/* threads - four threads allocate, resize, free, and free chunks of the others; no chunk is lost or handed out twice. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"

enum { THREADS = 4, TURNS = 200000, SLOTS = 64 };

/* The first bytes of a chunk are its size; the rest is filled with the low byte of it. */
static _Atomic(size_t *) slots[SLOTS];

static size_t *make(size_t size) {
  size_t *chunk = malloc(size);
  CHECK(chunk != NULL);
  *chunk = size;
  fill(chunk + 1, size - sizeof size, (unsigned char)size);
  return chunk;
}

static void check(const size_t *chunk) {
  CHECK(isFilled(chunk + 1, *chunk - sizeof *chunk, (unsigned char)*chunk));
}

static size_t *resize(size_t *chunk, size_t size) {
  size_t old = *chunk;
  chunk = realloc(chunk, size);
  CHECK(chunk != NULL && *chunk == old);
  *chunk = size;
  fill(chunk + 1, size - sizeof size, (unsigned char)size);
  return chunk;
}

static void *work(void *argument) {
  uint64_t random = (uintptr_t)argument;
  errno = 88;
  for (int i = 0; i < TURNS; i++) {
    size_t size = sizeof(size_t) + nextRandom(&random) % (i % 100 == 0 ? 50000 : 500);
    size_t *chunk = atomic_exchange(&slots[nextRandom(&random) % SLOTS], NULL);
    if (chunk != NULL) check(chunk);
    if (chunk != NULL && i % 3 == 0) {
      chunk = resize(chunk, size);
    } else {
      free(chunk);
      chunk = make(size);
    }
    free(atomic_exchange(&slots[nextRandom(&random) % SLOTS], chunk));
    /* Waiting for the others must not show. */
    CHECK(errno == 88);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i * 77 + 1)) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < SLOTS; i++) {
    if (slots[i] != NULL) check(slots[i]);
    free(slots[i]);
  }
  return 0;
}
