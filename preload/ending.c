/* ending.c - see ending.h. Each is a name of this library: it completes the figures, and passes the call on. */
#define _GNU_SOURCE
#include "ending.h"

#include <assert.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>

#include "finish.h"
#include "rawCalls.h"

static void (*nextExit)(int);
static void (*nextAbort)(void);
static void (*nextAssertFail)(const char *, const char *, unsigned, const char *);

/* POSIX's way to make a function pointer of what dlsym returns. */
static void find(void *function, const char *name) {
  *(void **)function = dlsym(RTLD_NEXT, name);
}

static void quickExit(void) {
  heapEnd(RUN_LEFT);
}

/* Registered first, quickExit is called last of all that at_quick_exit has. */
void startEndings(void) {
  find(&nextExit, "_exit");
  find(&nextAbort, "abort");
  find(&nextAssertFail, "__assert_fail");
  at_quick_exit(quickExit);
}

void _exit(int status) {
  heapEnd(RUN_LEFT);
  if (nextExit != NULL) nextExit(status);
  rawExit(status);
}

void _Exit(int status) {
  _exit(status);
}

/* A handler of SIGABRT may leave by a jump, and the program go on. */
void abort(void) {
  heapEnd(RUN_LEFT);
  if (nextAbort != NULL) nextAbort();
  for (;;) {
    raise(SIGABRT);
    signal(SIGABRT, SIG_DFL);
  }
}

/* The C library calls its own abort, not this one. */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function) {
  heapEnd(RUN_LEFT);
  if (nextAssertFail != NULL) nextAssertFail(assertion, file, line, function);
  abort();
}
