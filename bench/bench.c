/* bench.c - mema beside malloc: bench [ROUNDS] [--csv FILE]
 *
 * Prints tables, and the same figures as CSV. All figures are medians over the rounds, with the least and the greatest where
 * there is room; a dash stands for a measurement that did not finish (no memory, or too few kernel maps). */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static Series series;
static FILE *csv;

/* ---- cells -------------------------------------------------------------------------------------------------------- */

static void printNumber(int width, double value) {
  if (isnan(value))
    printf(" %*s", width, "-");
  else
    printf(" %*.*f", width, value < 10 ? 2 : 1, value);
}

static void printRange(Summary s) {
  if (isnan(s.median))
    printf("   -");
  else
    printf("   %.2f (%.2f..%.2f)", s.median, s.min, s.max);
}

static void record(const char *row, int id, const char *unit, Summary s) {
  if (csv == NULL || isnan(s.median)) return;
  fprintf(csv, "\"%s\",%s,%s,%.6g,%.6g,%.6g\n", row, allocators[id].name, unit, s.median, s.min, s.max);
}

static Summary summaryOf(int id, int result) {
  return summarize(series.results[id][result], series.rounds);
}

/* Prints the median and records all three. */
static void show(const char *row, int id, int result, const char *unit, int width) {
  Summary s = summaryOf(id, result);
  printNumber(width, s.median);
  record(row, id, unit, s);
}

/* ---- alloc+free pairs --------------------------------------------------------------------------------------------- */

static void showPairRow(const char *row, int id) {
  printf("%-48s %-15s", row, allocators[id].name);
  show(row, id, 0, "nsPerPair", 8);
  Summary spread = summaryOf(id, 0);
  printNumber(8, spread.min);
  printNumber(8, spread.max);
  Summary ratio = summarizeRatio(series.results[id][0], series.results[ALLOCATOR_GLIBC][0], series.rounds);
  printRange(ratio);
  record(row, id, "ratioToGlibc", ratio);
  printf("\n");
}

static void pairTable(void) {
  static const struct {
    const char *name;
    Work *work;
    size_t n;
  } rows[] = {
      {"64 B, freed at once", lifoPairs, 2000000},
      {"1,000 of 16..1024 B, freed in order", batchInOrder, 1000},
      {"100,000 live of 16..512 B, a random one replaced", replaceMixed, 100000},
      {"1,000,000 live of 48 B, a random one replaced", replaceEqual, 1000000},
  };
  printf("\nns per alloc+free pair; null is the loop's own cost, which all others include\n");
  printf("%-48s %-15s %8s %8s %8s   %s\n", "", "", "median", "min", "max", "ratio to glibc (min..max)");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    measure(&series, rows[i].work, rows[i].n, ALLOCATOR_NULL, ALLOCATOR_TRACKED);
    for (int id = 0; id < ALLOCATOR_COUNT; id++) {
      if (isPresent(&allocators[id])) showPairRow(rows[i].name, id);
    }
    fflush(stdout);
  }
}

/* ---- one free among many chunks ----------------------------------------------------------------------------------- */

static void showFreeRow(size_t live, int id) {
  char row[64];
  snprintf(row, sizeof row, "%zu live of 48 B", live);
  printf("%-32s %-15s", row, allocators[id].name);
  show(row, id, 0, "nsPerFree", 9);
  Summary spread = summaryOf(id, 0);
  printNumber(9, spread.min);
  printNumber(9, spread.max);
  show(row, id, 1, "nsPerAlloc", 9);
  show(row, id, 2, "nsPerTouch", 9);
  show(row, id, 3, "nsPerTouchInTurn", 9);
  printf("\n");
}

static void freeTable(void) {
  printf("\nns per pfree of a random chunk, per palloc in its place, and per touch of one byte of a random chunk\n");
  printf("(touch: several are on their way at a time; in turn: each waits for the one before)\n");
  printf("%-32s %-15s %9s %9s %9s %9s %9s %9s\n", "", "", "pfree", "min", "max", "palloc", "touch", "in turn");
  for (size_t live = 1000; live <= 10000000; live *= 10) {
    measure(&series, freeRandom, live, ALLOCATOR_UNTRACKED, ALLOCATOR_TRACKED);
    for (int id = ALLOCATOR_UNTRACKED; id <= ALLOCATOR_TRACKED; id++) showFreeRow(live, id);
    fflush(stdout);
  }
}

/* ---- all chunks at once ------------------------------------------------------------------------------------------- */

static void showEverythingRow(const char *order, int id, int result) {
  const double *oneByOne = series.results[id][result];
  const double *whole = series.results[id][2];
  Summary apart = summarize(oneByOne, series.rounds);
  Summary together = summarize(whole, series.rounds);
  Summary ratio = summarizeRatio(oneByOne, whole, series.rounds);
  printf("%-32s %-15s", order, allocators[id].name);
  printNumber(9, apart.median / 1e6);
  printNumber(9, together.median / 1e6);
  printRange(ratio);
  printf("\n");
  char row[64];
  snprintf(row, sizeof row, "1,000,000 of 64 B %s", order);
  record(row, id, "nsOneByOne", apart);
  record(row, id, "nsFreePool", together);
  record(row, id, "oneByOnePerFreePool", ratio);
}

static void everythingTable(void) {
  printf("\nms to free 1,000,000 chunks of 64 B\n");
  printf("%-32s %-15s %9s %9s   %s\n", "", "", "pfree", "freePool", "pfree / freePool (min..max)");
  measure(&series, freeEverything, 1000000, ALLOCATOR_UNTRACKED, ALLOCATOR_TRACKED);
  for (int result = 0; result < 2; result++) {
    const char *order = result == 0 ? "in order of allocation" : "in random order";
    for (int id = ALLOCATOR_UNTRACKED; id <= ALLOCATOR_TRACKED; id++) showEverythingRow(order, id, result);
  }
  fflush(stdout);
}

/* ---- many small pools --------------------------------------------------------------------------------------------- */

enum { POOLS = 100000, CYCLES = 1000000 };

static void showPoolsRow(int id) {
  static const char row[] = "100,000 live pools";
  printf("%-32s %-15s", row, allocators[id].name);
  show(row, id, 0, "residentBytesPerPool", 9);
  show(row, id, 1, "pageTableBytesPerPool", 9);
  show(row, id, 2, "mapsPerPool", 9);
  show(row, id, 3, "nsToMake", 9);
  show(row, id, 4, "nsToFree", 9);
  printf("\n");
}

static void showCyclesRow(int id) {
  static const char row[] = "one pool, again and again";
  Summary s = summaryOf(id, 0);
  printf("%-32s %-15s", row, allocators[id].name);
  printNumber(9, s.median);
  printNumber(9, s.min);
  printNumber(9, s.max);
  printf("\n");
  record(row, id, "nsPerCycle", s);
}

static void poolTables(void) {
  printf("\n100,000 live pools of 64 KiB, a chunk of 100 B in each: what one costs beyond the chunk and its Pool of %zu B\n",
         sizeof(Pool));
  printf("%-32s %-15s %9s %9s %9s %9s %9s\n", "", "", "resident", "tables", "maps", "ns made", "ns freed");
  measure(&series, manyPools, POOLS, ALLOCATOR_UNTRACKED, ALLOCATOR_TRACKED);
  for (int id = ALLOCATOR_UNTRACKED; id <= ALLOCATOR_TRACKED; id++) showPoolsRow(id);
  printf("\nns per initPool, palloc of 100 B and freePool, warm\n");
  printf("%-32s %-15s %9s %9s %9s\n", "", "", "median", "min", "max");
  measure(&series, poolCycles, CYCLES, ALLOCATOR_UNTRACKED, ALLOCATOR_TRACKED);
  for (int id = ALLOCATOR_UNTRACKED; id <= ALLOCATOR_TRACKED; id++) showCyclesRow(id);
  fflush(stdout);
}

/* ---- main --------------------------------------------------------------------------------------------------------- */

static _Noreturn void showUsage(void) {
  fprintf(stderr, "usage: bench [ROUNDS] [--csv FILE]   (1 to %d rounds; 7 unless told)\n", MOST_ROUNDS);
  exit(2);
}

static int readRounds(const char *text) {
  char *end;
  long rounds = strtol(text, &end, 10);
  if (end == text || *end != '\0' || rounds < 1 || rounds > MOST_ROUNDS) showUsage();
  return (int)rounds;
}

static void openCsv(const char *name) {
  if (name == NULL) showUsage();
  csv = fopen(name, "w");
  if (csv != NULL) return;
  fprintf(stderr, "bench: %s: %s\n", name, strerror(errno));
  exit(1);
}

static void readArguments(char **arguments) {
  series.rounds = 7;
  for (char **argument = arguments; *argument != NULL; argument++) {
    if (strcmp(*argument, "--csv") == 0)
      openCsv(*++argument);
    else
      series.rounds = readRounds(*argument);
  }
}

int main(int count, char **arguments) {
  (void)count;
  readArguments(arguments + 1);
  int mimallocVersion = loadMimalloc();
  describeMachine(stdout, "", series.rounds, mimallocVersion);
  if (csv != NULL) {
    describeMachine(csv, "# ", series.rounds, mimallocVersion);
    fprintf(csv, "row,allocator,measure,median,min,max\n");
  }
  fflush(stdout);
  pairTable();
  freeTable();
  everythingTable();
  poolTables();
  printf("\n");
  describeLoad(stdout, "");
  if (csv != NULL && fclose(csv) != 0) {
    fprintf(stderr, "bench: the CSV file could not be written: %s\n", strerror(errno));
    return 1;
  }
  return 0;
}
