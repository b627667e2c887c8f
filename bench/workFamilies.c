/* workFamilies.c - a sub-pool beside its parent, and beside a pool that stands alone. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "workFamilies.h"

#include "workTools.h"

enum { SLICES = 10, BATCH = 1000, LIVE = 20000 };

typedef double Play(mema_Pool *pool, size_t n);

static size_t batchSizes[BATCH];
static void *held[LIVE];

static double playPairs(mema_Pool *pool, size_t n) {
  double start = now();
  for (size_t i = 0; i < n; i++) mema_pfree(pool, touched(mema_palloc(pool, 64)));
  return now() - start;
}

static double playBatches(mema_Pool *pool, size_t n) {
  double start = now();
  for (size_t i = 0; i < n / BATCH; i++) {
    for (size_t k = 0; k < BATCH; k++) held[k] = touched(mema_palloc(pool, batchSizes[k]));
    for (size_t k = 0; k < BATCH; k++) mema_pfree(pool, held[k]);
  }
  return now() - start;
}

static double playReplacements(mema_Pool *pool, size_t n) {
  for (size_t k = 0; k < LIVE; k++) held[k] = touched(mema_palloc(pool, randomSize(16, 512)));
  double start = now();
  for (size_t i = 0; i < n; i++) {
    size_t k = randomBelow(LIVE);
    mema_pfree(pool, held[k]);
    held[k] = touched(mema_palloc(pool, randomSize(16, 512)));
  }
  double time = now() - start;
  for (size_t k = 0; k < LIVE; k++) mema_pfree(pool, held[k]);
  return time;
}

/* The sub-pool's time in units of the parent's, and of the lone pool's; in turns, so that what disturbs one disturbs all. */
static void compare(Play *play, mema_Pool *pools[3], size_t n, double *besideParent, double *besideLone) {
  double times[3] = {0};
  for (int slice = -1; slice < SLICES; slice++) {
    for (int i = 0; i < 3; i++) {
      double time = play(pools[i], n / SLICES);
      if (slice >= 0) times[i] += time; /* the first is to warm up */
    }
  }
  *besideParent = times[0] / times[1];
  *besideLone = times[0] / times[2];
}

static double timeEmpty(mema_Pool *parent, const mema_Options *options, size_t n) {
  double start = now();
  for (size_t i = 0; i < n; i++) {
    mema_Pool empty;
    if (!mema_initSubPool(&empty, parent, options) || !mema_freePool(&empty)) abort();
  }
  return (now() - start) / (double)n;
}

void subPools(const Peer *p, size_t n, double *results) {
  mema_Pool child, lone, *pools[3] = {&child, &benchPool, &lone};
  mema_Options options = *p->options, whole = *p->options;
  options.poolSize /= 2;
  for (size_t k = 0; k < BATCH; k++) batchSizes[k] = randomSize(16, 1024);
  if (!mema_initSubPool(&child, &benchPool, &options) || !mema_initPoolWith(&lone, &whole)) abort();
  compare(playPairs, pools, n, &results[0], &results[3]);
  compare(playBatches, pools, n, &results[1], &results[4]);
  compare(playReplacements, pools, n, &results[2], &results[5]);
  if (!mema_freePool(&child) || !mema_freePool(&lone)) abort();
}

void emptySubPools(const Peer *p, size_t n, double *results) {
  mema_Options options = *p->options;
  options.poolSize = 64 * 1024;
  timeEmpty(&benchPool, &options, n / 4);
  results[0] = timeEmpty(&benchPool, &options, n);
}
