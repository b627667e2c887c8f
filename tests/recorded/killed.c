/* killed COUNT HOW - makes COUNT objects of 10, 11, 12, ... bytes and then is no more: HOW is "kill", "exit" or "abort"; "wait":
 * it says so and waits to be killed. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile sink;

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long count = atol(argv[1]);
  for (long i = 0; i < count; i++) sink = malloc((size_t)(10 + i));
  switch (argv[2][0]) {
    case 'k':
      raise(SIGKILL);
      break;
    case 'e':
      _exit(3);
    case 'w':
      if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
      for (;;) pause();
    default:
      abort();
  }
  return 1;
}
