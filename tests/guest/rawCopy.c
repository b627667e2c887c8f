/* rawCopy KIND - children that are copies of the process, made without fork handlers, in which other threads were inside the heap: by a
 * raw clone, or by _Fork. Each ends: its requests are granted or refused, and none waits for a thread that does not exist there. Prints
 * how many children were granted all. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../preload/check.h"

extern pid_t _Fork(void) __attribute__((weak));

enum { CHILDREN = 200, THREADS = 2, STEPS = 3000, PLACES = 300, STACK = 256 << 10, REFUSED = 7 };

static atomic_bool stop;
static _Alignas(16) char stack[STACK];

static void *churn(void *seed) {
  uint64_t random = (uintptr_t)seed;
  void *places[PLACES] = {NULL};
  while (!atomic_load(&stop)) {
    void **place = &places[nextRandom(&random) % PLACES];
    free(*place);
    *place = malloc((size_t)(nextRandom(&random) % 3000));
    CHECK(*place != NULL);
    if (nextRandom(&random) % 64 != 0) continue;
    void *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages, 8192) == 0);
  }
  return NULL;
}

static void *allocateOnce(void *unused) {
  void *chunk = malloc(100);
  free(chunk);
  (void)unused;
  return chunk;
}

/* Allocates, maps, and starts a thread. The parent's chunks are there. */
static int use(void *given) {
  const unsigned char *kept = given;
  pthread_t thread;
  for (size_t i = 0; i < STEPS; i++) {
    unsigned char *chunk = malloc(i);
    if (chunk == NULL) _exit(REFUSED);
    fill(chunk, i, 1);
    free(chunk);
  }
  void *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && munmap(pages, 8192) == 0);
  CHECK(isFilled(kept, 100, 9));
  CHECK(pthread_create(&thread, NULL, allocateOnce, NULL) == 0 && pthread_join(thread, NULL) == 0);
  _exit(0);
}

static pid_t copy(const char *kind, void *kept) {
  if (strcmp(kind, "clone") == 0) return clone(use, stack + sizeof stack, SIGCHLD, kept);
  pid_t child = _Fork != NULL ? _Fork() : -2;
  if (child == 0) use(kept);
  return child;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  unsigned char *kept = malloc(100);
  int granted = 0;
  CHECK(argc == 2 && kept != NULL);
  fill(kept, 100, 9);
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    int status = -1;
    pid_t child = copy(argv[1], kept);
    if (child == -2) return 4;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == REFUSED);
    granted += WEXITSTATUS(status) == 0;
  }
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  printf("%d\n", granted);
  return 0;
}
