/* A signal handler at every instruction: the processor stops behind each one (the trap flag). So the handler interrupts a call at points that no timer
 * would ever hit. */
#ifndef STEPS_H
#define STEPS_H

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define DEFERS_SIGNALS true
#else
#define DEFERS_SIGNALS false
#endif

static Pool pool;

static inline void makeShared(Pool *made) {
  mema_Options options = {.poolSize = MIB, .untracked = true, .shared = true};
  memset(made, 0, sizeof *made);
  assert_true(mema_initPoolWith(made, &options));
}

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

static void (*atStep)(unsigned step);
static _Thread_local volatile unsigned steps;
static _Thread_local volatile bool stepping;
static _Thread_local volatile uintptr_t steppedTo;

static inline void onTrap(int signal, siginfo_t *information, void *context) {
  (void)signal;
  (void)information;
#if defined(__x86_64__)
  enum { trapFlag = 0x100 };
  ucontext_t *interrupted = context;
  if (stepping) {
    interrupted->uc_mcontext.gregs[REG_EFL] |= trapFlag;
    steppedTo = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
    atStep(steps++);
  } else {
    interrupted->uc_mcontext.gregs[REG_EFL] &= ~trapFlag;
  }
#else
  (void)context;
#endif
}

static inline void beginSteps(void (*handler)(unsigned step)) {
  struct sigaction action = {.sa_sigaction = onTrap, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  atStep = handler;
  steps = 0;
  stepping = true;
  raise(SIGTRAP);
}

static inline void endSteps(void) {
  stepping = false;
}

static inline void needSteps(void) {
#if !defined(__x86_64__)
  skip();
#endif
  if (DEFERS_SIGNALS) skip();
}

static inline bool freeOne(void) {
  return pfree(&pool, palloc(&pool, 100));
}

static sem_t begun;

/* Whether the thread comes to its end, in a time that is long enough for everything but for ever. */
static inline bool comesToItsEnd(void *(*work)(void *), void *argument) {
  pthread_t thread;
  struct timespec end;
  if (pthread_create(&thread, NULL, work, argument) != 0) return false;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += hangLimit();
  if (sem_timedwait(&begun, &end) != 0) return false;
  return pthread_join(thread, NULL) == 0;
}

#endif
