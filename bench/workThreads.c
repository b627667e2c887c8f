/* workThreads.c - two threads at once: each its own work, one that allocates and one that frees, an exchange, a server.
 *
 * Each thread has a processor of its own where two may be used, and draws its own numbers; both begin behind a barrier. The time
 * is that from the barrier to the end of the last of them, and is shown per pair of one thread: two threads that do not hinder
 * each other show the ns of one.
 *
 * A thread that waits spins, and lets others run now and then. So the processor time of the process, in units of wall time times
 * threads, says whether the processors were free for it. An allocator whose threads sleep in locks uses less of it too; the null
 * peer has none. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workThreads.h"

#include "work.h"
#include "workTools.h"

/* ---- processors --------------------------------------------------------------------------------------------------- */

static cpu_set_t processors;

bool readProcessors(const char *mask) {
  if (mask == NULL) return sched_getaffinity(0, sizeof processors, &processors) == 0;
  size_t digits = strlen(mask);
  CPU_ZERO(&processors);
  if (digits == 0 || strspn(mask, "0123456789abcdefABCDEF,") != digits) return false;
  size_t processor = 0;
  for (size_t i = digits; i-- > 0;) {
    if (mask[i] == ',') continue; /* between groups of eight digits */
    char digit[2] = {mask[i], '\0'};
    unsigned long bits = strtoul(digit, NULL, 16);
    for (int bit = 0; bit < 4; bit++, processor++) {
      if ((bits >> bit & 1) != 0 && processor < CPU_SETSIZE) CPU_SET(processor, &processors);
    }
  }
  return CPU_COUNT(&processors) > 0;
}

int countProcessors(void) {
  return CPU_COUNT(&processors);
}

void useAllProcessors(void) {
  sched_setaffinity(0, sizeof processors, &processors);
}

/* Counted from the last one, as the first often serves the interrupts. The process may have been put on one alone. */
static void takeProcessor(int index) {
  int behind = index % countProcessors();
  for (int processor = CPU_SETSIZE - 1; processor >= 0; processor--) {
    if (!CPU_ISSET(processor, &processors) || behind-- > 0) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processor, &own);
    if (pthread_setaffinity_np(pthread_self(), sizeof own, &own) != 0) abort();
    return;
  }
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

static inline void relax(unsigned *turns) {
  if (++*turns % 1024 == 0) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* The places that two threads write to lie this far apart: two cache lines are fetched at a time. */
#define APART _Alignas(128)

typedef struct {
  APART atomic_int arrived;
  APART atomic_uint turn;
} Barrier;

static void meet(Barrier *barrier, int parties) {
  unsigned turn = atomic_load(&barrier->turn);
  unsigned turns = 0;
  if (atomic_fetch_add(&barrier->arrived, 1) + 1 == parties) {
    atomic_store(&barrier->arrived, 0);
    atomic_store(&barrier->turn, turn + 1);
    return;
  }
  while (atomic_load(&barrier->turn) == turn) relax(&turns);
}

/* ---- a crew ------------------------------------------------------------------------------------------------------- */

/* In the server that hands over to new threads, one of these follows the other in a lane. */
enum { STAGES = 50 };

typedef struct Crew Crew;

typedef struct {
  APART Crew *crew;
  int index;
  double start;
  int started; /* threads: each is the last of them when it begins */
  pthread_t threads[STAGES];
  double ends[STAGES];
  bool followed[STAGES]; /* by another: it has made one before it ended */
  uint64_t seed;         /* for the next thread of the lane */
  Batch batch;
  void **chunks;
} Lane;

typedef struct {
  void (*prepare)(Lane *lane); /* untimed; warms up */
  void (*run)(Lane *lane);
  Replacement sizes; /* how many are live at a time in a thread, and their sizes */
} Task;

struct Crew {
  const Peer *peer;
  const Task *task;
  size_t n; /* pairs of one thread, or what the task counts */
  int parties;
  double usedBefore; /* ns of processor time, when the first thread passed the barrier */
  Barrier barrier;
  Lane lanes[MOST_THREADS];
};

static Crew crew;

static double processorTime(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *beginLane(void *argument) {
  Lane *lane = argument;
  takeProcessor(lane->index);
  enterThread(lane->index);
  seed = 1 + (uint64_t)lane->index;
  lane->crew->task->prepare(lane);
  meet(&lane->crew->barrier, lane->crew->parties);
  if (lane->index == 0) lane->crew->usedBefore = processorTime();
  lane->start = now();
  lane->crew->task->run(lane);
  lane->ends[0] = now();
  return NULL;
}

static void startThread(Lane *lane, void *begin(void *)) {
  int place = lane->started++;
  if (pthread_create(&lane->threads[place], NULL, begin, lane) != 0) abort();
}

/* The results of a thread may be read when it has ended. */
static void joinLane(Lane *lane) {
  int joined = 0;
  do {
    pthread_join(lane->threads[joined], NULL);
  } while (lane->followed[joined++]);
}

/* Seconds after which a measurement is given up: an allocator in which a thread waits forever must not hold up the others. */
enum { PATIENCE = 60 };

typedef struct {
  double ns;   /* from the barrier to the end of the last thread */
  double used; /* of the processors' time */
} Timing;

static Timing runCrew(const Peer *p, const Task *task, size_t n, int parties) {
  alarm(PATIENCE);
  crew.peer = p;
  crew.task = task;
  crew.n = n;
  crew.parties = parties;
  for (int i = 0; i < parties; i++) {
    crew.lanes[i].crew = &crew;
    crew.lanes[i].index = i;
    startThread(&crew.lanes[i], beginLane);
  }
  for (int i = 0; i < parties; i++) joinLane(&crew.lanes[i]);
  alarm(0);
  double used = processorTime() - crew.usedBefore;
  double start = crew.lanes[0].start;
  double end = start;
  for (int i = 0; i < parties; i++) {
    const Lane *lane = &crew.lanes[i];
    if (lane->start < start) start = lane->start;
    if (lane->ends[lane->started - 1] > end) end = lane->ends[lane->started - 1];
  }
  return (Timing){end - start, used / ((end - start) * parties)};
}

/* In a process of its own, so that one thread and two threads each find a heap that nothing has used. */
static Timing runCrewApart(const Peer *p, const Task *task, size_t n, int parties) {
  Timing *timing = mmap(NULL, sizeof *timing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (timing == MAP_FAILED) abort();
  pid_t child = fork();
  if (child == 0) {
    *timing = runCrew(p, task, n, parties);
    closePeer(p);
    _exit(0);
  }
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) abort();
  return *timing;
}

/* ---- each its own work -------------------------------------------------------------------------------------------- */

enum { BATCH = 1000, OWN_LIVE = 100000 };

static void prepareBatch(Lane *lane) {
  lane->batch = newBatch(BATCH);
  passBatch(lane->crew->peer, lane->batch, lane->crew->n / 4);
}

static void runBatches(Lane *lane) {
  passBatch(lane->crew->peer, lane->batch, lane->crew->n);
}

static void replaceTimes(Lane *lane, size_t times) {
  Replacement r = lane->crew->task->sizes;
  r.times = times;
  replace(lane->crew->peer, lane->chunks, &r);
}

static void prepareChunks(Lane *lane) {
  const Replacement *r = &lane->crew->task->sizes;
  lane->chunks = newArray(r->n * sizeof *lane->chunks);
  fill(lane->crew->peer, lane->chunks, r->n, r->least, r->most);
  replaceTimes(lane, lane->crew->n);
}

static void runReplacements(Lane *lane) {
  replaceTimes(lane, lane->crew->n);
}

static void speedUp(const Peer *p, const Task *task, size_t n, size_t pairsPerN, double *results) {
  double pairs = (double)(n * pairsPerN);
  results[1] = runCrewApart(p, task, n, 1).ns / pairs;
  Timing both = runCrewApart(p, task, n, 2);
  results[0] = both.ns / pairs;
  results[2] = 2 * results[1] / results[0];
  results[3] = both.used;
}

/* n: passes of a thousand pairs. */
void ownBatches(const Peer *p, size_t n, double *results) {
  speedUp(p, &(Task){.prepare = prepareBatch, .run = runBatches}, n, BATCH, results);
}

void ownReplacements(const Peer *p, size_t n, double *results) {
  speedUp(p, &(Task){prepareChunks, runReplacements, {OWN_LIVE, 16, 512, 0}}, n, 1, results);
}

/* The speed of memory alone: each thread writes to the first line of a random one of as many places as it has chunks in n2, as far apart
 * as those are on average; nothing is allocated. */
static void preparePlaces(Lane *lane) {
  const size_t apart = 264;
  char *first = newArray(OWN_LIVE * apart);
  lane->chunks = newArray(OWN_LIVE * sizeof *lane->chunks);
  for (size_t i = 0; i < OWN_LIVE; i++) lane->chunks[i] = first + i * apart;
}

static void touchPlaces(Lane *lane) {
  for (size_t i = 0; i < lane->crew->n; i++) touched(lane->chunks[randomBelow(OWN_LIVE)]);
}

void ownTouches(const Peer *p, size_t n, double *results) {
  speedUp(p, &(Task){.prepare = preparePlaces, .run = touchPlaces}, n, 1, results);
}

/* n: pairs of one thread. */
static void runTogether(const Peer *p, const Task *task, size_t n, double *results) {
  Timing timing = runCrew(p, task, n, 2);
  results[0] = timing.ns / (double)n;
  results[1] = timing.used;
}

/* ---- producer and consumer ---------------------------------------------------------------------------------------- */

/* One thread writes, the other reads; each tells the other every RING_BATCH chunks how far it is. */
enum { RING_SLOTS = 1024, RING_BATCH = 64 };

static struct {
  APART atomic_size_t written;
  APART atomic_size_t taken;
  APART void *slots[RING_SLOTS];
} passed;

static void produce(const Peer *p, const Replacement *r, size_t n) {
  unsigned turns = 0;
  size_t from = atomic_load(&passed.written);
  for (size_t end = from + n; from != end; from += RING_BATCH) {
    while (from + RING_BATCH - atomic_load_explicit(&passed.taken, memory_order_acquire) > RING_SLOTS) relax(&turns);
    for (size_t i = from; i != from + RING_BATCH; i++) {
      passed.slots[i % RING_SLOTS] = allocTouched(p, randomSize(r->least, r->most));
    }
    atomic_store_explicit(&passed.written, from + RING_BATCH, memory_order_release);
  }
}

/* It reads what it was sent, as every consumer does. (Null hands the same memory out again meanwhile: its byte is always 1.) */
static void consume(const Peer *p, size_t n) {
  unsigned turns = 0;
  size_t from = atomic_load(&passed.taken);
  for (size_t end = from + n; from != end; from += RING_BATCH) {
    while (atomic_load_explicit(&passed.written, memory_order_acquire) == from) relax(&turns);
    for (size_t i = from; i != from + RING_BATCH; i++) {
      void *chunk = passed.slots[i % RING_SLOTS];
      if (*(volatile char *)chunk != 1) abort();
      give(p, chunk);
    }
    atomic_store_explicit(&passed.taken, from + RING_BATCH, memory_order_release);
  }
}

static void passOn(Lane *lane, size_t n) {
  n -= n % RING_BATCH;
  if (lane->index == 0)
    produce(lane->crew->peer, &lane->crew->task->sizes, n);
  else
    consume(lane->crew->peer, n);
}

static void preparePassing(Lane *lane) {
  passOn(lane, lane->crew->n / 4);
}

static void runPassing(Lane *lane) {
  passOn(lane, lane->crew->n);
}

void passEqual(const Peer *p, size_t n, double *results) {
  runTogether(p, &(Task){preparePassing, runPassing, {0, 64, 64, 0}}, n, results);
}

void passMixed(const Peer *p, size_t n, double *results) {
  runTogether(p, &(Task){preparePassing, runPassing, {0, 16, 1024, 0}}, n, results);
}

/* ---- an exchange -------------------------------------------------------------------------------------------------- */

enum { PLACES = 10000 };

static _Atomic(void *) places[PLACES];

static void exchange(Lane *lane, size_t n) {
  const Peer *p = lane->crew->peer;
  for (size_t i = 0; i < n; i++) {
    size_t k = randomBelow(PLACES);
    void *chunk = allocTouched(p, randomSize(16, 512));
    chunk = atomic_exchange_explicit(&places[k], chunk, memory_order_acq_rel);
    if (chunk != NULL) give(p, chunk);
  }
}

static void prepareExchange(Lane *lane) {
  exchange(lane, lane->crew->n / 4);
}

static void runExchange(Lane *lane) {
  exchange(lane, lane->crew->n);
}

void exchangePlaces(const Peer *p, size_t n, double *results) {
  runTogether(p, &(Task){.prepare = prepareExchange, .run = runExchange}, n, results);
}

/* ---- a server ----------------------------------------------------------------------------------------------------- */

/* In stages: a thread replaces random chunks of its array, and hands the array over. After Larson and Krishnan, "Memory allocation
 * for long-running server applications" (ISMM 1998). */
enum { SERVED = 5000 };

static const Replacement served = {SERVED, 16, 512, 0};

static void prepareServer(Lane *lane) {
  lane->chunks = newArray(SERVED * sizeof *lane->chunks);
  fill(lane->crew->peer, lane->chunks, SERVED, served.least, served.most);
  replaceTimes(lane, lane->crew->n / STAGES);
}

/* To the other thread, which hands over its own. */
static void runInTurn(Lane *lane) {
  Lane *other = &lane->crew->lanes[1 - lane->index];
  for (int stage = 0; stage < STAGES; stage++) {
    replaceTimes(lane, lane->crew->n / STAGES);
    void **own = lane->chunks;
    meet(&lane->crew->barrier, lane->crew->parties);
    if (lane->index == 0) {
      lane->chunks = other->chunks;
      other->chunks = own;
    }
    meet(&lane->crew->barrier, lane->crew->parties);
  }
}

/* To a new thread, which is on the same processor, as it inherits that. */
static void runStage(Lane *lane);

static void *continueLane(void *argument) {
  Lane *lane = argument;
  int place = lane->started - 1;
  enterThread(lane->index);
  seed = lane->seed;
  runStage(lane);
  lane->ends[place] = now();
  return NULL;
}

static void runStage(Lane *lane) {
  replaceTimes(lane, lane->crew->n / STAGES);
  lane->seed = seed;
  if (lane->started == STAGES) return;
  lane->followed[lane->started - 1] = true; /* itself: the next one is not there yet */
  startThread(lane, continueLane);
}

void serveInTurn(const Peer *p, size_t n, double *results) {
  runTogether(p, &(Task){prepareServer, runInTurn, served}, n, results);
}

void serveAnew(const Peer *p, size_t n, double *results) {
  runTogether(p, &(Task){prepareServer, runStage, served}, n, results);
}
