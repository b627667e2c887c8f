/* jumpOut - a signal handler leaves malloc and free by siglongjmp, again and again. POSIX leaves that undefined. The heap goes on, or says
 * once that it cannot. Prints how many calls were left that the heap survived, and whether it goes on. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "../preload/check.h"

enum { WANTED = 30, JUMPS = 20000, PLACES = 512, ROUNDS = 100000, REFUSALS = 100 };

static sigjmp_buf start;
static void *places[PLACES];
static volatile int jumps, left, refused;
static volatile bool inside;
static uint64_t seed = 1;

static void handler(int number) {
  (void)number;
  void *probe = malloc(8);
  inside = probe == NULL;
  free(probe);
  siglongjmp(start, 1);
}

/* Takes what was at the place out first: a call that is left may have freed it. */
static void replaceOne(void) {
  uint64_t random = nextRandom(&seed);
  void *old = places[random % PLACES];
  places[random % PLACES] = NULL;
  free(old);
  void *made = malloc((size_t)(random >> 32) % 1000);
  places[random % PLACES] = made;
  if (made == NULL) refused = refused + 1;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  for (int i = 0; i < ROUNDS; i++) replaceOne();
  if (sigsetjmp(start, 1) != 0) {
    jumps = jumps + 1;
    left = left + (inside && refused == 0);
  }
  if (left < WANTED && jumps < JUMPS && refused < REFUSALS) interruptIn(30 + jumps * 7 % 100);
  while (left < WANTED && jumps < JUMPS && refused < REFUSALS) replaceOne();
  interruptIn(0);
  bool goesOn = true;
  for (int i = 0; i < 1000; i++) goesOn = goesOn && malloc(64) != NULL;
  char line[64];
  int length = snprintf(line, sizeof line, "%d %s\n", left - !goesOn, goesOn ? "goes on" : "lost");
  return write(1, line, (size_t)length) == length ? 0 : 1;
}
