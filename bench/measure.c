/* measure.c - rounds, children, medians.
 *
 * Every single measurement has a child process of its own, because a heap remembers: what glibc takes for a random replace
 * depends on what the process did before. Allocators take turns within a round, so that a machine that slows down for a while
 * slows down all of them, and ratios are taken within a round for the same reason. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static _Noreturn void runChild(Work *work, size_t n, const Allocator *allocator, int out) {
  double results[MOST_RESULTS] = {0};
  openAllocator(allocator);
  work(allocator, n, results);
  closeAllocator(allocator);
  /* _exit, not exit: the parent's buffered output is in this process too. */
  _exit(write(out, results, sizeof results) == (ssize_t)sizeof results ? 0 : 1);
}

/* All results of one measurement arrive in one write below PIPE_BUF, hence in one read, or not at all. */
static bool collect(int in, double *results) {
  return read(in, results, MOST_RESULTS * sizeof *results) == (ssize_t)(MOST_RESULTS * sizeof *results);
}

static bool measureOnce(Work *work, size_t n, const Allocator *allocator, double *results) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) runChild(work, n, allocator, ends[1]);
  close(ends[1]);
  bool finished = child > 0 && collect(ends[0], results);
  close(ends[0]);
  /* The child's memory must have gone back before the next one begins. */
  if (child > 0) waitpid(child, NULL, 0);
  return finished;
}

static void measureRound(Series *series, int round, Work *work, size_t n, AllocatorId first, AllocatorId last) {
  for (int id = (int)first; id <= (int)last; id++) {
    double results[MOST_RESULTS];
    if (!isPresent(&allocators[id])) continue;
    bool finished = measureOnce(work, n, &allocators[id], results);
    for (int k = 0; k < MOST_RESULTS; k++) series->results[id][k][round] = finished ? results[k] : NAN;
  }
}

void measure(Series *series, Work *work, size_t n, AllocatorId first, AllocatorId last) {
  /* Round 0 twice: the first time warms up the machine and is overwritten. */
  measureRound(series, 0, work, n, first, last);
  for (int round = 0; round < series->rounds; round++) measureRound(series, round, work, n, first, last);
}

/* ---- medians ------------------------------------------------------------------------------------------------------ */

static int compareDoubles(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

Summary summarize(const double *values, int count) {
  double sorted[MOST_ROUNDS];
  int kept = 0;
  for (int i = 0; i < count; i++) {
    if (!isnan(values[i])) sorted[kept++] = values[i];
  }
  if (kept == 0) return (Summary){NAN, NAN, NAN};
  qsort(sorted, (size_t)kept, sizeof *sorted, compareDoubles);
  double median = (sorted[(kept - 1) / 2] + sorted[kept / 2]) / 2;
  return (Summary){median, sorted[0], sorted[kept - 1]};
}

Summary summarizeRatio(const double *a, const double *b, int count) {
  double ratios[MOST_ROUNDS];
  for (int i = 0; i < count; i++) ratios[i] = a[i] / b[i];
  return summarize(ratios, count);
}
