/* mapSignals - a signal handler that maps and unmaps, whatever it interrupts, is answered at once, and nothing is lost: the heap, a
 * mapping under way, while another thread maps. The caller sets MEMA_POOL_SIZE=16M. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "probe.h"

enum { SIGNALS = 3000, REFUSALS = 5, LATE = 5, PAUSE = 50 };

static atomic_int handled, refused, late;
static atomic_bool stop, rests;
/* Mapped by one call of the handler, unmapped by a later one. */
static void *kept = MAP_FAILED;

static void handler(int number) {
  (void)number;
  int savedErrno = errno;
  void *memory = mapPages(3);
  bool interruptsHeap = memory == MAP_FAILED;
  if (interruptsHeap) {
    CHECK(errno == ENOMEM);
    atomic_fetch_add(&refused, 1);
  } else {
    memset(memory, 1, pageBytes());
  }
  if (kept != MAP_FAILED) {
    CHECK(munmap(kept, 3 * pageBytes()) == 0);
    if (interruptsHeap) atomic_fetch_add(&late, 1);
  }
  kept = memory;
  errno = savedErrno;
  atomic_fetch_add(&handled, 1);
  if (!atomic_load(&rests)) interruptIn(PAUSE);
}

static void *work(void *argument) {
  (void)argument;
  while (!atomic_load(&stop)) {
    void *memory = mapPages(5);
    CHECK(memory != MAP_FAILED && munmap(memory, 5 * pageBytes()) == 0);
  }
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  sigset_t alarms;
  pthread_t thread;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
  free(malloc(100));
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  interruptIn(PAUSE);
  for (unsigned i = 0; atomic_load(&handled) < SIGNALS || atomic_load(&refused) < REFUSALS || atomic_load(&late) < LATE;
       i++) {
    free(malloc(1 + i % 2000));
    if (i % 16 != 0) continue;
    char *memory = mapPages(4);
    CHECK(memory != MAP_FAILED && munmap(memory + pageBytes(), pageBytes()) == 0);
    CHECK(munmap(memory, 4 * pageBytes()) == 0);
  }
  atomic_store(&rests, true);
  interruptIn(0);
  atomic_store(&stop, true);
  CHECK(pthread_join(thread, NULL) == 0);
  if (kept != MAP_FAILED) CHECK(munmap(kept, 3 * pageBytes()) == 0);
  size_t all = pagesLeft();
  CHECK(all > (15u << 20) / pageBytes());
  /* To the byte: the caller looks for 0 bytes mapped in the report. */
  return 0;
}
