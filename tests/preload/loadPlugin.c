/* loadPlugin FILE - libraries can be loaded and unloaded while threads come and go; chunks cross the border both ways. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

typedef void *Make(size_t size);
typedef void Take(void *chunk);

static void *library;

static void *work(void *unused) {
  (void)unused;
  Make *make = (Make *)dlsym(library, "pluginMake");
  Take *take = (Take *)dlsym(library, "pluginTake");
  CHECK(make != NULL && take != NULL);
  void *theirs = make(1000), *ours = malloc(1000);
  CHECK(isFilled(theirs, 1000, 0) && ours != NULL);
  free(theirs);
  take(ours);
  CHECK(malloc_usable_size(theirs) == 0 && malloc_usable_size(ours) == 0);
  return NULL;
}

int main(int argc, char **argv) {
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    library = dlopen(argc > 1 ? argv[1] : "", i % 2 == 0 ? RTLD_NOW : RTLD_LAZY);
    CHECK(library != NULL);
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(dlclose(library) == 0);
    CHECK(dlsym(RTLD_DEFAULT, "noSuchName") == NULL && dlerror() != NULL);
  }
  return 0;
}
