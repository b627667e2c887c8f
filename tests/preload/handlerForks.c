/* handlerForks - a signal handler forks, whatever it interrupts, while another thread allocates, frees and forks: no thread waits for the other for
 * ever, and in the child the heap serves, whether the interrupted call goes on there or not. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

enum { FORKS = 150, HELD = 64, PAUSE = 200 };

static atomic_int forks;
static atomic_bool stopping, rests;
static bool isChild;

static void awaitChild(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* One child in two goes on with the interrupted call. */
static void handler(int number) {
  (void)number;
  int savedErrno = errno;
  static unsigned ticks;
  if (!isChild && ++ticks % 4 == 0) {
    int count = atomic_fetch_add(&forks, 1);
    pid_t child = fork();
    if (child != 0) {
      awaitChild(child);
    } else if (count % 2 == 0) {
      isChild = true;
    } else {
      free(malloc(100)); /* it may be refused: it may be inside */
      _exit(0);
    }
  }
  if (!isChild && !atomic_load(&rests)) interruptIn(PAUSE);
  errno = savedErrno;
}

static void replaceSome(unsigned char **chunks, uint64_t *random, unsigned times) {
  for (; times > 0; times--) {
    unsigned i = (unsigned)(nextRandom(random) % HELD);
    size_t size = nextRandom(random) % 64 == 0 ? 300000 : 1 + nextRandom(random) % 900;
    CHECK(chunks[i] == NULL || *chunks[i] == i);
    free(chunks[i]);
    CHECK((chunks[i] = malloc(size)) != NULL);
    *chunks[i] = (unsigned char)i;
  }
}

static void *work(void *unused) {
  unsigned char *chunks[HELD] = {NULL};
  uint64_t random = 2;
  while (!atomic_load(&stopping)) {
    replaceSome(chunks, &random, 5000);
    pid_t child = fork();
    if (child == 0) {
      replaceSome(chunks, &random, 100);
      _exit(0);
    }
    awaitChild(child);
  }
  return unused;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigset_t alarms;
  pthread_t thread;
  unsigned char *chunks[HELD] = {NULL};
  uint64_t random = 1;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  interruptIn(PAUSE);
  while (atomic_load(&forks) < FORKS && !isChild) replaceSome(chunks, &random, 100);
  if (isChild) {
    replaceSome(chunks, &random, 40000); /* figures are published meanwhile */
    _exit(0);
  }
  atomic_store(&rests, true);
  interruptIn(0);
  atomic_store(&stopping, true);
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
