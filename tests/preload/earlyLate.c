/* earlyLate - the heap works from the first constructor to the last destructor: in them, in exit handlers, and in the
 * destructors of thread-specific data, which run after the thread's own code and after those of other libraries. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static void *fromConstructor;
static pthread_key_t key;
static int keyRounds;

static void useHeap(void) {
  char *chunk = malloc(1000);
  CHECK(chunk != NULL);
  fill(chunk, 1000, 4);
  chunk = realloc(chunk, 100000);
  CHECK(chunk != NULL && isFilled(chunk, 1000, 4));
  free(chunk);
}

__attribute__((constructor(101))) static void first(void) {
  useHeap();
  fromConstructor = malloc(100);
}

__attribute__((destructor(101))) static void last(void) {
  useHeap();
  free(fromConstructor);
}

static void atTheExit(void) {
  useHeap();
}

/* Sets its own value again, so that it is called in the last round that there is. */
static void keyDestructor(void *value) {
  free(value);
  useHeap();
  if (++keyRounds < 4) CHECK(pthread_setspecific(key, malloc(10)) == 0);
}

static void *work(void *unused) {
  (void)unused;
  CHECK(pthread_setspecific(key, malloc(10)) == 0);
  return NULL;
}

/* Of earlyLibrary, which has a constructor before, and a destructor after, those of the preload library. */
extern int libraryCalls;

int main(void) {
  CHECK(libraryCalls == 0);
  pthread_t thread;
  CHECK(atexit(atTheExit) == 0 && pthread_key_create(&key, keyDestructor) == 0);
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(keyRounds == 4);
  free(fromConstructor);
  fromConstructor = malloc(5);
  return 0;
}
