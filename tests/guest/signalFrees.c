/* signalFrees [bad|resize] - a signal handler interrupts the heap, and gives a live chunk to free; with "bad" an interior pointer as well. Prints
 * how many bad pointers it gave. Each is counted, and each chunk is freed: with "resize" as soon as a realloc has left its chunk in place. */
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../preload/check.h"

enum { SIGNALS = 3000, REFUSALS = 100, PAUSE = 50, CHUNKS = 40000 };

static char *chunks[CHUNKS];
static atomic_int handled, refused, bad;
static atomic_bool rests, givesBad;

static void handler(int number) {
  (void)number;
  int at = atomic_fetch_add(&handled, 1);
  void *probe = malloc(8);
  if (probe == NULL) atomic_fetch_add(&refused, 1);
  free(probe);
  if (at < CHUNKS) {
    free(chunks[at]);
    if (atomic_load(&givesBad)) {
      atomic_fetch_add(&bad, 1);
      free(chunks[at] + 16);
    }
  }
  if (!atomic_load(&rests)) interruptIn(PAUSE);
}

static void allocate(size_t size) {
  unsigned char *chunk = malloc(size);
  CHECK(chunk != NULL);
  free(chunk);
}

/* The call frees what a handler gave to free before it. */
static void resize(size_t size) {
  static void *chunk;
  static int checked;
  int given = atomic_load(&handled) < CHUNKS ? atomic_load(&handled) : CHUNKS;
  CHECK((chunk = realloc(chunk, size)) != NULL);
  for (; checked < given; checked++) CHECK(malloc_usable_size(chunks[checked]) == 0);
}

int main(int argc, char **argv) {
  bool resizes = argc > 1 && strcmp(argv[1], "resize") == 0;
  struct sigaction action = {.sa_handler = handler};
  atomic_store(&givesBad, argc > 1 && strcmp(argv[1], "bad") == 0);
  for (int i = 0; i < CHUNKS; i++) CHECK((chunks[i] = malloc(64)) != NULL);
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  interruptIn(PAUSE);
  /* Until the handler has met the heap at work often enough. */
  for (unsigned i = 0;
       atomic_load(&handled) < SIGNALS || (atomic_load(&refused) < REFUSALS && atomic_load(&handled) < CHUNKS); i++) {
    if (resizes) {
      resize(100 + i % 2);
    } else {
      allocate(1 + i % 2000);
    }
  }
  atomic_store(&rests, true);
  interruptIn(0);
  CHECK(atomic_load(&refused) >= REFUSALS);
  for (int i = 0; i < CHUNKS && i < atomic_load(&handled); i++) CHECK(malloc_usable_size(chunks[i]) == 0);
  for (int i = atomic_load(&handled); i < CHUNKS; i++) free(chunks[i]);
  char line[16];
  int length = snprintf(line, sizeof line, "%d\n", atomic_load(&bad));
  return write(1, line, (size_t)length) == length ? 0 : 1;
}
