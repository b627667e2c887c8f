/* work.c - what is timed. Every piece runs in a child process of its own, on a heap that nothing else has used.
 *
 * The work's own arrays come from mmap, so that they are no part of any competitor's heap, and the random numbers from one
 * generator with one seed, so that all competitors see the same sizes in the same order. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* ---- tools -------------------------------------------------------------------------------------------------------- */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t seed = 1;

/* A number below n; multiplied, not divided, because a division would cost as much as an allocation. */
static inline size_t randomBelow(size_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(((seed >> 32) * n) >> 32);
}

static inline size_t randomSize(size_t least, size_t most) {
  return least + randomBelow(most - least + 1);
}

static void *newArray(size_t bytes) {
  void *array = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (array == MAP_FAILED) abort();
  return array;
}

/* Without memory the child ends here, at the touch of NULL, and the parent shows a dash. */
static inline void *allocTouched(const Allocator *a, size_t size) {
  char *ptr = a->alloc(size);
  *(volatile char *)ptr = 1;
  return ptr;
}

static void fill(const Allocator *a, void **chunks, size_t n, size_t least, size_t most) {
  for (size_t i = 0; i < n; i++) chunks[i] = allocTouched(a, randomSize(least, most));
}

static void freeAll(const Allocator *a, void **chunks, size_t n) {
  for (size_t i = 0; i < n; i++) a->free(chunks[i]);
}

/* ---- alloc+free pairs --------------------------------------------------------------------------------------------- */

static double timeLifo(const Allocator *a, size_t pairs) {
  double start = now();
  for (size_t i = 0; i < pairs; i++) a->free(allocTouched(a, 64));
  return (now() - start) / (double)pairs;
}

void lifoPairs(const Allocator *a, size_t n, double *results) {
  timeLifo(a, n / 10);
  results[0] = timeLifo(a, n);
}

enum { BATCH_PASSES = 1000 };

static double timeBatch(const Allocator *a, void **chunks, const size_t *sizes, size_t n) {
  double start = now();
  for (size_t pass = 0; pass < BATCH_PASSES; pass++) {
    for (size_t i = 0; i < n; i++) chunks[i] = allocTouched(a, sizes[i]);
    freeAll(a, chunks, n);
  }
  return (now() - start) / (double)(n * BATCH_PASSES);
}

void batchInOrder(const Allocator *a, size_t n, double *results) {
  void **chunks = newArray(n * sizeof *chunks);
  size_t *sizes = newArray(n * sizeof *sizes);
  for (size_t i = 0; i < n; i++) sizes[i] = randomSize(16, 1024);
  timeBatch(a, chunks, sizes, n);
  results[0] = timeBatch(a, chunks, sizes, n);
}

static void replace(const Allocator *a, void **chunks, size_t n, size_t least, size_t most, size_t times) {
  for (size_t i = 0; i < times; i++) {
    size_t k = randomBelow(n);
    a->free(chunks[k]);
    chunks[k] = allocTouched(a, randomSize(least, most));
  }
}

/* As many replacements come first untimed as there are chunks, and a million at least: a heap filled in one go is in better
 * order than one that has been in use. */
static double timeReplace(const Allocator *a, size_t n, size_t least, size_t most) {
  size_t times = n > 1000000 ? n : 1000000;
  void **chunks = newArray(n * sizeof *chunks);
  fill(a, chunks, n, least, most);
  replace(a, chunks, n, least, most, times);
  double start = now();
  replace(a, chunks, n, least, most, times);
  double ns = (now() - start) / (double)times;
  freeAll(a, chunks, n);
  return ns;
}

void replaceMixed(const Allocator *a, size_t n, double *results) {
  results[0] = timeReplace(a, n, 16, 512);
}

void replaceEqual(const Allocator *a, size_t n, double *results) {
  results[0] = timeReplace(a, n, 48, 48);
}

/* ---- one free among many chunks ----------------------------------------------------------------------------------- */

/* Chunks are drawn some at a time, untimed: the clock is then read seldom, and looking up which chunk it is going to be is no
 * part of what is measured. */
enum { DRAWN = 128, DRAWS = 4096 };

typedef struct {
  size_t slots[DRAWN];
  void *chunks[DRAWN];
} Draw;

/* Takes the drawn chunks out of the array: one that was drawn twice would be freed twice. */
static void draw(Draw *d, void **chunks, size_t n) {
  for (int i = 0; i < DRAWN; i++) {
    size_t slot;
    do {
      slot = randomBelow(n);
    } while (chunks[slot] == NULL);
    d->slots[i] = slot;
    d->chunks[i] = chunks[slot];
    chunks[slot] = NULL;
  }
}

static void putBack(const Draw *d, void **chunks) {
  for (int i = 0; i < DRAWN; i++) chunks[d->slots[i]] = d->chunks[i];
}

static void timeFrees(const Allocator *a, void **chunks, size_t n, int draws, double *results) {
  Draw d;
  double freeing = 0;
  double allocating = 0;
  for (int i = 0; i < draws; i++) {
    draw(&d, chunks, n);
    double start = now();
    freeAll(a, d.chunks, DRAWN);
    double middle = now();
    for (int k = 0; k < DRAWN; k++) d.chunks[k] = allocTouched(a, 48);
    allocating += now() - middle;
    freeing += middle - start;
    putBack(&d, chunks);
  }
  results[0] = freeing / ((double)draws * DRAWN);
  results[1] = allocating / ((double)draws * DRAWN);
}

/* The least that can be done to a chunk somewhere in memory: what caches and address translation take of a free's time. The
 * processor does several of them at a time. */
static void touchAll(void **chunks) {
  for (int i = 0; i < DRAWN; i++) ++*(volatile char *)chunks[i];
}

/* The same one after the other: each address waits for the byte before it, which is always the 1 of allocTouched. */
static void touchInTurn(void **chunks) {
  char byte = 1;
  for (int i = 0; i < DRAWN; i++) {
    volatile char *chunk = (char *)chunks[i] + (byte - 1);
    byte = *chunk;
    *chunk = byte;
  }
}

static double timeTouches(void **chunks, size_t n, int draws, void touchThem(void **)) {
  Draw d;
  double touching = 0;
  for (int i = 0; i < draws; i++) {
    draw(&d, chunks, n);
    double start = now();
    touchThem(d.chunks);
    touching += now() - start;
    putBack(&d, chunks);
  }
  return touching / ((double)draws * DRAWN);
}

void freeRandom(const Allocator *a, size_t n, double *results) {
  void **chunks = newArray(n * sizeof *chunks);
  fill(a, chunks, n, 48, 48);
  timeFrees(a, chunks, n, DRAWS / 4, results);
  timeFrees(a, chunks, n, DRAWS, results);
  results[3] = timeTouches(chunks, n, DRAWS, touchInTurn); /* first: it needs the bytes as they were written */
  results[2] = timeTouches(chunks, n, DRAWS, touchAll);
}

/* ---- all chunks at once ------------------------------------------------------------------------------------------- */

static void shuffle(void **chunks, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t k = randomBelow(i);
    void *chunk = chunks[k];
    chunks[k] = chunks[i - 1];
    chunks[i - 1] = chunk;
  }
}

static double timeFreeAll(const Allocator *a, void **chunks, size_t n) {
  double start = now();
  freeAll(a, chunks, n);
  return now() - start;
}

static double timeFreePool(void) {
  double start = now();
  bool freed = mema_freePool(&benchPool);
  double ns = now() - start;
  if (!freed) abort();
  return ns;
}

static void freshPool(const Allocator *a) {
  closeAllocator(a);
  openAllocator(a);
}

/* One child for all three, because their quotient is wanted; each has a pool of its own. */
void freeEverything(const Allocator *a, size_t n, double *results) {
  void **chunks = newArray(n * sizeof *chunks);
  fill(a, chunks, n, 64, 64);
  results[0] = timeFreeAll(a, chunks, n);
  freshPool(a);
  fill(a, chunks, n, 64, 64);
  shuffle(chunks, n);
  results[1] = timeFreeAll(a, chunks, n);
  freshPool(a);
  fill(a, chunks, n, 64, 64);
  results[2] = timeFreePool();
  openAllocator(a); /* the caller closes what it opened */
}

/* ---- many small pools --------------------------------------------------------------------------------------------- */

enum { SMALL_BUDGET = 64 * 1024, SMALL_CHUNK = 100 };

typedef struct {
  double resident, pageTables, maps;
} Footprint;

static Footprint footprint(void) {
  Footprint f = {0};
  char line[512];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "VmRSS:", 6) == 0) f.resident = strtod(line + 6, NULL) * 1024;
    if (strncmp(line, "VmPTE:", 6) == 0) f.pageTables = strtod(line + 6, NULL) * 1024;
  }
  if (status != NULL) fclose(status);
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) f.maps++;
  if (maps != NULL) fclose(maps);
  return f;
}

static mema_Options smallOptions(const Allocator *a) {
  return (mema_Options){.poolSize = SMALL_BUDGET, .untracked = a->options->untracked};
}

static void makeSmall(mema_Pool *pool, const mema_Options *options) {
  if (!mema_initPoolWith(pool, options)) abort();
  *(volatile char *)mema_palloc(pool, SMALL_CHUNK) = 1;
}

void manyPools(const Allocator *a, size_t n, double *results) {
  mema_Options options = smallOptions(a);
  mema_Pool *pools = newArray(n * sizeof *pools);
  Footprint before = footprint();
  double start = now();
  for (size_t i = 0; i < n; i++) makeSmall(&pools[i], &options);
  results[3] = (now() - start) / (double)n;
  Footprint after = footprint();
  results[0] = (after.resident - before.resident) / (double)n - SMALL_CHUNK;
  results[1] = (after.pageTables - before.pageTables) / (double)n;
  results[2] = (after.maps - before.maps) / (double)n;
  start = now();
  for (size_t i = 0; i < n; i++) mema_freePool(&pools[i]);
  results[4] = (now() - start) / (double)n;
}

static double timeCycles(mema_Options options, size_t n) {
  mema_Pool pool;
  double start = now();
  for (size_t i = 0; i < n; i++) {
    makeSmall(&pool, &options);
    mema_freePool(&pool);
  }
  return (now() - start) / (double)n;
}

void poolCycles(const Allocator *a, size_t n, double *results) {
  timeCycles(smallOptions(a), n / 10);
  results[0] = timeCycles(smallOptions(a), n);
}
