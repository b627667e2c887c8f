/* measure.c - rounds, children, medians.
 *
 * Every single measurement has a child process of its own, because a heap remembers: what glibc takes for a random replace
 * depends on what the process did before. Peers take turns within a round, so that a machine that slows down for a while slows
 * down all of them, and ratios are taken within a round for the same reason. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

int rounds = 7;

static _Noreturn void runChild(Work *work, size_t n, Peer *peer, int out) {
  double results[MOST_RESULTS];
  for (int k = 0; k < MOST_RESULTS; k++) results[k] = NAN;
  openPeer(peer);
  work(peer, n, results);
  closePeer(peer);
  /* _exit, not exit: the parent's buffered output is in this process too. */
  _exit(write(out, results, sizeof results) == (ssize_t)sizeof results ? 0 : 1);
}

/* All results of one measurement arrive in one write below PIPE_BUF, hence in one read, or not at all. */
static bool collect(int in, double *results) {
  return read(in, results, MOST_RESULTS * sizeof *results) == (ssize_t)(MOST_RESULTS * sizeof *results);
}

static bool measureOnce(Work *work, size_t n, Peer *peer, double *results) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) runChild(work, n, peer, ends[1]);
  close(ends[1]);
  bool finished = child > 0 && collect(ends[0], results);
  close(ends[0]);
  /* The child's memory must have gone back before the next one begins. */
  if (child > 0) waitpid(child, NULL, 0);
  if (!finished) fprintf(stderr, "bench: %s did not finish\n", peer->name);
  return finished;
}

static void measureRound(Series *series, int round, Work *work, size_t n, unsigned set) {
  for (int id = 0; id < PEER_COUNT; id++) {
    double results[MOST_RESULTS];
    if ((set & SET(id)) == 0 || !peers[id].present) continue;
    bool finished = measureOnce(work, n, &peers[id], results);
    series->measured[id] = true;
    for (int k = 0; k < MOST_RESULTS; k++) series->results[id][k][round] = finished ? results[k] : NAN;
  }
}

/* The memory that the kernel has at hand, and the clock of the processor, are then those of the rounds. Each piece of work
 * warms up its own heap besides. */
static void warmUp(Work *work, size_t n, unsigned set) {
  double results[MOST_RESULTS];
  for (int id = 0; id < PEER_COUNT; id++) {
    if (id == PEER_NULL || (set & SET(id)) == 0 || !peers[id].present) continue;
    measureOnce(work, n, &peers[id], results);
    return;
  }
}

static void clear(Series *series) {
  for (int id = 0; id < PEER_COUNT; id++) {
    series->measured[id] = false;
    for (int k = 0; k < MOST_RESULTS; k++) {
      for (int round = 0; round < MOST_ROUNDS; round++) series->results[id][k][round] = NAN;
    }
  }
}

void measure(Series *series, Work *work, size_t n, unsigned set) {
  clear(series);
  warmUp(work, n, set);
  for (int round = 0; round < rounds; round++) measureRound(series, round, work, n, set);
}

/* ---- medians ------------------------------------------------------------------------------------------------------ */

static int compareDoubles(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

Summary summarize(const double *values) {
  double sorted[MOST_ROUNDS];
  int kept = 0;
  for (int i = 0; i < rounds; i++) {
    if (!isnan(values[i])) sorted[kept++] = values[i];
  }
  if (kept == 0) return (Summary){NAN, NAN, NAN};
  qsort(sorted, (size_t)kept, sizeof *sorted, compareDoubles);
  double median = (sorted[(kept - 1) / 2] + sorted[kept / 2]) / 2;
  return (Summary){median, sorted[0], sorted[kept - 1]};
}

Summary summarizeRatio(const double *a, const double *b) {
  double ratios[MOST_ROUNDS];
  for (int i = 0; i < rounds; i++) ratios[i] = a[i] / b[i];
  return summarize(ratios);
}
