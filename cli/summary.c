/* summary.c - see summary.h. */
#define _GNU_SOURCE
#include "summary.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "layout.h"
#include "point.h"
#include "unreached.h"

enum { ROWS = 20, NAME_COLUMNS = 16, INDENT = 2, MOST_FIGURES = 9 };

/* Room for the name of a process: each character may take the four bytes of the longest UTF-8. */
typedef char NameText[4 * RUN_NAME_ROOM + 1];

/* Where the lines go. */
typedef struct Page {
  FILE *out;
  unsigned width;
  const RunOptions *run;
} Page;

/* ---- sentences ---------------------------------------------------------------------------------------------------- */

/* "1 request", "2 requests". */
#define COUNTED(count) (count), (count) == 1 ? "" : "s"

/* "a pool of 64.0 MiB" */
static const char *describePool(char text[64], const RunOptions *run) {
  char size[SIZE_TEXT_ROOM];
  if (run->poolSize == MEMA_UNLIMITED) return "a pool without a limit";
  snprintf(text, 64, "a pool of %s", formatSize(size, run->poolSize));
  return text;
}

/* "segmentation fault": as the C library has it, without the capital, unless it is one of "I/O possible" and its kind. */
static const char *describeSignal(char text[64], int signal) {
  snprintf(text, 64, "%s", strsignal(signal));
  if (islower((unsigned char)text[1])) text[0] = (char)tolower((unsigned char)text[0]);
  return text;
}

static void printEnding(const Page *page, const Ending *ending) {
  char signal[64];
  if (ending->signal == 0) return;
  printWrapped(page->out, page->width, INDENT, "the command was ended by signal %d, %s", ending->signal,
               describeSignal(signal, ending->signal));
}

/* Prints the remarks on a process, each in a line of its own. */
static void printRemarks(const Page *page, unsigned indent, const Process *process) {
  const RunFigures *figures = &process->figures;
  char budget[SIZE_TEXT_ROOM];
  uint64_t explained = figures->overBudget + process->overTotal + process->onPurpose; /* printPoint tells of the last */
  uint64_t others = figures->refused - (explained < figures->refused ? explained : figures->refused);
  if (figures->overBudget > 0) {
    printWrapped(page->out, page->width, indent, "refused %" PRIu64 " request%s: the budget of %s was reached",
                 COUNTED(figures->overBudget), formatSize(budget, figures->poolSize));
  }
  if (process->overTotal > 0) {
    printWrapped(page->out, page->width, indent, "refused %" PRIu64 " request%s: the total of all processes was reached",
                 COUNTED(process->overTotal));
  }
  if (others > 0) {
    printWrapped(page->out, page->width, indent, "refused %" PRIu64 " request%s for other reasons than the budget",
                 COUNTED(others));
  }
  if (figures->badFrees > 0) {
    printWrapped(page->out, page->width, indent, "gave %" PRIu64 " bad pointer%s to free or realloc",
                 COUNTED(figures->badFrees));
  }
  if (figures->deepBinds > 0) {
    printWrapped(page->out, page->width, indent,
                 "took RTLD_DEEPBIND out of %" PRIu64 " call%s of dlopen: it keeps a library's heap out of the pool",
                 COUNTED(figures->deepBinds));
  }
  if (!process->exact) {
    printWrapped(page->out, page->width, indent,
                 "peak and counts are at least these: the process was killed, or still runs");
  }
}

static bool isFootprintAbove(const Process *process) {
  return process->figures.footprint > process->figures.poolSize;
}

/* Said where a reader would wonder how a process can hold more than its budget. */
static void explainFootprint(const Page *page) {
  printWrapped(page->out, page->width, INDENT, "footprint: whole pages and records; only live bytes count in the budget");
}

/* ---- one process -------------------------------------------------------------------------------------------------- */

static Figure sizeFigure(const char *label, const char *shortLabel, uint64_t size) {
  Figure figure = {.label = label, .shortLabel = shortLabel};
  formatSize(figure.value, size);
  return figure;
}

static Figure countFigure(const char *label, const char *shortLabel, uint64_t count) {
  Figure figure = {.label = label, .shortLabel = shortLabel};
  formatNumber(figure.value, count);
  return figure;
}

static void printAllFigures(const Page *page, const RunFigures *figures) {
  const Figure list[MOST_FIGURES] = {
      sizeFigure("peak", "peak", figures->peakBytes),
      sizeFigure("live at exit", "live", figures->liveBytes),
      sizeFigure("footprint", "footprint", figures->footprint),
      countFigure("allocations", "allocs", figures->allocations),
      countFigure("frees", "frees", figures->frees),
      countFigure("refused", "refused", figures->refused),
      countFigure("bad frees", "bad frees", figures->badFrees),
      sizeFigure("mapped peak", "map peak", figures->peakMapped),
      sizeFigure("still mapped", "mapped", figures->mappedBytes),
  };
  bool withMapped = figures->peakMapped > 0;
  printFigures(page->out, page->width, list, withMapped ? MOST_FIGURES : MOST_FIGURES - 2);
  if (withMapped) {
    printWrapped(page->out, page->width, INDENT, "mapped: by mmap and sbrk; counted in peak and live at exit");
  }
}

static void printOne(const Page *page, const Ending *ending, const Process *process) {
  NameText name;
  char pool[64];
  copyName(name, process->name, RUN_NAME_ROOM);
  printWrapped(page->out, page->width, 0, "mema run: %s (%d) in %s", name, process->pid, describePool(pool, page->run));
  printEnding(page, ending);
  printAllFigures(page, &process->figures);
  if (isFootprintAbove(process)) explainFootprint(page);
  printRemarks(page, INDENT, process);
}

/* ---- several: a table --------------------------------------------------------------------------------------------- */

/* From the left. A narrow terminal leaves out the last ones first, but none before FOOTPRINT. */
typedef enum Column {
  COMMAND,
  PID,
  PEAK,
  LIVE,
  FOOTPRINT,
  MAPPED_PEAK,
  ALLOCATIONS,
  FREES,
  REFUSED,
  BAD_FREES,
  COLUMN_COUNT
} Column;

static const char *const titles[COLUMN_COUNT] = {
    "command", "pid", "peak", "live at exit", "footprint", "mapped peak", "allocations", "frees", "refused", "bad frees",
};

typedef char Cell[4 * NAME_COLUMNS + 1];

typedef struct Table {
  const Process *rows[ROWS];
  size_t count;
  Cell titles[COLUMN_COUNT];
  Cell cells[ROWS][COLUMN_COUNT];
  unsigned widths[COLUMN_COUNT]; /* 0: left out, since it says nothing */
  unsigned shown;                /* so many of the columns; 0: not even those that are needed fit */
} Table;

static void fillRow(Cell *cells, const Process *process) {
  const RunFigures *figures = &process->figures;
  copyName(cells[COMMAND], process->name, NAME_COLUMNS);
  formatNumber(cells[PID], (uint64_t)process->pid);
  formatSize(cells[PEAK], figures->peakBytes);
  formatSize(cells[LIVE], figures->liveBytes);
  formatSize(cells[FOOTPRINT], figures->footprint);
  formatSize(cells[MAPPED_PEAK], figures->peakMapped);
  formatNumber(cells[ALLOCATIONS], figures->allocations);
  formatNumber(cells[FREES], figures->frees);
  formatNumber(cells[REFUSED], figures->refused);
  formatNumber(cells[BAD_FREES], figures->badFrees);
}

static void widen(Table *table, Cell *cells) {
  for (Column column = COMMAND; column < COLUMN_COUNT; column++) {
    unsigned columns = textColumns(cells[column]);
    if (columns > table->widths[column]) table->widths[column] = columns;
  }
}

/* As many columns as the width has room for, each with a space before it. */
static void chooseColumns(Table *table, unsigned width) {
  unsigned used = INDENT - 1, shown = 0;
  for (; shown < COLUMN_COUNT; shown++) {
    used += table->widths[shown] > 0 ? table->widths[shown] + 1 : 0;
    if (used > width) break;
  }
  table->shown = shown >= FOOTPRINT ? shown : 0;
}

static void fillTable(Table *table, unsigned width) {
  bool withMapped = false;
  for (Column column = COMMAND; column < COLUMN_COUNT; column++) strcpy(table->titles[column], titles[column]);
  widen(table, table->titles);
  for (size_t i = 0; i < table->count; i++) {
    fillRow(table->cells[i], table->rows[i]);
    widen(table, table->cells[i]);
    withMapped = withMapped || table->rows[i]->figures.peakMapped > 0;
  }
  if (!withMapped) table->widths[MAPPED_PEAK] = 0;
  chooseColumns(table, width);
}

static void printCells(FILE *out, const Table *table, Cell *cells) {
  fprintf(out, "%*s", INDENT - 1, "");
  for (Column column = COMMAND; column < table->shown; column++) {
    if (table->widths[column] == 0) continue;
    int spaces = (int)(table->widths[column] - textColumns(cells[column]));
    if (column == COMMAND) {
      fprintf(out, " %s%*s", cells[column], spaces, "");
    } else {
      fprintf(out, " %*s%s", spaces, "", cells[column]);
    }
  }
  fputc('\n', out);
}

/* Refused requests and bad frees are remarked on where there were any. */
static void printLeftOut(const Page *page, const Table *table) {
  char list[128] = "";
  size_t length = 0;
  for (Column column = table->shown; column < REFUSED; column++) {
    if (table->widths[column] == 0) continue;
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", length > 0 ? ", " : "", titles[column]);
  }
  if (length > 0) printWrapped(page->out, page->width, INDENT, "left out for the width of %u: %s", page->width, list);
}

static void printTable(const Page *page, Table *table) {
  printCells(page->out, table, table->titles);
  for (size_t i = 0; i < table->count; i++) {
    printCells(page->out, table, table->cells[i]);
    printRemarks(page, INDENT + 2, table->rows[i]);
  }
  printLeftOut(page, table);
}

/* One process after another, where the width has no room for a table. */
static void printList(const Page *page, const Table *table) {
  for (size_t i = 0; i < table->count; i++) {
    NameText name;
    copyName(name, table->rows[i]->name, RUN_NAME_ROOM);
    printWrapped(page->out, page->width, 0, "%s (%d)", name, table->rows[i]->pid);
    printAllFigures(page, &table->rows[i]->figures);
    printRemarks(page, INDENT, table->rows[i]);
  }
}

/* ---- several processes -------------------------------------------------------------------------------------------- */

static int byPeak(const void *left, const void *right) {
  const Process *a = *(const Process *const *)left, *b = *(const Process *const *)right;
  if (a->figures.peakBytes != b->figures.peakBytes) return a->figures.peakBytes < b->figures.peakBytes ? 1 : -1;
  return (a->pid > b->pid) - (a->pid < b->pid);
}

/* The processes with the biggest peaks, as many as a table has rows. Without memory to sort them, the first ones. */
static void chooseRows(Table *table, const Processes *processes) {
  const Process **sorted = calloc(processes->count, sizeof(const Process *));
  table->count = processes->count < ROWS ? processes->count : ROWS;
  for (size_t i = 0; sorted != NULL && i < processes->count; i++) sorted[i] = &processes->list[i];
  if (sorted != NULL) qsort(sorted, processes->count, sizeof(const Process *), byPeak);
  for (size_t i = 0; i < table->count; i++) table->rows[i] = sorted != NULL ? sorted[i] : &processes->list[i];
  free(sorted);
}

static void printMany(const Page *page, const Ending *ending, const Processes *processes) {
  static Table table;
  char pool[64];
  bool isAbove = false;
  chooseRows(&table, processes);
  fillTable(&table, page->width);
  printWrapped(page->out, page->width, 0, "mema run: %zu processes, each in %s; the biggest peaks first", processes->count,
               describePool(pool, page->run));
  printEnding(page, ending);
  if (table.shown > 0) {
    printTable(page, &table);
  } else {
    printList(page, &table);
  }
  for (size_t i = 0; i < table.count; i++) isAbove = isAbove || isFootprintAbove(table.rows[i]);
  if (processes->count > table.count) {
    printWrapped(page->out, page->width, INDENT, "... and %zu more", processes->count - table.count);
  }
  if (isAbove && (table.shown == 0 || table.shown > FOOTPRINT)) explainFootprint(page);
}

static void printTotal(const Page *page, const RunTotal *total) {
  char size[SIZE_TEXT_ROOM], peak[SIZE_TEXT_ROOM];
  if (total->budget == 0) return;
  uint64_t refused = atomic_load(&total->refused);
  printWrapped(page->out, page->width, INDENT, "total of all processes: peak %s of %s, refused %" PRIu64 " request%s",
               formatSize(peak, atomic_load(&total->peak)), formatSize(size, total->budget), COUNTED(refused));
}

void printSummary(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes) {
  const Page page = {.out = out, .width = lineWidth(out), .run = run};
  if (processes->count == 0) {
    printWrapped(out, page.width, 0, "mema run: no process reported its figures: none loaded the preload library");
    printEnding(&page, ending);
  } else if (processes->count == 1) {
    printOne(&page, ending, &processes->list[0]);
  } else {
    printMany(&page, ending, processes);
  }
  if (processes->lost > 0) {
    printWrapped(out, page.width, INDENT, "and %zu more, which the table had no room for", processes->lost);
  }
  printTotal(&page, processes->total);
  printPoint(out, processes->points);
  printUnreached(out, "mema run", processes->unreached);
  fflush(out);
}
