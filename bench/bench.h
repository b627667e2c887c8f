/* bench.h - what the parts of the benchmark share.
 *
 *   bench.c        the tables: which work, by whom, in which units
 *   work.c         the work that is timed, run in a child of its own
 *   allocators.c   who does it: malloc, mimalloc, mema, and an allocator that does nothing
 *   measure.c      rounds, children, medians
 *   machine.c      what the numbers were taken on */
#ifndef BENCH_H
#define BENCH_H

#include <mema.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MOST_ROUNDS = 99, MOST_RESULTS = 6 };

/* ---- allocators.c ------------------------------------------------------------------------------------------------- */

typedef enum { ALLOCATOR_NULL, ALLOCATOR_GLIBC, ALLOCATOR_MIMALLOC, ALLOCATOR_UNTRACKED, ALLOCATOR_TRACKED } AllocatorId;
enum { ALLOCATOR_COUNT = ALLOCATOR_TRACKED + 1 };

typedef struct {
  const char *name;
  void *(*alloc)(size_t size);
  void (*free)(void *ptr);
  const mema_Options *options; /* the pool's; NULL where the allocator is no pool */
} Allocator;

extern Allocator allocators[ALLOCATOR_COUNT];

/* The pool behind both mema allocators: one at a time lives, in the child that measures it. */
extern mema_Pool benchPool;

/* Finds mimalloc; without it, its rows are left out. Returns its version (as 212 for 2.1.2), 0 when there is none. */
int loadMimalloc(void);

bool isPresent(const Allocator *allocator);
void openAllocator(const Allocator *allocator);
void closeAllocator(const Allocator *allocator);

/* ---- work.c ------------------------------------------------------------------------------------------------------- */

/* Does `n` of something with the allocator and stores what it took in results[]. */
typedef void Work(const Allocator *allocator, size_t n, double *results);

Work lifoPairs, batchInOrder, replaceMixed, replaceEqual; /* [0] ns per alloc+free pair */
Work freeRandom;     /* ns per [0] free, [1] alloc, [2] touch, [3] touch that waits for the one before */
Work freeEverything; /* ns for all n: [0] one by one in order, [1] in random order, [2] freePool */
Work manyPools;  /* [0] resident bytes, [1] page table bytes, [2] kernel maps, [3] ns to make, [4] ns to free: per pool */
Work poolCycles; /* [0] ns per initPool, palloc, freePool */

/* ---- measure.c ---------------------------------------------------------------------------------------------------- */

/* results[allocator][result][round]; NAN where a child did not finish. */
typedef struct {
  int rounds;
  double results[ALLOCATOR_COUNT][MOST_RESULTS][MOST_ROUNDS];
} Series;

typedef struct {
  double median, min, max;
} Summary;

/* Runs the work in all rounds by the allocators from `first` to `last`, taking turns. */
void measure(Series *series, Work *work, size_t n, AllocatorId first, AllocatorId last);

Summary summarize(const double *values, int count);

/* The summary of the per-round quotients a[round] / b[round]. */
Summary summarizeRatio(const double *a, const double *b, int count);

/* ---- machine.c ---------------------------------------------------------------------------------------------------- */

/* Each line begins with `prefix`. */
void describeMachine(FILE *out, const char *prefix, int rounds, int mimallocVersion);
void describeLoad(FILE *out, const char *prefix);

#endif
