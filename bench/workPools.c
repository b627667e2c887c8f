/* workPools.c - pools as a whole: made for a request, freed in one go, by the hundred thousand; and one free among many
 * chunks. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workPools.h"

#include "nginxPool.h"
#include "workTools.h"

/* ---- a pool per request ------------------------------------------------------------------------------------------- */

enum { REQUEST_CHUNKS = 50, REQUEST_LISTS = 64 };

static size_t requestSizes[REQUEST_LISTS][REQUEST_CHUNKS];

static void drawRequests(void) {
  for (size_t i = 0; i < REQUEST_LISTS; i++) {
    for (size_t k = 0; k < REQUEST_CHUNKS; k++) requestSizes[i][k] = randomSize(16, 400);
  }
}

static inline __attribute__((always_inline)) double timePools(const PoolCalls *calls, void *alloc(void *, size_t),
                                                              size_t n) {
  double start = now();
  for (size_t i = 0; i < n; i++) {
    const size_t *sizes = requestSizes[i % REQUEST_LISTS];
    void *pool = calls->make();
    for (size_t k = 0; k < REQUEST_CHUNKS; k++) touched(alloc(pool, sizes[k]));
    calls->free(pool);
  }
  return (now() - start) / (double)n;
}

/* Allocators without pools free the chunks one by one. */
static double timeHeap(const Peer *p, size_t n) {
  void *chunks[REQUEST_CHUNKS];
  double start = now();
  for (size_t i = 0; i < n; i++) {
    const size_t *sizes = requestSizes[i % REQUEST_LISTS];
    for (size_t k = 0; k < REQUEST_CHUNKS; k++) chunks[k] = allocTouched(p, sizes[k]);
    freeAll(p, chunks, REQUEST_CHUNKS);
  }
  return (now() - start) / (double)n;
}

static void *allocOfMema(void *pool, size_t size) {
  return mema_palloc(pool, size);
}

/* Libraries are called by pointers, as the linker does it, what is linked into the program by name. */
static double timeRequests(const Peer *p, size_t n) {
  if (p->options != NULL) return timePools(&p->pool, allocOfMema, n);
  if (p->pool.alloc == nginxAlloc) return timePools(&p->pool, nginxAlloc, n);
  return p->pool.make != NULL ? timePools(&p->pool, p->pool.alloc, n) : timeHeap(p, n);
}

void requests(const Peer *p, size_t n, double *results) {
  drawRequests();
  timeRequests(p, n / 4);
  results[0] = timeRequests(p, n);
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

static void timeFrees(const Peer *p, void **chunks, size_t n, int draws, double *results) {
  Draw d;
  double freeing = 0;
  double allocating = 0;
  for (int i = 0; i < draws; i++) {
    draw(&d, chunks, n);
    double start = now();
    freeAll(p, d.chunks, DRAWN);
    double middle = now();
    for (int k = 0; k < DRAWN; k++) d.chunks[k] = allocTouched(p, 48);
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

/* As before, one after the other: each address waits for the byte before it, which is always the 1 of allocTouched. */
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

static double timeFreePool(void) {
  double start = now();
  bool freed = mema_freePool(&benchPool);
  double ns = now() - start;
  if (!freed) abort();
  return ns;
}

static void reopen(const Peer *p) {
  if (!mema_initPoolWith(&benchPool, p->options)) abort();
}

/* Every chunk once, in the order of the array: what freeing one by one would have to do at least. */
static double timeTouchAll(void **chunks, size_t n) {
  double start = now();
  for (size_t i = 0; i < n; i++) ++*(volatile char *)chunks[i];
  return now() - start;
}

void freeRandom(const Peer *p, size_t n, double *results) {
  void **chunks = newArray(n * sizeof *chunks);
  fill(p, chunks, n, 48, 48);
  timeFrees(p, chunks, n, DRAWS / 4, results);
  timeFrees(p, chunks, n, DRAWS, results);
  results[3] = timeTouches(chunks, n, DRAWS, touchInTurn); /* first: it needs the bytes as they were written */
  results[2] = timeTouches(chunks, n, DRAWS, touchAll);
  results[5] = timeTouchAll(chunks, n) / 1e3;
  if (p->options == NULL) return;
  results[4] = timeFreePool() / 1e3;
  reopen(p); /* the caller closes what it opened */
}

/* ---- all chunks at once ------------------------------------------------------------------------------------------- */

static double timeFreeAll(const Peer *p, void **chunks, size_t n) {
  double start = now();
  freeAll(p, chunks, n);
  return now() - start;
}

static double timeFreeShuffled(const Peer *p, void **chunks, size_t n) {
  size_t *order = newOrder(n);
  shuffle(order, n);
  void **shuffled = newArray(n * sizeof *shuffled);
  for (size_t i = 0; i < n; i++) shuffled[i] = chunks[order[i]];
  return timeFreeAll(p, shuffled, n);
}

/* One child for all three, because their quotient is wanted; each has a pool of its own. */
void freeEverything(const Peer *p, size_t n, double *results) {
  void **chunks = newArray(n * sizeof *chunks);
  fill(p, chunks, n, 64, 64);
  results[0] = timeFreeAll(p, chunks, n) / 1e6;
  freshPool(p, 0);
  fill(p, chunks, n, 64, 64);
  results[1] = timeFreeShuffled(p, chunks, n) / 1e6;
  freshPool(p, 0);
  fill(p, chunks, n, 64, 64);
  results[2] = timeFreePool() / 1e6;
  reopen(p); /* the caller closes what it opened */
  results[3] = results[0] / results[2];
  results[4] = results[1] / results[2];
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

static mema_Options smallOptions(const Peer *p) {
  return (mema_Options){.poolSize = SMALL_BUDGET, .untracked = p->options->untracked, .engine = p->options->engine};
}

static void makeSmall(mema_Pool *pool, const mema_Options *options) {
  if (!mema_initPoolWith(pool, options)) abort();
  *(volatile char *)mema_palloc(pool, SMALL_CHUNK) = 1;
}

void manyPools(const Peer *p, size_t n, double *results) {
  mema_Options options = smallOptions(p);
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

void poolCycles(const Peer *p, size_t n, double *results) {
  timeCycles(smallOptions(p), n / 10);
  results[0] = timeCycles(smallOptions(p), n);
}

/* ---- all chunks forgotten ----------------------------------------------------------------------------------------- */

enum { RESETS = 9 };

static int compareTimes(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of a few, since one takes microseconds. The first fill, which faults the pages in, is not timed. */
void resets(const Peer *p, size_t n, double *results) {
  double times[RESETS];
  for (int i = 0; i < RESETS; i++) {
    for (size_t k = 0; k < n; k++) touched(mema_palloc(&benchPool, 16));
    double start = now();
    if (!mema_resetPool(&benchPool)) abort();
    times[i] = (now() - start) / 1e3;
  }
  qsort(times, RESETS, sizeof *times, compareTimes);
  results[0] = times[RESETS / 2];
  for (size_t k = 0; k < n; k++) touched(mema_palloc(&benchPool, 16));
  results[1] = timeFreePool() / 1e3;
  reopen(p); /* the caller closes what it opened */
}
