/* earlyResolver - memory is there while the loader still relocates the program: before any constructor, and before the C
 * library has an environment. The resolver of an indirect function is called just then. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

static void *early;
static int environmentWasThere;

static int answer(void) {
  return 42;
}

__attribute__((used)) static int (*resolve(void))(void) {
  early = malloc(5000);
  environmentWasThere = environ != NULL;
  return answer;
}

int indirect(void) __attribute__((ifunc("resolve")));

int main(void) {
  CHECK(indirect() == 42 && early != NULL && malloc_usable_size(early) >= 5000);
  CHECK(environmentWasThere == 0);
  fill(early, 5000, 1);
  free(early);
  CHECK(malloc_usable_size(early) == 0);
  /* The budget that the environment names is in force all the same. */
  CHECK(getenv("MEMA_POOL_SIZE") == NULL || malloc((size_t)1 << 20) == NULL);
  return 0;
}
