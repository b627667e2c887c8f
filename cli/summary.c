/* summary.c - see summary.h. */
#define _GNU_SOURCE
#include "summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "complain.h"

enum { ROWS = 20, NAME_WIDTH = 16 };

typedef char SizeText[SIZE_TEXT_ROOM];

static void printBudget(FILE *out, const RunOptions *run) {
  SizeText size;
  if (run->poolSize == MEMA_UNLIMITED) {
    fputs("a pool without a limit", out);
  } else {
    fprintf(out, "a pool of %s", formatSize(size, run->poolSize));
  }
}

/* What a reader should not overlook, each on a line of its own. */
static void printRemarks(FILE *out, const Process *process) {
  const RunFigures *figures = &process->figures;
  SizeText budget;
  uint64_t others = figures->refused - (figures->overBudget < figures->refused ? figures->overBudget : figures->refused);
  if (figures->overBudget > 0) {
    fprintf(out, "  %s (%d): refused %" PRIu64 " request%s: the budget of %s was reached\n", process->name, process->pid,
            figures->overBudget, figures->overBudget == 1 ? "" : "s", formatSize(budget, figures->poolSize));
  }
  if (others > 0) {
    fprintf(out, "  %s (%d): refused %" PRIu64 " request%s for other reasons than the budget\n", process->name, process->pid,
            others, others == 1 ? "" : "s");
  }
  if (figures->badFrees > 0) {
    fprintf(out, "  %s (%d): gave %" PRIu64 " bad pointer%s to free or realloc\n", process->name, process->pid,
            figures->badFrees, figures->badFrees == 1 ? "" : "s");
  }
}

static void printOne(FILE *out, const RunOptions *run, const Process *process) {
  const RunFigures *figures = &process->figures;
  SizeText peak, live, footprint;
  fprintf(out, "mema run: %s (%d) in ", process->name, process->pid);
  printBudget(out, run);
  fprintf(out, "\n  peak         %10s   live at exit %10s   footprint    %10s\n", formatSize(peak, figures->peakBytes),
          formatSize(live, figures->liveBytes), formatSize(footprint, figures->footprint));
  fprintf(out,
          "  allocations  %10" PRIu64 "   frees        %10" PRIu64 "   refused      %10" PRIu64 "   bad frees %" PRIu64 "\n",
          figures->allocations, figures->frees, figures->refused, figures->badFrees);
  if (figures->peakMapped > 0) {
    fprintf(out, "  mapped: peak %10s   live at exit %10s   (by mmap and sbrk; counted above)\n",
            formatSize(peak, figures->peakMapped), formatSize(live, figures->mappedBytes));
  }
  printRemarks(out, process);
}

static void printRow(FILE *out, const Process *process, bool withMapped) {
  const RunFigures *figures = &process->figures;
  SizeText peak, live, footprint, mapped;
  fprintf(out, "  %-*.*s %8d %10s %12s %10s", NAME_WIDTH, NAME_WIDTH, process->name, process->pid,
          formatSize(peak, figures->peakBytes), formatSize(live, figures->liveBytes),
          formatSize(footprint, figures->footprint));
  if (withMapped) fprintf(out, " %11s", formatSize(mapped, figures->peakMapped));
  fprintf(out, " %12" PRIu64 " %12" PRIu64 " %8" PRIu64 " %9" PRIu64 "\n", figures->allocations, figures->frees,
          figures->refused, figures->badFrees);
}

static int byPeak(const void *left, const void *right) {
  const Process *a = left, *b = right;
  if (a->figures.peakBytes != b->figures.peakBytes) return a->figures.peakBytes < b->figures.peakBytes ? 1 : -1;
  return (a->pid > b->pid) - (a->pid < b->pid);
}

static void printMany(FILE *out, const RunOptions *run, const Processes *processes) {
  size_t rows = processes->count < ROWS ? processes->count : ROWS;
  qsort(processes->list, processes->count, sizeof *processes->list, byPeak);
  fprintf(out, "mema run: %zu processes, each in ", processes->count);
  printBudget(out, run);
  bool withMapped = false;
  for (size_t i = 0; i < rows; i++) withMapped = withMapped || processes->list[i].figures.peakMapped > 0;
  fprintf(out, "; the biggest peaks first\n  %-*s %8s %10s %12s %10s%s %12s %12s %8s %9s\n", NAME_WIDTH, "command", "pid",
          "peak", "live at exit", "footprint", withMapped ? " mapped peak" : "", "allocations", "frees", "refused",
          "bad frees");
  for (size_t i = 0; i < rows; i++) printRow(out, &processes->list[i], withMapped);
  if (processes->count > rows) fprintf(out, "  ... and %zu more\n", processes->count - rows);
  for (size_t i = 0; i < rows; i++) printRemarks(out, &processes->list[i]);
}

void printSummary(FILE *out, const RunOptions *run, Processes *processes) {
  for (size_t i = 0; i < processes->count; i++) defuse(processes->list[i].name);
  if (processes->count == 0) {
    fputs("mema run: no process reported its figures: none loaded the preload library\n", out);
  } else if (processes->count == 1) {
    printOne(out, run, &processes->list[0]);
  } else {
    printMany(out, run, processes);
  }
  if (processes->lost > 0) fprintf(out, "  and %zu more, which the table had no room for\n", processes->lost);
  fflush(out);
}
