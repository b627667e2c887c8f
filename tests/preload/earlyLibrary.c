/* earlyLibrary - for forkHandlers and earlyLate: a library that is initialised before the preload library, and comes to its end
 * after it. It allocates in its constructor, in handlers of fork and in its destructor. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

extern int libraryCalls;

int libraryCalls;
static void *kept, *fromConstructor;

static void handler(void) {
  void *chunk = malloc(300);
  CHECK(chunk != NULL);
  chunk = realloc(chunk, 20000);
  CHECK(chunk != NULL);
  free(chunk);
  free(kept);
  kept = calloc(1, 50);
  CHECK(kept != NULL);
  libraryCalls++;
}

__attribute__((constructor)) static void load(void) {
  pthread_atfork(handler, handler, handler);
  fromConstructor = malloc(1000);
  CHECK(fromConstructor != NULL);
  fill(fromConstructor, 1000, 6);
}

__attribute__((destructor)) static void unload(void) {
  char *chunk = realloc(fromConstructor, 100000);
  CHECK(chunk != NULL && isFilled(chunk, 1000, 6));
  free(chunk);
  chunk = malloc(10);
  CHECK(chunk != NULL);
  free(chunk);
}
