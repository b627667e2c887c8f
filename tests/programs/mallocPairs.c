/* mallocPairs few|bursts|burstsOfTwo|lives|passed|served STEPS [--by-turns]: plays pairs of a malloc and its free, under an allocator that is
 * preloaded. It first plays a quarter of the steps, then measures the rest.
 *
 * Without --by-turns it prints the nanoseconds of a pair: those of wall time, from the barrier to the end of the last thread, per pair of one
 * thread. With --by-turns the threads play their steps one after the other, so each run has the same order of calls; it prints the number of
 * measured pairs of all threads. Callgrind counts the instructions in measuredStep alone (tests/instructions.sh, bench/pairs.sh). A thread
 * waits for its turn at a pipe, and --by-turns reads no clock: tests/syscalls.sh counts the other calls of the system. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { mostThreads = 2, fewLive = 1000, burst = 5000, places = 100000, batch = 1000, batches = 8 };

typedef struct Lane Lane;

typedef struct {
  const char *name;
  int threads;
  void (*step)(Lane *lane, size_t number);
  size_t pairs; /* of one step of all threads */
} Pattern;

struct Lane {
  _Alignas(128) const Pattern *pattern;
  int index, wakes[2]; /* the ends of the pipe where the thread waits for its turn */
  size_t steps;
  uint64_t seed;
  double start, end;
  void **chunks;
};

static Lane lanes[mostThreads];
static void *allChunks[mostThreads][places]; /* no chunk of the heap: threads that begin would ask for it in any order */
static bool byTurns;

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

static size_t randomBelow(Lane *lane, size_t n) {
  lane->seed = lane->seed * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(((lane->seed >> 32) * n) >> 32);
}

/* Half of the sizes lie below a quarter of the greatest one. */
static size_t mixedSize(Lane *lane, size_t most) {
  size_t limit = randomBelow(lane, most);
  return 8 + randomBelow(lane, limit + 1);
}

static void *take(size_t size) {
  char *chunk = malloc(size);
  if (chunk == NULL) abort();
  *(volatile char *)chunk = 1;
  return chunk;
}

/* ---- the patterns: each step of a thread ------------------------------------------------------------------------------- */

/* Four small sizes; the oldest chunk is freed. */
static void fewSizes(Lane *lane, size_t number) {
  static const size_t sizes[] = {16, 24, 32, 48};
  (void)number;
  for (size_t i = 0; i < fewLive; i++) {
    free(lane->chunks[i]);
    lane->chunks[i] = take(sizes[randomBelow(lane, 4)]);
  }
}

/* A burst is freed in the order of its allocation, the next one in reverse. */
static void bursts(Lane *lane, size_t number) {
  for (size_t i = 0; i < burst; i++) lane->chunks[i] = take(mixedSize(lane, 400));
  for (size_t i = 0; i < burst; i++) free(lane->chunks[number % 2 == 0 ? i : burst - 1 - i]);
}

/* A place drawn at random is freed if it has a chunk, else it gets one: half of the places have one. */
static void randomLives(Lane *lane, size_t number) {
  (void)number;
  for (size_t i = 0; i < 2 * batch; i++) {
    size_t k = randomBelow(lane, places);
    if (lane->chunks[k] != NULL) {
      free(lane->chunks[k]);
      lane->chunks[k] = NULL;
    } else {
      lane->chunks[k] = take(mixedSize(lane, 1000));
    }
  }
}

typedef struct {
  _Alignas(128) _Atomic bool isFull;
  void *chunks[batch];
} Batch;

/* There is one ring for each direction. */
static Batch rings[2][batches];

/* A thread that waits for the other spins, and lets others run now and then. With turns it never waits. */
static void await(const Batch *passed, bool full) {
  for (unsigned turns = 1; atomic_load_explicit(&passed->isFull, memory_order_acquire) != full; turns++)
    if (turns % 1024 == 0) sched_yield();
}

static void fillBatch(Lane *lane, Batch *passed, size_t most) {
  await(passed, false);
  for (size_t i = 0; i < batch; i++) passed->chunks[i] = take(mixedSize(lane, most));
  atomic_store_explicit(&passed->isFull, true, memory_order_release);
}

static void freeBatch(Batch *passed) {
  await(passed, true);
  for (size_t i = 0; i < batch; i++) free(passed->chunks[i]);
  atomic_store_explicit(&passed->isFull, false, memory_order_release);
}

/* The first thread allocates, the second frees. */
static void pass(Lane *lane, size_t number) {
  Batch *passed = &rings[0][number % batches];
  if (lane->index == 0) {
    fillBatch(lane, passed, 500);
  } else {
    freeBatch(passed);
  }
}

/* Each thread allocates what the other frees. */
static void serve(Lane *lane, size_t number) {
  fillBatch(lane, &rings[lane->index][number % batches], 500);
  if (lane->index == 0 && byTurns && number == 0) return;
  freeBatch(&rings[1 - lane->index][(lane->index == 0 && byTurns ? number - 1 : number) % batches]);
}

static const Pattern patterns[] = {
    {"few", 1, fewSizes, fewLive},    {"bursts", 1, bursts, burst}, {"burstsOfTwo", 2, bursts, 2 * burst},
    {"lives", 1, randomLives, batch}, {"passed", 2, pass, batch},   {"served", 2, serve, 2 * batch}};

/* ---- threads ----------------------------------------------------------------------------------------------------------- */

/* Callgrind counts the calls from here alone. */
static __attribute__((noinline, used)) void measuredStep(Lane *lane, size_t number) {
  lane->pattern->step(lane, number);
  __asm__ volatile("" ::: "memory"); /* no tail call: it would leave this function early */
}

static void wake(const Lane *lane) {
  if (write(lane->wakes[1], "", 1) != 1) abort();
}

static void awaitTurn(const Lane *lane) {
  char byte;
  if (read(lane->wakes[0], &byte, 1) != 1) abort();
}

/* A mark in the list of the calls of the system. */
static void mark(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) abort();
}

static void playByTurns(Lane *lane, size_t warm) {
  const Lane *next = &lanes[(lane->index + 1) % lane->pattern->threads];
  for (size_t number = 0; number < warm + lane->steps; number++) {
    awaitTurn(lane);
    if (lane->index == 0 && number == warm) mark("begin\n");
    if (number < warm) {
      lane->pattern->step(lane, number);
    } else {
      measuredStep(lane, number);
    }
    if (next->index == 0 && number + 1 == warm + lane->steps) mark("end\n");
    wake(next);
  }
  if (lane->index == 0) awaitTurn(lane); /* else it would wait for the end of the other thread in between */
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static _Atomic int arrived;

static void meet(int parties) {
  atomic_fetch_add(&arrived, 1);
  while (atomic_load(&arrived) < parties) sched_yield();
}

static void playAtOnce(Lane *lane, size_t warm) {
  for (size_t number = 0; number < warm; number++) lane->pattern->step(lane, number);
  meet(lane->pattern->threads);
  lane->start = now();
  for (size_t number = warm; number < warm + lane->steps; number++) measuredStep(lane, number);
  lane->end = now();
}

static void *play(void *argument) {
  Lane *lane = argument;
  size_t warm = lane->steps / 4;
  if (lane->pattern->step == randomLives)
    for (size_t k = 0; k < places; k += 2) lane->chunks[k] = take(mixedSize(lane, 1000));
  if (byTurns) {
    playByTurns(lane, warm);
  } else {
    playAtOnce(lane, warm);
  }
  return NULL;
}

static const Pattern *findPattern(const char *name) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (strcmp(patterns[i].name, name) == 0) return &patterns[i];
  return NULL;
}

/* The first thread is the process's own. */
static void playAll(const Pattern *pattern, size_t steps) {
  pthread_t other = pthread_self();
  for (int i = 0; i < pattern->threads; i++) {
    lanes[i] = (Lane){.pattern = pattern, .index = i, .steps = steps, .seed = 1 + (uint64_t)i, .chunks = allChunks[i]};
    if (pipe(lanes[i].wakes) != 0) abort();
  }
  wake(&lanes[0]);
  if (pattern->threads == 2 && pthread_create(&other, NULL, play, &lanes[1]) != 0) abort();
  play(&lanes[0]);
  if (pattern->threads == 2) pthread_join(other, NULL);
}

int main(int argc, char **argv) {
  const Pattern *pattern = argc >= 3 ? findPattern(argv[1]) : NULL;
  size_t steps = argc >= 3 ? strtoul(argv[2], NULL, 10) : 0;
  byTurns = argc == 4 && strcmp(argv[3], "--by-turns") == 0;
  if (pattern == NULL || steps == 0 || (argc == 4 && !byTurns)) return 2;
  playAll(pattern, steps);
  double start = lanes[0].start, end = lanes[0].end;
  if (pattern->threads == 2 && lanes[1].start < start) start = lanes[1].start;
  if (pattern->threads == 2 && lanes[1].end > end) end = lanes[1].end;
  double pairs = (double)steps * (double)pattern->pairs;
  /* Threads that work at once count the pairs of one of them. */
  double ofOne = pattern->step == pass ? pairs : pairs / pattern->threads;
  printf(byTurns ? "%s %.0f\n" : "%s %.3f\n", pattern->name, byTurns ? pairs : (end - start) / ofOne);
  return 0;
}
