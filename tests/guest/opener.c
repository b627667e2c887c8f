/* opener - a library that opens another by its name alone: the loader has to look where the RUNPATH of this one says. */
#define _GNU_SOURCE
#include <dlfcn.h>

void *openerOpen(const char *name, int mode);
void *openerOpenIn(long space, const char *name, int mode);

/* The result is looked at, so that the compiler makes no jump of these calls. */
static void *checked(void *volatile library) {
  return library;
}

void *openerOpen(const char *name, int mode) {
  return checked(dlopen(name, mode));
}

void *openerOpenIn(long space, const char *name, int mode) {
  return checked(dlmopen(space, name, mode));
}
