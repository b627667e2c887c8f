/* loading.c - see loading.h.
 *
 * A library that is opened with RTLD_DEEPBIND finds the C library's names before those of a preloaded library. Its
 * malloc and free are then the C library's. In a pool the first chunk that crosses its border kills the process: the C
 * library's free does not know the pool's chunks. A recording lacks its calls. So the flag is taken out, and counted.
 * MEMA_DEEPBIND=1 leaves it in.
 *
 * The loader looks at the return address of a call to find the library that makes it: its RUNPATH and $ORIGIN say
 * where to look for the file, its namespace where to put it. So both functions pass the call on by a jump, with the
 * caller's return address in place. The compiler has to make a tail call of it, also without optimisation. */
#define _GNU_SOURCE
#include "loading.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#ifndef __has_attribute
#define __has_attribute(name) 0
#endif
#if __has_attribute(musttail)
#define MUST_JUMP
#define JUMP __attribute__((musttail)) return
#else
#define MUST_JUMP __attribute__((optimize("O2")))
#define JUMP return
#endif

static atomic_bool leavesIn;
static _Atomic(void (*)(void)) noteOne;
static atomic_uint unnoted; /* before noteOne was known */

static _Atomic(void *(*)(const char *, int)) nextOpen;
static _Atomic(void *(*)(Lmid_t, const char *, int)) nextOpenIn;

static void *refuseOpen(const char *file, int mode) {
  (void)file;
  (void)mode;
  return NULL;
}

static void *refuseOpenIn(Lmid_t nsid, const char *file, int mode) {
  (void)nsid;
  (void)file;
  (void)mode;
  return NULL;
}

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
__attribute__((constructor(101))) static void findNext(void) {
  void *(*open)(const char *, int) = NULL;
  void *(*openIn)(Lmid_t, const char *, int) = NULL;
  int savedErrno = errno;
  *(void **)(void *)&open = dlsym(RTLD_NEXT, "dlopen");
  *(void **)(void *)&openIn = dlsym(RTLD_NEXT, "dlmopen");
  atomic_store_explicit(&nextOpen, open != NULL ? open : refuseOpen, memory_order_release);
  atomic_store_explicit(&nextOpenIn, openIn != NULL ? openIn : refuseOpenIn, memory_order_release);
  errno = savedErrno;
}

void leaveDeepBind(bool in) {
  atomic_store(&leavesIn, in);
}

void countDeepBinds(void (*note)(void)) {
  atomic_store(&noteOne, note);
  for (unsigned count = atomic_exchange(&unnoted, 0); count > 0; count--) note();
}

static void count(void) {
  void (*note)(void) = atomic_load(&noteOne);
  if (note != NULL) {
    note();
  } else {
    atomic_fetch_add(&unnoted, 1);
  }
}

/* Returns the mode without RTLD_DEEPBIND. Another library's constructor may call before this library's has run. */
__attribute__((noinline)) static int shallow(int mode) {
  if (atomic_load_explicit(&nextOpen, memory_order_acquire) == NULL) findNext();
  if ((mode & RTLD_DEEPBIND) == 0 || atomic_load(&leavesIn)) return mode;
  count();
  return mode & ~RTLD_DEEPBIND;
}

MUST_JUMP void *dlopen(const char *file, int mode) {
  mode = shallow(mode);
  JUMP atomic_load_explicit(&nextOpen, memory_order_acquire)(file, mode);
}

/* A library in another namespace has another C library, and the flag cannot keep it from this one. */
MUST_JUMP void *dlmopen(Lmid_t nsid, const char *file, int mode) {
  int kept = nsid != LM_ID_BASE ? mode & RTLD_DEEPBIND : 0;
  mode = shallow(mode & ~kept) | kept;
  JUMP atomic_load_explicit(&nextOpenIn, memory_order_acquire)(nsid, file, mode);
}
