/* ending KIND - allocates 1,000 chunks of 1,000 bytes, frees 300 and ends in the way named; or after a call that is remarkable, at once. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "check.h"

static volatile size_t huge = SIZE_MAX;
static volatile int *volatile nowhere = (volatile int *)8;

void *__libc_malloc(size_t size);

static void end(const char *kind) {
  if (strcmp(kind, "exit") == 0) exit(5);
  if (strcmp(kind, "_exit") == 0) _exit(6);
  if (strcmp(kind, "abort") == 0) abort();
  if (strcmp(kind, "kill") == 0) raise(SIGKILL);
  if (strcmp(kind, "segv") == 0) *nowhere = 1;
  void *foreign = __libc_malloc(10);
  if (strcmp(kind, "refused") == 0 && malloc(huge) != NULL) exit(1);
  if (strcmp(kind, "bad") == 0) free((void *)&nowhere);
  if (strcmp(kind, "foreign") == 0) free(foreign);
  raise(SIGKILL);
}

int main(int argc, char **argv) {
  static void *volatile chunks[1000];
  /* None of the endings is to leave a core file. */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  for (int i = 0; i < 1000; i++) chunks[i] = malloc(1000);
  for (int i = 0; i < 300; i++) free(chunks[i]);
  end(argc > 1 ? argv[1] : "");
  return 3;
}
