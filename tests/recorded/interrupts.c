/* interrupts - allocates and releases while a signal handler that does the same interrupts it at any instruction, a thousand
 * times; prints how often both did. Needs a heap that bears that: the one of tests/cli/record.sh. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { INTERRUPTS = 1000 };

static volatile long interrupts, pairs;
/* Once: each interruption asks for the next, so that the interrupted code proceeds, however slow that is. */
static const struct itimerval shortly = {{0, 0}, {0, 50}};
static void *volatile kept;

static void interrupt(int number) {
  (void)number;
  void *object = malloc(48);
  kept = object;
  free(object);
  if (++interrupts < INTERRUPTS) setitimer(ITIMER_REAL, &shortly, NULL);
}

int main(void) {
  struct sigaction action = {.sa_handler = interrupt};
  if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &shortly, NULL) != 0) return 1;
  while (interrupts < INTERRUPTS) {
    void *object = malloc(32);
    kept = object;
    free(object);
    pairs++;
  }
  char line[64];
  int length = snprintf(line, sizeof line, "%ld\n", interrupts + pairs);
  if (write(STDOUT_FILENO, line, (size_t)length) != length) return 1;
  _exit(0);
}
