/* measure.h - rounds, children, medians. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "peers.h"

enum { MOST_ROUNDS = 49 };

/* results[peer][result][round]; NAN where a child did not finish or was not asked. */
typedef struct {
  double results[PEER_COUNT][MOST_RESULTS][MOST_ROUNDS];
  bool measured[PEER_COUNT];
} Series;

typedef struct {
  double median, min, max;
} Summary;

extern int rounds;

/* Runs the work in all rounds by the peers of the set, taking turns. */
void measure(Series *series, Work *work, size_t n, unsigned set);

Summary summarize(const double *values);

/* The summary of the per-round quotients a[round] / b[round]. */
Summary summarizeRatio(const double *a, const double *b);

#endif
