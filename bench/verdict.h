/* verdict.h - the targets, and whether they are met. */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include <stdio.h>

#include "rows.h"

/* The median of the per-round quotients of two peers; NAN where either is missing. */
double medianRatio(const Row *row, int result, PeerId a, PeerId b);
void showVerdict(FILE *out, const char *prefix);

#endif
