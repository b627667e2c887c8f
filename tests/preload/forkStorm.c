/* forkStorm - children that are forked while other threads allocate can allocate at once, and their children too. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

enum { THREADS = 3, FORKS = 200, DEPTH = 3 };

static atomic_bool stop;

static void *work(void *argument) {
  uint64_t random = (uintptr_t)argument;
  while (!atomic_load(&stop)) {
    void *chunk = malloc(1 + nextRandom(&random) % 3000);
    CHECK(chunk != NULL);
    free(chunk);
  }
  return NULL;
}

static void useHeap(void) {
  for (size_t size = 1; size < 10000; size *= 3) {
    char *chunk = malloc(size);
    CHECK(chunk != NULL);
    fill(chunk, size, 3);
    chunk = realloc(chunk, size * 2);
    CHECK(chunk != NULL && isFilled(chunk, size, 3));
    free(chunk);
  }
}

static void waitFor(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child has threads of its own that are busy when it forks. */
static void descend(int depth) {
  pid_t child = fork();
  if (child == 0) {
    useHeap();
    if (depth > 0) {
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, work, (void *)77) == 0);
      descend(depth - 1);
      atomic_store(&stop, true);
      CHECK(pthread_join(thread, NULL) == 0);
    }
    _exit(0);
  }
  waitFor(child);
}

int main(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
  for (int i = 0; i < FORKS; i++) descend(i % 10 == 0 ? DEPTH : 0);
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
