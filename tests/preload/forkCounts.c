/* forkCounts - a forked child has counts of its own: its report has its own calls, and none of its parent's. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"

int main(void) {
  for (int i = 0; i < 1000; i++) free(malloc(100000));
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 100; i++) free(malloc(1000));
    exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return 0;
}
