/* paired.h - times work side by side: two contenders run in turn, and each time is divided by that of the first contender just before.
 * The median of these ratios is what counts; the quartiles tell how far to trust it.
 *
 *   PROGRAM [ROUNDS]                  prints a table
 *   PROGRAM --once WORK CONTENDER     runs one of them once, by their numbers from 0: counted.sh counts its instructions
 *   PROGRAM --list                    prints the names of all works and contenders, for counted.sh */
#ifndef MEMA_BENCH_PAIRED_H
#define MEMA_BENCH_PAIRED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PAIRED_MOST = 61, PAIRED_CONTENDERS = 4 };

typedef struct Contender {
  const char *name;
  void (*run)(const void *work); /* the timed part, with all that a user waits for */
} Contender;

typedef struct Work {
  const char *name;
  const void *what; /* what each contender's `run` gets */
} Work;

typedef struct Comparison {
  const Contender *contenders;
  int count;
  const Work *works;
  int workCount;
} Comparison;

/* The processor time of this process and its ended children, in seconds: other processes of a busy machine count less. */
static double processorTime(void) {
  struct timespec now;
  struct rusage ended;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  getrusage(RUSAGE_CHILDREN, &ended);
  return (double)(now.tv_sec + ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) + (double)now.tv_nsec / 1e9 +
         (double)(ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) / 1e6;
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

typedef struct Spread {
  double low, median, high; /* the quartiles, and the median */
} Spread;

static Spread spreadOf(double *figures, int count) {
  qsort(figures, (size_t)count, sizeof *figures, compareDoubles);
  return (Spread){figures[count / 4], figures[count / 2], figures[count - 1 - count / 4]};
}

/* Runs two contenders in turn. Returns the ratios of the second one's time to the first one's, and the first one's times. */
static Spread ratiosOf(const Contender *first, const Contender *second, const void *work, int rounds, Spread *times) {
  static double ratios[PAIRED_MOST], firsts[PAIRED_MOST];
  timeOf(first, work), timeOf(second, work); /* warm */
  for (int round = 0; round < rounds; round++) {
    firsts[round] = timeOf(first, work);
    ratios[round] = timeOf(second, work) / firsts[round];
  }
  *times = spreadOf(firsts, rounds);
  return spreadOf(ratios, rounds);
}

/* Prints a row of a Markdown table: the time of the first contender, then the ratio of each other one to it. Each other contender
 * has rounds of its own with the first one: mema gives the warm memory of a large pool back when one of another shape is made, so
 * pools of two shapes in turn would touch all of their memory anew in each round. */
static void compare(const Work *work, const Contender *contenders, int count, int rounds) {
  Spread times, ratios[PAIRED_CONTENDERS];
  if (rounds > PAIRED_MOST) rounds = PAIRED_MOST;
  for (int i = 1; i < count; i++) ratios[i] = ratiosOf(&contenders[0], &contenders[i], work->what, rounds, &times);
  printf("| %s | %.1f ms |", work->name, times.median * 1000);
  for (int i = 1; i < count; i++) printf(" %.2f (%.2f to %.2f) |", ratios[i].median, ratios[i].low, ratios[i].high);
  puts("");
  fflush(stdout);
}

static void list(const Comparison *all) {
  for (int i = 0; i < all->workCount; i++) printf("work\t%d\t%s\n", i, all->works[i].name);
  for (int i = 0; i < all->count; i++) printf("contender\t%d\t%s\n", i, all->contenders[i].name);
}

static void once(const Comparison *all, int work, int contender) {
  if (work < 0 || work >= all->workCount || contender < 0 || contender >= all->count) exit(2);
  all->contenders[contender].run(all->works[work].what);
}

static void heading(const Contender *contenders, int count) {
  printf("| work | %s |", contenders[0].name);
  for (int i = 1; i < count; i++) printf(" %s |", contenders[i].name);
  printf("\n|---|---|");
  for (int i = 1; i < count; i++) printf("---|");
  puts("");
}

/* Does what the arguments say. */
static void comparePaired(const Comparison *all, int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 15;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list(all);
  } else if (argc == 4 && strcmp(argv[1], "--once") == 0) {
    once(all, atoi(argv[2]), atoi(argv[3]));
  } else {
    heading(all->contenders, all->count);
    for (int i = 0; i < all->workCount; i++) compare(&all->works[i], all->contenders, all->count, rounds);
  }
}

#endif
