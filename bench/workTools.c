/* workTools.c - see workTools.h. */
#define _GNU_SOURCE
#include "workTools.h"

#include <stdlib.h>
#include <sys/mman.h>

_Thread_local uint64_t seed = 1;

void *newArray(size_t bytes) {
  void *array = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (array == MAP_FAILED) abort();
  return array;
}

void fill(const Peer *p, void **chunks, size_t n, size_t least, size_t most) {
  for (size_t i = 0; i < n; i++) chunks[i] = allocTouched(p, randomSize(least, most));
}

size_t *newOrder(size_t n) {
  size_t *order = newArray(n * sizeof *order);
  for (size_t i = 0; i < n; i++) order[i] = i;
  return order;
}

void shuffle(size_t *order, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t k = randomBelow(i);
    size_t other = order[k];
    order[k] = order[i - 1];
    order[i - 1] = other;
  }
}
