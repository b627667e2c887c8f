/* A signal handler that uses a pool, as often as the system's timer allows, and the flow that it interrupts. */
#ifndef TICKS_H
#define TICKS_H

#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { held = 64, budget = 1 << 20 };

static Pool mainPool, otherPools[2];
static unsigned char *kept[held]; /* the handler's own: no one else looks at them */
static Pool *keptPool;
static atomic_uint ticks, served, refusedTicks;
static atomic_bool wrong, stopping, ticking;
static const char *volatile complaint;
static unsigned handlerForks; /* at each so many ticks; 0: never */
static int interval = 100;    /* microseconds from the end of a tick to the next; 0: ticks are raised, not timed */
static uint64_t handlerRandom;

static inline void complain(const char *what) {
  if (!atomic_exchange(&wrong, true)) complaint = what;
}

/* A refusal is one for the right reason: the handlers together never need half of the budget. */
static inline bool isReentry(void) {
  if (mema_lastError()->reason == MEMA_REENTERED && errno == EDEADLK) return true;
  complain(mema_lastError()->name);
  return false;
}

static inline void takeOrGive(unsigned i) {
  if (kept[i] == NULL) {
    size_t size = 1 + nextRandom(&handlerRandom) % 1000;
    kept[i] = palloc(keptPool, size);
    if (kept[i] == NULL) {
      isReentry();
      atomic_fetch_add(&refusedTicks, 1);
      return;
    }
    memset(kept[i], (int)i + 1, 8);
  } else {
    for (unsigned j = 0; j < 8; j++)
      if (kept[i][j] != i + 1) complain("a handler's chunk was overwritten");
    if (!pfree(keptPool, kept[i])) {
      isReentry();
      atomic_fetch_add(&refusedTicks, 1);
      return;
    }
    kept[i] = NULL;
  }
  atomic_fetch_add(&served, 1);
}

/* The signal that ends a child that hangs is that of the handler, which blocks it. */
static inline int childOfHandler(void) {
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  signal(SIGALRM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
  alarm(hangLimit() / 3);
  void *chunk = palloc(&mainPool, 100);
  if (chunk == NULL) return isReentry() ? 0 : 1;
  return pfree(&mainPool, chunk) || isReentry() ? 0 : 2;
}

/* The timer starts anew at the end of each tick: so the interrupted flow proceeds, however slow the handler is. */
static inline void tickLater(void) {
  struct itimerval once = {{0, 0}, {0, interval}};
  if (atomic_load(&ticking)) setitimer(ITIMER_REAL, &once, NULL);
}

static inline void onTick(int signal) {
  (void)signal;
  int number = errno;
  unsigned tick = atomic_fetch_add(&ticks, 1);
  for (unsigned n = 0; n < 4; n++) takeOrGive((unsigned)(nextRandom(&handlerRandom) % held));
  if (handlerForks != 0 && tick % handlerForks == 0) {
    pid_t child = fork();
    if (child == 0) _exit(childOfHandler());
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) complain("a child forked by a handler ended badly");
  }
  tickLater();
  errno = number;
}

static inline void startTicking(Pool *pool) {
  keptPool = pool;
  atomic_store(&ticks, 0);
  atomic_store(&served, 0);
  atomic_store(&refusedTicks, 0);
  atomic_store(&wrong, false);
  atomic_store(&stopping, false);
  memset(kept, 0, sizeof kept);
  struct sigaction action = {.sa_handler = onTick, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  atomic_store(&ticking, true);
  tickLater();
}

static inline void stopTicking(void) {
  struct itimerval never = {{0, 0}, {0, 0}};
  atomic_store(&ticking, false);
  setitimer(ITIMER_REAL, &never, NULL);
  signal(SIGALRM, SIG_IGN);
  for (unsigned i = 0; i < held; i++)
    if (kept[i] != NULL && !pfree(keptPool, kept[i])) complain("a handler's chunk was lost");
}

static inline void makeShared(Pool *pool, bool untracked) {
  mema_Options options = {.poolSize = budget, .untracked = untracked, .shared = true};
  memset(pool, 0, sizeof *pool);
  assert_true(mema_initPoolWith(pool, &options));
}

/* All is free again, and every byte of it can be had. */
static inline void assertWhole(Pool *pool) {
  if (wrong) fail_msg("%s", complaint);
  assertPool(pool, 0, 0);
  void *all = palloc(pool, pool->poolSize);
  assert_non_null(all);
  assert_null(palloc(pool, 1));
  assert_true(pfree(pool, all));
  assert_true(freePool(pool));
}

/* One step of work on a pool, by a flow that handlers interrupt. */
static inline bool work(Pool *pool, uint64_t *random) {
  unsigned char *chunks[12];
  for (unsigned i = 0; i < 12; i++) {
    size_t size = nextRandom(random) % 64 == 0 ? 40000 : 1 + nextRandom(random) % 1200;
    if ((chunks[i] = palloc(pool, size)) == NULL) return false;
    chunks[i][0] = chunks[i][size - 1] = (unsigned char)i;
  }
  unsigned char *grown = mema_repalloc(pool, chunks[3], 3000);
  if (grown == NULL) return false;
  chunks[3] = grown;
  for (unsigned i = 0; i < 12; i++)
    if (chunks[i][0] != i || !pfree(pool, chunks[i])) return false;
  return true;
}

static inline void *workUntilStopped(void *pool) {
  uint64_t random = 3;
  while (!atomic_load(&stopping))
    if (!work(pool, &random)) complain("a thread's work failed");
  return NULL;
}

/* Ticks are counted, not seconds: the test ends when enough of them have come. */
static inline unsigned ticksWanted(void) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 600 / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

static inline void interruptedBy(Pool *handlersPool, Pool *const *pools, unsigned count, Pool *threadsPool) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all); /* the thread is never interrupted: the handler is in one flow only */
  pthread_sigmask(SIG_BLOCK, &all, &before);
  startTicking(handlersPool);
  if (threadsPool != NULL) assert_int_equal(pthread_create(&thread, NULL, workUntilStopped, threadsPool), 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  uint64_t random = 1;
  for (unsigned n = 0; atomic_load(&ticks) < ticksWanted() && !atomic_load(&wrong); n++) {
    if (!work(pools[n % count], &random)) complain("the interrupted flow's work failed");
    if (n % 7 == 0) (void)mema_freeSize(pools[0]);
  }
  atomic_store(&stopping, true);
  if (threadsPool != NULL) pthread_join(thread, NULL);
  stopTicking();
}

#endif
