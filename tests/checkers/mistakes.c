/* Mistakes that memcheck must still report: uses of undefined bytes for which the library lifted the shadow for a moment, and a call with a Pool
 * that was never initialised.
 *
 *   mistakes none | palloc | pool | seal | record */
#include <mema.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The pointer hides from the compiler that the word is undefined. */
static void branchOn(const volatile size_t *word) {
  if (*word == 42) puts("by chance");
}

static void nothing(void *arg) {
  (void)arg;
}

int main(int argc, char **argv) {
  const char *mistake = argc == 2 ? argv[1] : "";
  Pool *pool = malloc(sizeof *pool);
  if (pool == NULL) return 1;
  if (strcmp(mistake, "none") == 0) {
    free(pool);
    return 0;
  }
  if (strcmp(mistake, "palloc") == 0) return palloc(pool, 10) != NULL;
  mema_Options options = {.poolSize = 1000, .reservation = MEMA_UNLIMITED + 1};
  if (mema_initPoolWith(pool, &options)) return 1;
  if (strcmp(mistake, "pool") == 0) branchOn(&pool->poolSize);
  if (strcmp(mistake, "seal") == 0) branchOn((const size_t *)pool->reserved);
  if (strcmp(mistake, "record") == 0) {
    mema_Cleanup *cleanup = malloc(sizeof *cleanup);
    bool refused =
        cleanup != NULL && initPool(pool, 1000) && !mema_addCleanup(pool, cleanup, nothing, NULL, (mema_CleanupTime)7);
    if (refused) branchOn(&cleanup->token);
    freePool(pool);
    free(cleanup);
  }
  free(pool);
  return 0;
}
