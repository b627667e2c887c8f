/* work.c - pairs, batches, replacements, and what they leave in memory. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

#include "workTools.h"

/* ---- pairs -------------------------------------------------------------------------------------------------------- */

static double timeLifo(const Peer *p, size_t pairs) {
  double start = now();
  for (size_t i = 0; i < pairs; i++) give(p, allocTouched(p, 64));
  return (now() - start) / (double)pairs;
}

void lifoPairs(const Peer *p, size_t n, double *results) {
  timeLifo(p, n / 10);
  results[0] = timeLifo(p, n);
}

/* ---- batches ------------------------------------------------------------------------------------------------------ */

enum { BATCH_PASSES = 1200 };

Batch newBatch(size_t n) {
  Batch b = {newArray(n * sizeof(void *)), newArray(n * sizeof(size_t)), newOrder(n), n};
  for (size_t i = 0; i < n; i++) b.sizes[i] = randomSize(16, 1024);
  return b;
}

void passBatch(const Peer *p, Batch b, size_t passes) {
  for (size_t pass = 0; pass < passes; pass++) {
    for (size_t i = 0; i < b.n; i++) b.chunks[i] = allocTouched(p, b.sizes[i]);
    for (size_t i = 0; i < b.n; i++) give(p, b.chunks[b.order[i]]);
  }
}

static double timeBatch(const Peer *p, Batch b) {
  double start = now();
  passBatch(p, b, BATCH_PASSES);
  return (now() - start) / (double)(b.n * BATCH_PASSES);
}

static void runBatch(const Peer *p, Batch b, double *results) {
  timeBatch(p, b);
  results[0] = timeBatch(p, b);
}

void batchInOrder(const Peer *p, size_t n, double *results) {
  runBatch(p, newBatch(n), results);
}

void batchReverse(const Peer *p, size_t n, double *results) {
  Batch b = newBatch(n);
  for (size_t i = 0; i < n; i++) b.order[i] = n - 1 - i;
  runBatch(p, b, results);
}

void batchShuffled(const Peer *p, size_t n, double *results) {
  Batch b = newBatch(n);
  shuffle(b.order, n);
  runBatch(p, b, results);
}

/* ---- replacements ------------------------------------------------------------------------------------------------- */

void replace(const Peer *p, void **chunks, const Replacement *r) {
  for (size_t i = 0; i < r->times; i++) {
    size_t k = randomBelow(r->n);
    give(p, chunks[k]);
    chunks[k] = allocTouched(p, randomSize(r->least, r->most));
  }
}

/* The sizes that fill() and two times replace() left, by drawing the same numbers again: writing them down in the timed loop
 * would cost a cache miss. */
static void redrawSizes(uint64_t firstSeed, const Replacement *r, size_t *sizes) {
  uint64_t lastSeed = seed;
  seed = firstSeed;
  for (size_t i = 0; i < r->n; i++) sizes[i] = randomSize(r->least, r->most);
  for (size_t i = 0; i < 2 * r->times; i++) {
    size_t k = randomBelow(r->n);
    sizes[k] = randomSize(r->least, r->most);
  }
  if (seed != lastSeed) abort();
}

/* Exact, where VmRSS lags behind by some pages per thread. */
static double residentBytes(void) {
  char line[256];
  double bytes = 0;
  FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
  if (rollup == NULL) return 0;
  while (fgets(line, sizeof line, rollup) != NULL) {
    if (strncmp(line, "Rss:", 4) == 0) bytes = strtod(line + 4, NULL) * 1024;
  }
  fclose(rollup);
  return bytes;
}

static size_t sumOf(const size_t *sizes, size_t n) {
  size_t sum = 0;
  for (size_t i = 0; i < n; i++) sum += sizes[i];
  return sum;
}

/* Nine of ten, drawn at random; their sizes and pointers are zero afterwards. */
static void freeMost(const Peer *p, void **chunks, size_t *sizes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (randomBelow(10) == 0) continue;
    give(p, chunks[i]);
    chunks[i] = NULL;
    sizes[i] = 0;
  }
}

/* The share of the live chunks' Blocks in the resident bytes, by the header: 0 where there are none. */
static double blockBytes(const Peer *p, void *const *chunks, size_t n) {
  if (p->options == NULL) return NAN; /* not mema */
  if (p->options->untracked) return 0;
  size_t live = 0;
  for (size_t i = 0; i < n; i++) live += chunks[i] != NULL;
  return (double)(live * sizeof(mema_Block));
}

/* Resident bytes beyond `before` per byte that is live. */
static void weigh(const Peer *p, void **chunks, size_t *sizes, size_t n, double before, double *results) {
  if (p->options != NULL && p->options->buffer != NULL) { /* populated before: it is resident, whatever is in it */
    for (int i = 1; i < MOST_RESULTS; i++) results[i] = NAN;
    return;
  }
  double live = (double)sumOf(sizes, n);
  results[1] = (residentBytes() - before) / live;
  results[4] = blockBytes(p, chunks, n) / live;
  freeMost(p, chunks, sizes, n);
  live = (double)sumOf(sizes, n);
  results[2] = (residentBytes() - before) / live;
  if (p->purge != NULL) p->purge();
  results[3] = (residentBytes() - before) / live;
  results[5] = blockBytes(p, chunks, n) / live;
}

/* As many replacements come first untimed as are timed, and as there are chunks: a heap filled in one go is in better order
 * than one that has been in use. */
static void runReplacement(const Peer *p, const Replacement *r, double *results) {
  void **chunks = newArray(r->n * sizeof *chunks);
  size_t *sizes = newArray(r->n * sizeof *sizes);
  uint64_t firstSeed = seed;
  double before = residentBytes();
  fill(p, chunks, r->n, r->least, r->most);
  replace(p, chunks, r);
  double start = now();
  replace(p, chunks, r);
  results[0] = (now() - start) / (double)r->times;
  redrawSizes(firstSeed, r, sizes);
  weigh(p, chunks, sizes, r->n, before, results);
  for (size_t i = 0; i < r->n; i++) {
    if (chunks[i] != NULL) give(p, chunks[i]);
  }
}

void replaceMixed(const Peer *p, size_t n, double *results) {
  runReplacement(p, &(Replacement){n, 16, 512, 1000000}, results);
}

void replaceEqual(const Peer *p, size_t n, double *results) {
  runReplacement(p, &(Replacement){n, 48, 48, n}, results);
}
