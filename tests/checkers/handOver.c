/* Threads allocate chunks where chunks of other threads were, and hand chunks to each other. Each thread writes and reads all bytes of its chunks.
 * The program has no race: the end of a chunk comes before the next chunk in its place.
 *
 * First the threads take turns. The sanitizer does not see the baton that they pass, so the library alone tells it of an order. Then all threads
 * run at once.
 *
 *   handOver KIND: shared | sharedTracked | pools | subPools | outside */
#define _GNU_SOURCE
#include <mema.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { threads = 3, rounds = 30, turns = 6, live = 24, slots = 8, poolSize = 4 << 20 };

typedef struct Handed {
  unsigned char *bytes;
  size_t size;
} Handed;

static Pool common;
static _Atomic(Handed *) shelf[slots]; /* from thread to thread */

static _Noreturn void fail(const char *what) {
  printf("%s: %s\n", what, mema_lastError()->sentence);
  exit(1);
}

static inline void expect(bool good, const char *what) {
  if (!good) fail(what);
}

/* A few of each: slots, runs of units, chunks with a reservation of their own. */
static size_t sizeOf(unsigned number) {
  static const size_t sizes[] = {16, 100, 1000, 48, 5000, 30, 260, 70000, 20, 600};
  return sizes[number % (sizeof sizes / sizeof *sizes)];
}

static unsigned char *makeChunk(Pool *pool, unsigned number, size_t size) {
  unsigned char *chunk = number % 7 == 3   ? mema_pcalloc(pool, 1, size)
                         : number % 7 == 5 ? mema_pmemalign(pool, 64, size)
                                           : palloc(pool, size);
  expect(chunk != NULL, "palloc");
  memset(chunk, (int)number & 0xFF, size);
  return chunk;
}

static void endChunk(Pool *pool, unsigned char *chunk, size_t size) {
  expect(chunk[0] == chunk[size - 1], "bytes");
  expect(pfree(pool, chunk), "pfree");
}

static void churn(Pool *pool, unsigned seed) {
  unsigned char *chunks[live];
  size_t sizes[live];
  for (unsigned i = 0; i < live; i++) chunks[i] = makeChunk(pool, seed + i, sizes[i] = sizeOf(seed + i));
  for (unsigned i = 0; i < live; i += 3) {
    unsigned char *grown = mema_repalloc(pool, chunks[i], sizes[i] *= 2);
    expect(grown != NULL, "repalloc");
    memset(grown, (int)i, sizes[i]);
    chunks[i] = grown;
  }
  for (unsigned i = 0; i < live; i++) endChunk(pool, chunks[i], sizes[i]);
}

/* Hands a chunk to another thread, and frees one that came from another. */
static void handOn(unsigned seed) {
  Handed *mine = palloc(&common, sizeof *mine);
  expect(mine != NULL, "palloc");
  mine->size = sizeOf(seed);
  mine->bytes = makeChunk(&common, seed, mine->size);
  Handed *theirs = atomic_exchange(&shelf[seed % slots], mine);
  if (theirs == NULL) return;
  endChunk(&common, theirs->bytes, theirs->size);
  expect(pfree(&common, theirs), "pfree");
}

/* ---- the baton --------------------------------------------------------------------------------------------------------- */

#define UNSEEN __attribute__((no_sanitize("thread"), noinline))

#if defined(__aarch64__)
#define BARRIER() __asm__ volatile("dmb ish" ::: "memory")
#else
#define BARRIER() __asm__ volatile("" ::: "memory")
#endif

static volatile unsigned baton;

UNSEEN static void awaitBaton(unsigned thread) {
  while (baton % threads != thread) sched_yield();
  BARRIER();
}

UNSEEN static void passBaton(void) {
  BARRIER();
  baton = baton + 1;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------- */

static void withPool(const mema_Options *options, Pool *parent, unsigned seed) {
  Pool pool;
  bool made = parent != NULL ? mema_initSubPool(&pool, parent, options) : mema_initPoolWith(&pool, options);
  expect(made, "init");
  churn(&pool, seed);
  expect(makeChunk(&pool, seed, 3000) != NULL && freePool(&pool), "freePool");
}

/* mema_trimPool takes the spare slots of all threads back, so this thread finds those of the one before. */
static void share(unsigned seed, bool alone) {
  if (alone) mema_trimPool(&common);
  churn(&common, seed);
  for (unsigned j = 0; j < slots && !alone; j++) handOn(seed + j);
}

/* The memory of a pool that was freed serves the next pool, of whatever thread. */
static void ownPools(unsigned seed, bool alone) {
  mema_Options options = {.poolSize = 1 << 20, .untracked = seed & 1, .engine = seed % 3 == 0 ? MEMA_ARENA : MEMA_SLAB};
  if (alone) options = (mema_Options){.poolSize = seed % 2 == 0 ? 1 << 20 : 16 << 20};
  withPool(&options, NULL, seed);
}

static void ownSubPools(unsigned seed, bool alone) {
  mema_Options options = {.poolSize = 1 << 20, .guaranteed = 100000, .untracked = seed & 1};
  if (alone) mema_trimPool(&common);
  withPool(&options, &common, seed);
  churn(&common, seed);
}

/* Chunks without room in the reservation lie in mappings of their own, which end with the pool. */
static void outside(unsigned seed, bool alone) {
  char buffer[4096];
  mema_Options narrow = {.poolSize = 2 << 20, .reservation = 64 * 1024};
  mema_Options fixed = {
      .poolSize = 2 << 20, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer, .fallback = true};
  (void)alone;
  withPool(&narrow, NULL, seed);
  withPool(&fixed, NULL, seed);
}

static void (*kindRun)(unsigned seed, bool alone);

static void *runRounds(void *arg) {
  unsigned thread = (unsigned)(size_t)arg;
  for (unsigned i = 0; i < turns; i++) {
    awaitBaton(thread);
    kindRun(i, true);
    passBaton();
  }
  for (unsigned i = 0; i < rounds; i++) kindRun(thread * 1000 + i, false);
  return NULL;
}

static void runThreads(void) {
  pthread_t ids[threads];
  baton = 0;
  for (size_t i = 0; i < threads; i++) expect(pthread_create(&ids[i], NULL, runRounds, (void *)i) == 0, "pthread_create");
  for (size_t i = 0; i < threads; i++) pthread_join(ids[i], NULL);
}

static const struct {
  const char *name;
  void (*run)(unsigned seed, bool alone);
  bool tracked;
} kinds[] = {{"shared", share, false},
             {"sharedTracked", share, true},
             {"pools", ownPools, false},
             {"subPools", ownSubPools, false},
             {"outside", outside, false}};

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (argc < 2 || strcmp(argv[1], kinds[i].name) != 0) continue;
    mema_Options options = {.poolSize = poolSize, .shared = true, .untracked = !kinds[i].tracked};
    expect(mema_initPoolWith(&common, &options), "init");
    kindRun = kinds[i].run;
    runThreads();
    runThreads(); /* new threads take over the caches of the ended ones */
    expect(freePool(&common), "freePool");
    return 0;
  }
  return 2;
}
