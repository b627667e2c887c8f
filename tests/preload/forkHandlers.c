/* forkHandlers - handlers of fork that allocate, free and resize work in all three places, also those of a library that is
 * initialised before the preload library and whose handlers therefore run while it holds its lock; and in a child's child. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

/* Of earlyLibrary. */
extern int libraryCalls;

static int calls;
static void *kept;

static void handler(void) {
  void *chunk = malloc(100);
  CHECK(chunk != NULL);
  chunk = realloc(chunk, 10000);
  CHECK(chunk != NULL);
  free(chunk);
  free(kept);
  kept = malloc(50);
  CHECK(kept != NULL);
  calls++;
}

__attribute__((constructor(101))) static void early(void) {
  pthread_atfork(handler, handler, handler);
}

static void forkOnce(int depth) {
  int before = calls, status;
  pid_t child = fork();
  CHECK(child >= 0 && calls > before && libraryCalls == calls / 201);
  if (child == 0) {
    free(malloc(1));
    if (depth > 0) forkOnce(depth - 1);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  /* Past the room that the C library has ready, registering allocates. */
  for (int i = 0; i < 200; i++) CHECK(pthread_atfork(handler, handler, handler) == 0);
  forkOnce(2);
  CHECK(calls == 2 * 201);
  return 0;
}
