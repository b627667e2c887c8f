/* spawn - vfork and posix_spawn work, and a child of vfork that uses its parent's heap leaves the parent's record alone. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

static void waitFor(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* On its own, because the compiler keeps nothing safe from a child of vfork that returns twice in a loop. */
__attribute__((noinline)) static pid_t forkAndAllocate(void) {
  pid_t child = vfork();
  if (child == 0) {
    /* A child of vfork may not do this, but some do. Enough of it to have the figures published. */
    for (int k = 0; k < 200; k++) free(malloc(100));
    _exit(0);
  }
  return child;
}

int main(void) {
  char *const arguments[] = {(char *)"true", NULL};
  for (int i = 0; i < 20; i++) {
    pid_t child;
    CHECK(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
    waitFor(child);
    waitFor(forkAndAllocate());
  }
  /* Not exit: the record is to be as the last child left it. */
  _exit(0);
}
