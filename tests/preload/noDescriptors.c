/* noDescriptors - where no file can be opened, or stderr is gone, the exit report is left out and nothing else happens. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/resource.h>

#include "check.h"

int main(void) {
  for (int i = 0; i < 100; i++) free(malloc(100));
  CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) == 0);
  close(0);
  close(1);
  close(2);
  return 0;
}
