/* paired.h - times work side by side: each round runs every contender once, in turn, and each is compared with the first one of its
 * round. The median of these ratios is what counts; the quartiles tell how far to trust it. */
#ifndef MEMA_BENCH_PAIRED_H
#define MEMA_BENCH_PAIRED_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PAIRED_MOST = 61, PAIRED_CONTENDERS = 4 };

typedef struct Contender {
  const char *name;
  void (*run)(const void *work); /* the timed part, with all that a user waits for */
} Contender;

/* The processor time of this process, in seconds: other processes of a busy machine count less. */
static double processorTime(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compareDoubles(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static double timeOf(const Contender *contender, const void *work) {
  double begin = processorTime();
  contender->run(work);
  return processorTime() - begin;
}

/* Prints a row of a Markdown table: the time of the first contender, then the ratio of each other one to it. */
static void compare(const char *name, const void *work, const Contender *contenders, int count, int rounds) {
  static double times[PAIRED_MOST], ratios[PAIRED_CONTENDERS][PAIRED_MOST];
  if (rounds > PAIRED_MOST) rounds = PAIRED_MOST;
  for (int i = 0; i < count; i++) timeOf(&contenders[i], work); /* warm */
  for (int round = 0; round < rounds; round++) {
    times[round] = timeOf(&contenders[0], work);
    for (int i = 1; i < count; i++) ratios[i][round] = timeOf(&contenders[i], work) / times[round];
  }
  qsort(times, (size_t)rounds, sizeof *times, compareDoubles);
  printf("| %s | %.1f ms |", name, times[rounds / 2] * 1000);
  for (int i = 1; i < count; i++) {
    qsort(ratios[i], (size_t)rounds, sizeof **ratios, compareDoubles);
    printf(" %.2f (%.2f to %.2f) |", ratios[i][rounds / 2], ratios[i][rounds / 4], ratios[i][rounds - 1 - rounds / 4]);
  }
  puts("");
  fflush(stdout);
}

static void heading(const Contender *contenders, int count) {
  printf("| work | %s |", contenders[0].name);
  for (int i = 1; i < count; i++) printf(" %s |", contenders[i].name);
  printf("\n|---|---|");
  for (int i = 1; i < count; i++) printf("---|");
  puts("");
}

#endif
