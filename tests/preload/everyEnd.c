/* everyEnd FILE KIND POINTS - starts processes that end in the way named, each after a number of steps of its own, and that write to FILE what they
 * counted. Each step is a call to the heap or two. Each number of steps is taken by a process of one thread and by one of four, by one that begins
 * as a program and by one that is forked off a process with threads. figures.sh compares the counts with the figures of `mema run`.
 *
 *   pid THREADS ROUND STEPS allocations frees liveBytes peakBytes sumOfPeaks     ROUND: spawned or forked
 *
 * The threads take turns, so that the counts are exact. All of them live at the end, with calls that their figures still lack. */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

enum { THREADS = 4, CHUNKS = 256, BURST = 5, PACE = 13 };

/* The live bytes of a thread's chunks, minus the bytes of other threads' chunks that it freed; and the peak of this. */
typedef struct Worker {
  pthread_t thread;
  sem_t turn;
  long net, peak;
} Worker;

static Worker workers[THREADS];
static sem_t done;
static volatile bool ending;
static int burst; /* steps that the worker at turn is to take */

static void *chunks[CHUNKS];
static bool allAlike;
static long allocations, frees, live, peak;
static uint64_t random_ = 88172645463325252u;
static volatile int *volatile nowhere = (volatile int *)8;

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

static void account(Worker *worker, long bytes) {
  live += bytes;
  worker->net += bytes;
  if (live > peak) peak = live;
  if (worker->net > worker->peak) worker->peak = worker->net;
}

/* One in sixteen is large, but where all are of nearly the same size, so that the pool's lock is seldom taken. */
static size_t anySize(void) {
  uint64_t number = nextRandom(&random_);
  if (allAlike) return 60 + number % 100;
  return number % 16 == 0 ? 40000 + number / 16 % 300000 : 1 + number / 16 % 2000;
}

static void drop(Worker *worker, void **place) {
  account(worker, -(long)malloc_usable_size(*place));
  free(*place);
  *place = NULL;
  frees++;
}

static void take(Worker *worker, void **place) {
  size_t size = anySize();
  switch (nextRandom(&random_) % 4) {
    case 0:
      *place = calloc(1, size);
      break;
    case 1:
      *place = memalign(64, size);
      break;
    default:
      *place = malloc(size);
  }
  CHECK(*place != NULL);
  account(worker, (long)malloc_usable_size(*place));
  allocations++;
}

/* A chunk that moves is another one. While it does, the pool charges the difference only. */
static void resize(Worker *worker, void **place) {
  long before = (long)malloc_usable_size(*place);
  void *old = *place;
  *place = realloc(old, anySize());
  CHECK(*place != NULL);
  allocations += *place != old;
  frees += *place != old;
  account(worker, (long)malloc_usable_size(*place) - before);
}

static void step(Worker *worker) {
  void **place = &chunks[nextRandom(&random_) % CHUNKS];
  if (*place == NULL) {
    take(worker, place);
  } else if (nextRandom(&random_) % 3 == 0) {
    resize(worker, place);
  } else {
    drop(worker, place);
  }
}

static void takeTurn(Worker *worker) {
  for (int i = 0; i < burst; i++) step(worker);
}

static void *work(void *self) {
  Worker *worker = self;
  for (;;) {
    while (sem_wait(&worker->turn) != 0) continue;
    if (ending) return NULL;
    takeTurn(worker);
    sem_post(&done);
  }
}

static void startWorkers(int threads) {
  sem_init(&done, 0, 0);
  for (int i = 1; i < threads; i++) {
    sem_init(&workers[i].turn, 0, 0);
    CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
  }
}

static void takeSteps(int threads, int steps) {
  for (int turn = 0; steps > 0; turn++) {
    Worker *worker = &workers[turn % threads];
    burst = steps < BURST ? steps : BURST;
    steps -= burst;
    if (turn % threads == 0) {
      takeTurn(worker);
    } else {
      sem_post(&worker->turn);
      while (sem_wait(&done) != 0) continue;
    }
  }
}

/* ---- ends --------------------------------------------------------------------------------------------------------------- */

static void endThreads(int threads) {
  ending = true;
  for (int i = 1; i < threads; i++) sem_post(&workers[i].turn);
  pthread_exit(NULL);
}

/* Returns where main is to return. */
static void end(const char *kind, int threads) {
  if (strcmp(kind, "exit") == 0) exit(0);
  if (strcmp(kind, "_exit") == 0) _exit(0);
  if (strcmp(kind, "_Exit") == 0) _Exit(0);
  if (strcmp(kind, "quick_exit") == 0) quick_exit(0);
  if (strcmp(kind, "abort") == 0) abort();
  if (strcmp(kind, "assert") == 0) __assert_fail("of the test", "", 1, "");
  if (strcmp(kind, "kill") == 0) raise(SIGKILL);
  if (strcmp(kind, "fault") == 0) *nowhere = 1;
  if (strcmp(kind, "pthread_exit") == 0) endThreads(threads);
  if (strcmp(kind, "exec") == 0) execl("/proc/self/exe", "everyEnd", (char *)NULL);
}

static void say(const char *file, int threads, const char *round, int steps) {
  long peaks = 0;
  char line[200];
  for (int i = 0; i < threads; i++) peaks += workers[i].peak;
  int length = snprintf(line, sizeof line, "%d %d %s %d %ld %ld %ld %ld %ld\n", getpid(), threads, round, steps, allocations,
                        frees, live, peak, peaks);
  int out = open(file, O_WRONLY | O_APPEND | O_CREAT, 0666);
  CHECK(out >= 0 && write(out, line, (size_t)length) == length);
  close(out);
}

static void endOne(const char *file, const char *kind, int threads, const char *round, int steps) {
  allAlike = steps % 2 != 0;
  startWorkers(threads);
  takeSteps(threads, steps);
  say(file, threads, round, steps);
  end(kind, threads);
}

/* ---- the processes ------------------------------------------------------------------------------------------------------ */

static void waitFor(pid_t child) {
  int status;
  CHECK(child > 0);
  while (waitpid(child, &status, 0) != child) continue;
}

static void spawnOne(const char *file, const char *kind, const char *threads, int steps) {
  char number[20];
  snprintf(number, sizeof number, "%d", steps);
  char *const arguments[] = {(char *)"everyEnd", (char *)file, (char *)kind, number, (char *)threads, NULL};
  pid_t child;
  CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
  waitFor(child);
}

__attribute__((noreturn)) static void *holdSome(void *ready) {
  for (int i = 0; i < 100; i++) chunks[i] = malloc(500);
  sem_post(ready);
  for (;;) pause();
}

/* The parent's counts are none of the child's, and its chunks are none that the child may free. */
static void forkOne(const char *file, const char *kind, int threads, int steps) {
  pid_t child = fork();
  if (child == 0) {
    memset(chunks, 0, sizeof chunks);
    endOne(file, kind, threads, "forked", steps);
    exit(0);
  }
  waitFor(child);
}

static void startAll(const char *file, const char *kind, int points) {
  sem_t ready;
  pthread_t thread;
  for (int point = 0; point <= points; point++) {
    spawnOne(file, kind, "1", PACE * point);
    spawnOne(file, kind, "4", PACE * point);
  }
  sem_init(&ready, 0, 0);
  CHECK(pthread_create(&thread, NULL, holdSome, &ready) == 0);
  while (sem_wait(&ready) != 0) continue;
  for (int point = 0; point <= points; point++) {
    forkOne(file, kind, 1, PACE * point);
    forkOne(file, kind, THREADS, PACE * point);
  }
}

int main(int argc, char **argv) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  if (argc < 4) _exit(0); /* the program that a process becomes by exec */
  if (argc == 4) {
    startAll(argv[1], argv[2], atoi(argv[3]));
  } else {
    endOne(argv[1], argv[2], atoi(argv[4]), "spawned", atoi(argv[3]));
  }
  return 0;
}
