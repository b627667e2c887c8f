/* known - asks its heap for exactly this. The trace, operation by operation, stands in tests/cli/record.sh. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The compiler must not understand its purpose. */
static void *volatile sink;
static volatile size_t nothing = 0;
#define KEEP(expression) ((sink = (expression)))

int main(void) {
  void *a = KEEP(malloc(100));
  void *b = KEEP(calloc(3, 7));
  void *c = KEEP(malloc(nothing));
  a = KEEP(realloc(a, 200));
  free(b);
  free(NULL);
  void *d = KEEP(aligned_alloc(64, 128));
  void *e = KEEP(memalign(4096, 10));
  void *f = NULL;
  if (posix_memalign(&f, 256, 1000) != 0 || posix_memalign(&f, 24, 5) == 0) return 1;
  void *g = KEEP(valloc(1));
  void *h = KEEP(pvalloc(1));
  void *i = KEEP(realloc(NULL, 5));
  if (KEEP(malloc(SIZE_MAX / 2 + 1)) != NULL) return 2;
  if (KEEP(realloc(i, SIZE_MAX / 2 + 1)) != NULL || KEEP(calloc(SIZE_MAX / 2, 3)) != NULL) return 2;
  i = KEEP(reallocarray(i, 6, 7));
  if (KEEP(realloc(c, nothing)) != NULL || KEEP(reallocarray(i, SIZE_MAX / 2, 3)) != NULL) return 3;
  free(a);
  free(d);
  free(e);
  free(f);
  free(g);
  free(h);
  if (malloc_usable_size(i) < 42) return 4;
  _exit(7);
}
