/* sandbox.c - see sandbox.h. A filter that the process was started with is no concern: it allows what the loader and
 * the start of the library need, or the process does not start. */
#define _GNU_SOURCE
#include "sandbox.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/threads/calls.h"
#include "owner.h"

enum { ARGUMENTS = 4 };

static int (*nextControl)(int option, ...);
static atomic_bool inSandbox;

bool isInSandbox(void) {
  return atomic_load_explicit(&inSandbox, memory_order_relaxed);
}

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
void startSandbox(void) {
  *(void **)(void *)&nextControl = dlsym(RTLD_NEXT, "prctl");
}

/* A child of vfork limits itself alone, but shares this memory. */
static bool beginsSandbox(int option) {
  return (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) && !isInSandbox() && getpid() == heapOwner.pid;
}

int prctl(int option, ...) {
  unsigned long given[ARGUMENTS];
  va_list rest;
  va_start(rest, option);
  for (int i = 0; i < ARGUMENTS; i++) given[i] = va_arg(rest, unsigned long);
  va_end(rest);
  if (beginsSandbox(option)) {
    atomic_store_explicit(&inSandbox, true, memory_order_relaxed);
    mema_sharedEnterSandbox();
  }
  if (nextControl != NULL) return nextControl(option, given[0], given[1], given[2], given[3]);
  return (int)syscall(SYS_prctl, option, given[0], given[1], given[2], given[3]);
}
