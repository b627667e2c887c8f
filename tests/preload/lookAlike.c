/* lookAlike - memory of the program that looks like a chunk of the C library's heap is none, though that heap is in use. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"

extern void *__libc_malloc(size_t size);

enum { FIELDS = 64, IN_USE = 1 };

static _Alignas(16) size_t global[FIELDS];

/* A chunk of 64 bytes in use, and another one behind it. */
static void *imitate(size_t *fields) {
  size_t *chunk = fields + 16 / sizeof *fields;
  chunk[-1] = chunk[64 / sizeof *fields - 1] = 64 | IN_USE;
  return chunk;
}

int main(void) {
  _Alignas(16) size_t local[FIELDS];
  size_t *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED && __libc_malloc(10) != NULL);
  void *volatile imitations[] = {imitate(global), imitate(local), imitate(mapped)};
  for (int i = 0; i < 3; i++) {
    CHECK(malloc_usable_size(imitations[i]) == 0);
    free(imitations[i]);
    CHECK(realloc(imitations[i], 10) == NULL);
  }
  return 0;
}
