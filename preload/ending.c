/* ending.c - see ending.h. Each function has the name of one in the C library: it completes the figures and
 * passes the call on. */
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
static void (*nextAssertFail)(const char *, const char *, AssertLine, const char *);

/* Finds a function by name. The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
static void find(void *function, const char *name) {
  *(void **)function = dlsym(RTLD_NEXT, name);
}

static void quickExit(void) {
  heapEnd(RUN_LEFT);
}

/* quickExit is registered first, so it runs last of all functions of at_quick_exit. */
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

/* A handler of SIGABRT may leave by a jump, and the program goes on. */
void abort(void) {
  heapEnd(RUN_LEFT);
  if (nextAbort != NULL) nextAbort();
  for (;;) {
    raise(SIGABRT);
    signal(SIGABRT, SIG_DFL);
  }
}

/* The C library calls its own abort, not this one. */
void __assert_fail(const char *assertion, const char *file, AssertLine line, const char *function) {
  heapEnd(RUN_LEFT);
  if (nextAssertFail != NULL) nextAssertFail(assertion, file, line, function);
  abort();
}
