/* deepBind OPENER PLUGIN - libraries that are opened with RTLD_DEEPBIND share the program's heap, whichever of the two functions opens
 * them, and the loader still finds them from the library that asks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "../preload/check.h"

typedef void *Open(const char *name, int mode);
typedef void *OpenIn(long space, const char *name, int mode);

static void *(*make)(size_t size);
static void (*take)(void *chunk);
static char *(*print)(int number);

static void exchange(size_t size) {
  unsigned char *theirs = make(size);
  CHECK(theirs != NULL && malloc_usable_size(theirs) >= size);
  fill(theirs, size, 7);
  theirs = realloc(theirs, 2 * size);
  CHECK(theirs != NULL && isFilled(theirs, size, 7));
  free(theirs);
  void *ours = malloc(size);
  CHECK(ours != NULL);
  take(ours);
  take(print(42));
}

static void *exchangeAll(void *unused) {
  for (size_t size = 1; size <= 8 << 20; size *= 2) exchange(size);
  return unused;
}

static void use(void *library) {
  pthread_t thread;
  CHECK(library != NULL);
  *(void **)(void *)&make = dlsym(library, "pluginMake");
  *(void **)(void *)&take = dlsym(library, "pluginTake");
  *(void **)(void *)&print = dlsym(library, "pluginPrint");
  CHECK(make != NULL && take != NULL && print != NULL);
  exchangeAll(NULL);
  CHECK(pthread_create(&thread, NULL, exchangeAll, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(dlclose(library) == 0);
}

int main(int argc, char **argv) {
  Open *openerOpen;
  OpenIn *openerOpenIn;
  CHECK(argc == 3);
  void *opener = dlopen(argv[1], RTLD_NOW);
  CHECK(opener != NULL);
  *(void **)(void *)&openerOpen = dlsym(opener, "openerOpen");
  *(void **)(void *)&openerOpenIn = dlsym(opener, "openerOpenIn");
  CHECK(openerOpen != NULL && openerOpenIn != NULL);
  use(dlopen(argv[2], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
  use(dlmopen(LM_ID_BASE, argv[2], RTLD_LAZY | RTLD_DEEPBIND));
  /* By its name alone this program does not find it; by the opener's RUNPATH the opener does. */
  CHECK(dlopen("guestPlugin.so", RTLD_NOW | RTLD_DEEPBIND) == NULL && dlerror() != NULL);
  use(openerOpen("guestPlugin.so", RTLD_NOW | RTLD_DEEPBIND));
  use(openerOpen("guestPlugin.so", RTLD_NOW));
  use(openerOpenIn(LM_ID_BASE, "guestPlugin.so", RTLD_NOW | RTLD_DEEPBIND));
  /* Another namespace has its own C library, so no chunk may cross that border. */
  void *elsewhere = openerOpenIn(LM_ID_NEWLM, "guestPlugin.so", RTLD_NOW | RTLD_DEEPBIND);
  CHECK(elsewhere != NULL && dlclose(elsewhere) == 0);
  /* The flag alone is no mode, as without the library. */
  CHECK(dlopen(argv[2], RTLD_DEEPBIND) == NULL && dlerror() != NULL);
  CHECK(dlopen(NULL, RTLD_NOW) != NULL);
  return 0;
}
