/* mapSignalsFork - a signal handler that maps and unmaps, whatever it interrupts, while another thread forks: no thread waits for the other for
 * ever. The caller sets MEMA_POOL_SIZE=16M. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

enum { FORKS = 1000, PAUSE = 50 };

static atomic_int forks;
static atomic_bool rests;

static void handler(int number) {
  (void)number;
  int savedErrno = errno;
  void *memory = mapPages(3);
  CHECK(memory != MAP_FAILED ? munmap(memory, 3 * pageBytes()) == 0 : errno == ENOMEM);
  if (!atomic_load(&rests)) interruptIn(PAUSE);
  errno = savedErrno;
}

static void *work(void *argument) {
  (void)argument;
  for (; atomic_load(&forks) < FORKS; atomic_fetch_add(&forks, 1)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
      free(malloc(100));
      _exit(mapPages(1) != MAP_FAILED ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigset_t alarms;
  pthread_t thread;
  uint64_t random = 1;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  interruptIn(PAUSE);
  while (atomic_load(&forks) < FORKS) free(malloc(1 + nextRandom(&random) % 2000));
  atomic_store(&rests, true);
  interruptIn(0);
  CHECK(pthread_join(thread, NULL) == 0);
  /* The next mapping gives back the charge of the pages that a handler unmapped last. */
  CHECK(munmap(mapPages(1), pageBytes()) == 0);
  return 0;
}
