/* becoming [WAY] - a process that becomes another program, `becoming` without a word, which allocates 5 chunks of 2,000 bytes and leaves by _exit.
 *
 *   itself   after 3 chunks of 100,000 bytes, of which one is freed
 *   forked   after 7 chunks of 1,000 bytes and one bad free, in a child that inherited 8 MiB
 *   failing  the first, after a program that does not exist
 *   killed   goes on after a program that does not exist, and is killed */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

static void *volatile kept;

static void take(int count, size_t size) {
  for (int i = 0; i < count; i++) kept = malloc(size);
}

static void become(void) {
  execl("/proc/self/exe", "becoming", (char *)NULL);
}

static void becomeForked(void) {
  static int nothing;
  int status;
  take(8, 1 << 20);
  pid_t child = fork();
  if (child == 0) {
    take(7, 1000);
    free((void *)&nothing);
    become();
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  if (argc == 1) {
    take(5, 2000);
    _exit(0);
  }
  if (strcmp(argv[1], "forked") == 0) {
    becomeForked();
    return 0;
  }
  take(3, 100000);
  free(kept);
  if (strcmp(argv[1], "itself") != 0) execl("/nonexistent/program", "program", (char *)NULL);
  if (strcmp(argv[1], "killed") == 0) {
    take(50, 100);
    raise(SIGKILL);
  }
  become();
  return 1;
}
