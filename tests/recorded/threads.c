/* threads COUNT PAIRS - threads that allocate, and release objects of the others. Every thread makes PAIRS objects and
 * puts each in the place of one that it then releases, which is usually another's; so at each moment an address may be handed
 * out again that another thread has just given back. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PLACES = 64 };

static _Atomic(void *) places[PLACES];
static long pairs;

static void *work(void *seed) {
  unsigned state = (unsigned)(size_t)seed * 2654435761u + 1;
  for (long i = 0; i < pairs; i++) {
    state = state * 1664525 + 1013904223;
    char *object = malloc(16 + (state >> 16) % 200);
    if (object != NULL && (state >> 8) % 4 == 0) object = realloc(object, 16 + (state >> 20) % 400);
    if (object == NULL) abort();
    object[0] = 1;
    free(atomic_exchange(&places[(state >> 24) % PLACES], object));
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[64];
  long count = argc > 2 ? atol(argv[1]) : 1;
  pairs = argc > 2 ? atol(argv[2]) : 1;
  for (long i = 0; i < count; i++) {
    if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) return 1;
  }
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < PLACES; i++) free(atomic_exchange(&places[i], NULL));
  return 0;
}
