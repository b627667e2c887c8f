/* signals - a signal handler that interrupts the heap and uses it is answered at once: no deadlock, no damage. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"

enum { SIGNALS = 3000, REFUSALS = 10, PAUSE = 50 };

static atomic_int handled, refused;
static atomic_bool rests;

static void handler(int number) {
  (void)number;
  int savedErrno = errno;
  errno = 0;
  void *chunk = malloc(64);
  if (chunk == NULL) {
    CHECK(errno == ENOMEM);
    atomic_fetch_add(&refused, 1);
  } else {
    void *larger = realloc(chunk, 1000);
    free(larger != NULL ? larger : chunk);
  }
  free(NULL);
  (void)malloc_usable_size(chunk);
  errno = savedErrno;
  atomic_fetch_add(&handled, 1);
  if (!atomic_load(&rests)) interruptIn(PAUSE);
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  interruptIn(PAUSE);
  /* Until the handler has met the heap at work: before that the test has shown nothing. */
  for (unsigned i = 0; atomic_load(&handled) < SIGNALS || atomic_load(&refused) < REFUSALS; i++) {
    size_t size = 1 + i % 2000;
    unsigned char *chunk = malloc(size);
    CHECK(chunk != NULL);
    fill(chunk, size, (unsigned char)i);
    chunk = realloc(chunk, size + 100);
    CHECK(chunk != NULL && isFilled(chunk, size, (unsigned char)i));
    free(chunk);
  }
  atomic_store(&rests, true);
  interruptIn(0);
  return 0;
}
