/* rows.h - the rows: which work, of what size, by whom, in which units. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "measure.h"

typedef struct {
  const char *title; /* of a column */
  const char *unit;  /* in the CSV file */
} Measure;

/* How a row is shown: one result per peer with its spread and ratios, or several with their medians alone, or the one with its
 * ratios and then the medians of the others. */
typedef enum { SHOW_RATIOS, SHOW_COLUMNS, SHOW_BOTH } RowShape;

typedef struct {
  const char *key; /* "b1"; --rows b selects it too */
  const char *name;
  Work *work;
  size_t n, quickN; /* quickN 0: left out of --quick */
  unsigned set;
  RowShape shape;
  const Measure *measures; /* by result; the last has no title */
  Series *series;          /* NULL until measured */
} Row;

enum { MOST_ROWS = 64 };
extern Row rows[MOST_ROWS];
size_t countRows(void);

/* Appends a row per trace. */
void addTraceRows(size_t count);

/* Where the row is not there or not measured: NULL. */
const Row *findRow(const char *key);

#endif
