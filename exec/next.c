/* next.c - see next.h. */
#define _GNU_SOURCE
#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static NextStarts next;
static atomic_bool isFound;

/* The C library has no execveat before glibc 2.34. */
static int askKernel(int directory, const char *path, char *const argv[], char *const environment[], int flags) {
  return (int)syscall(SYS_execveat, directory, path, argv, environment, flags);
}

/* POSIX's way to make a function pointer of what dlsym returns. */
static void look(void *function, const char *name) {
  *(void **)function = dlsym(RTLD_NEXT, name);
}

__attribute__((constructor(101))) static void findNext(void) {
  int savedErrno = errno;
  look(&next.execve, "execve");
  look(&next.execvpe, "execvpe");
  look(&next.execveat, "execveat");
  look(&next.fexecve, "fexecve");
  look(&next.posixSpawn, "posix_spawn");
  look(&next.posixSpawnp, "posix_spawnp");
  look(&next.system, "system");
  look(&next.popen, "popen");
  if (next.execveat == NULL) next.execveat = askKernel;
  atomic_store_explicit(&isFound, true, memory_order_release);
  errno = savedErrno;
}

const NextStarts *nextStarts(void) {
  if (!atomic_load_explicit(&isFound, memory_order_acquire)) findNext();
  return &next;
}
