/* signals - a signal handler that interrupts the heap and uses it is answered at once: no deadlock, no damage. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>

#include "check.h"

enum { SIGNALS = 3000, REFUSALS = 10 };

static atomic_int handled, refused;

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
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  /* The timer is but a source of interruptions; how many come is counted, not how fast. */
  struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
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
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
  return 0;
}
