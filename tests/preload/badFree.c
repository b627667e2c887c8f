/* badFree KIND - gives one bad pointer to free or realloc. Under MEMA_STRICT it must not come back; else nothing happens, and a
 * live chunk is as it was. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

static int global;

static void misuse(const char *kind, char *chunk) {
  char *other = malloc(100);
  if (strcmp(kind, "double") == 0) {
    free(other);
    free(other);
  } else if (strcmp(kind, "interior") == 0) {
    free(chunk + 16);
  } else if (strcmp(kind, "odd") == 0) {
    free(chunk + 1);
  } else if (strcmp(kind, "stack") == 0) {
    free(&kind);
  } else if (strcmp(kind, "global") == 0) {
    free(&global);
  } else if (strcmp(kind, "wild") == 0) {
    free((void *)0xdeadbeef0);
  } else if (strcmp(kind, "one") == 0) {
    free((void *)1);
  } else if (strcmp(kind, "realloc") == 0) {
    errno = 0;
    CHECK(realloc(chunk + 32, 50) == NULL && errno == EINVAL);
  } else if (strcmp(kind, "resized") == 0) {
    free(other);
    CHECK(realloc(other, 50) == NULL);
  } else {
    _exit(3);
  }
}

int main(int argc, char **argv) {
  char *volatile chunk = malloc(256);
  fill(chunk, 256, 9);
  misuse(argc > 1 ? argv[1] : "", chunk);
  CHECK(isFilled(chunk, 256, 9) && malloc_usable_size(chunk) >= 256);
  free(chunk);
  CHECK(malloc_usable_size(chunk) == 0);
  return 0;
}
