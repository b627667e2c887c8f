/* tables.c - the tables, and the same figures as CSV. A dash stands for a measurement that did not finish (no memory, or too
 * few kernel maps), or that is not this peer's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#include "verdict.h"

/* ---- cells -------------------------------------------------------------------------------------------------------- */

static void printNumber(int width, double value) {
  if (isnan(value))
    printf(" %*s", width, "-");
  else
    printf(" %*.*f", width, value < 10 ? 2 : 1, value);
}

/* A quotient with its spread: taken within each round. */
static void printRatio(const double *a, const double *b) {
  char text[64] = "    -";
  Summary s = summarizeRatio(a, b);
  if (!isnan(s.median)) snprintf(text, sizeof text, "%5.2f (%.2f..%.2f)", s.median, s.min, s.max);
  printf("   %-22s", text);
}

static bool isMeasured(const Row *row, int id) {
  return row->series != NULL && row->series->measured[id];
}

static const PeerId memaPeers[] = {PEER_UNTRACKED, PEER_TRACKED, PEER_SHARED, PEER_PRELOAD};
enum { MEMA_COUNT = sizeof memaPeers / sizeof *memaPeers };

/* The words behind "mema" in its name. */
static const char *kindOf(PeerId mema) {
  return strchr(peers[mema].name, ' ') + 1;
}

/* ---- one result, its spread and its ratios ------------------------------------------------------------------------ */

static void showRatioLine(const Row *row, int id) {
  const double *values = row->series->results[id][0];
  Summary s = summarize(values);
  printf("  %-15s", peers[id].name);
  printNumber(8, s.median);
  printNumber(8, s.min);
  printNumber(8, s.max);
  printNumber(9, medianRatio(row, 0, (PeerId)id, PEER_GLIBC));
  printNumber(9, medianRatio(row, 0, (PeerId)id, PEER_MIMALLOC));
  for (size_t i = 0; i < MEMA_COUNT; i++) {
    if (isMeasured(row, memaPeers[i])) printRatio(row->series->results[memaPeers[i]][0], values);
  }
  for (int k = 1; row->shape == SHOW_BOTH && row->measures[k].title != NULL; k++) {
    printNumber(10, summarize(row->series->results[id][k]).median);
  }
  printf("\n");
}

/* "untracked to it" */
static void showRatioTitles(const Row *row) {
  printf("  %-15s %8s %8s %8s %9s %9s", row->measures[0].unit, "median", "min", "max", "to glibc", "to mimal.");
  for (size_t i = 0; i < MEMA_COUNT; i++) {
    char title[32];
    snprintf(title, sizeof title, "%s to it", kindOf(memaPeers[i]));
    if (isMeasured(row, memaPeers[i])) printf("   %-22s", title);
  }
  for (int k = 1; row->shape == SHOW_BOTH && row->measures[k].title != NULL; k++) printf(" %10s", row->measures[k].title);
  printf("\n");
}

static void showRatios(const Row *row) {
  printf("\n%s: %s\n", row->key, row->name);
  showRatioTitles(row);
  for (int id = 0; id < PEER_COUNT; id++) {
    if (isMeasured(row, id)) showRatioLine(row, id);
  }
}

/* ---- several results ---------------------------------------------------------------------------------------------- */

static void showColumnTitles(const Measure *measures, int from) {
  printf("  %-15s", "");
  for (int k = from; k < MOST_RESULTS && measures[k].title != NULL; k++) printf(" %10s", measures[k].title);
  printf("\n");
}

static void showColumnLine(const Row *row, int id, int from) {
  printf("  %-15s", peers[id].name);
  for (int k = from; k < MOST_RESULTS && row->measures[k].title != NULL; k++) {
    printNumber(10, summarize(row->series->results[id][k]).median);
  }
  printf("\n");
}

static void showColumns(const Row *row, int from) {
  printf("\n%s: %s\n", row->key, row->name);
  showColumnTitles(row->measures, from);
  for (int id = 0; id < PEER_COUNT; id++) {
    if (isMeasured(row, id) && (id != PEER_NULL || from == 0)) showColumnLine(row, id, from);
  }
}

/* ---- sections ----------------------------------------------------------------------------------------------------- */

static const struct {
  char letter;
  const char *title;
} sections[] = {
    {'a',
     "ns per alloc+free pair; null is the loop's own cost, which all others include; the last two columns are mema's time\n"
     "in units of the line's: the median and range of the quotients within a round"},
    {'e', "ns per pool of 50 chunks; what has no pools frees them one by one"},
    {'f', "us from 16 B to 16 MiB in steps of 1/64 and 1/2, what is new touched; null touches one memory all along"},
    {'g', "us per alloc+free pair of large chunks, every page touched"},
    {'h', "ns per alloc+free pair"},
    {'k', "ns per operation of a recorded program"},
    {'l',
     "ns per free of a random chunk, per alloc in its place, per touch of a random chunk (several on their way at a time; "
     "in\n"
     "turn: each waits for the one before), and us per freePool and per touch of all: medians"},
    {'n',
     "2 threads, each on a processor of its own: ns of wall time per alloc+free pair of one thread, while the other makes "
     "as\n"
     "many; speed-up: the pairs per second of both, in units of those of one thread that is alone; used: the processor time "
     "that\n"
     "both took, of what two processors have (null: 1 where nothing else runs)"},
    {'o', "ns of wall time per chunk that one thread allocates and the other frees, through a ring of 1,024 pointers"},
    {'p', "ns of wall time per alloc+free pair of one thread, while the other makes as many"},
    {'r',
     "whole programs, the allocator preloaded: ms of wall time from start to end (redis: of its client's requests), and "
     "MiB\n"
     "resident at most (of the largest process of the run; redis: of the server); cpu ms: of all its processes"},
    {'t',
     "malloc and free, the allocator preloaded: ns of wall time per pair (of 2 threads: as in n; t5: as in o), and the "
     "instructions\n"
     "of a pair, counted by callgrind while the threads take turns"},
    {'s', "pools: ms to free all chunks, and freePool; bytes, kernel maps and ns of a pool; ns per life of one: medians"},
};

void showRow(const Row *row) {
  static char last;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (sections[i].letter == row->key[0] && last != row->key[0]) printf("\n---- %s\n", sections[i].title);
  }
  last = row->key[0];
  if (row->shape == SHOW_COLUMNS)
    showColumns(row, 0);
  else
    showRatios(row);
  fflush(stdout);
}

void showFootprint(void) {
  static const char *const keys[] = {"c", "d"};
  const char *title =
      "\n---- resident bytes per live byte: after the row, after 90 % of it were freed, and after a purge; of them Block\n"
      "records: after the row, and after the purge: medians\n";
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const Row *row = findRow(keys[i]);
    if (row == NULL) continue;
    printf("%s", title);
    title = "";
    showColumns(row, 1);
  }
}

/* ---- CSV ---------------------------------------------------------------------------------------------------------- */

static void writeCsvLine(FILE *csv, const Row *row, int id, const char *unit, const double *values) {
  Summary s = summarize(values);
  if (isnan(s.median)) return;
  fprintf(csv, "%s,\"%s\",%s,%s,%.6g,%.6g,%.6g", row->key, row->name, peers[id].name, unit, s.median, s.min, s.max);
  for (int round = 0; round < rounds; round++) {
    if (isnan(values[round]))
      fprintf(csv, ",");
    else
      fprintf(csv, ",%.6g", values[round]);
  }
  fprintf(csv, "\n");
}

/* Of mema to the peer, round by round. */
static void writeCsvRatio(FILE *csv, const Row *row, PeerId mema, int id) {
  double ratios[MOST_ROUNDS] = {0};
  if (row->shape == SHOW_COLUMNS || id == (int)mema || !isMeasured(row, mema)) return;
  for (int round = 0; round < rounds; round++) {
    ratios[round] = row->series->results[mema][0][round] / row->series->results[id][0][round];
  }
  char unit[32];
  snprintf(unit, sizeof unit, "%sToThis", kindOf(mema));
  writeCsvLine(csv, row, id, unit, ratios);
}

static void writeCsvRow(FILE *csv, const Row *row) {
  for (int id = 0; id < PEER_COUNT; id++) {
    if (!isMeasured(row, id)) continue;
    for (int k = 0; k < MOST_RESULTS && row->measures[k].title != NULL; k++) {
      writeCsvLine(csv, row, id, row->measures[k].unit, row->series->results[id][k]);
    }
    for (size_t i = 0; i < MEMA_COUNT; i++) writeCsvRatio(csv, row, memaPeers[i], id);
  }
}

void writeCsv(FILE *csv) {
  fprintf(csv, "row,name,peer,measure,median,min,max");
  for (int round = 0; round < rounds; round++) fprintf(csv, ",round%d", round + 1);
  fprintf(csv, "\n");
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].series != NULL) writeCsvRow(csv, &rows[i]);
  }
}
