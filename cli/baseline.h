/* baseline.h - figures of an earlier run, kept as a JSON report, and which process of this run is to be compared with which of them. */
#ifndef MEMA_CLI_BASELINE_H
#define MEMA_CLI_BASELINE_H

#include <stdio.h>

#include "child.h"
#include "runOptions.h"
#include "tableFile.h"

/* Room for the name of a process in a report: each byte that is not UTF-8 is three there. */
#define BASELINE_NAME_ROOM (3 * RUN_NAME_ROOM)

typedef struct BaselineProcess {
  char name[BASELINE_NAME_ROOM];
  bool exact;
  uint64_t peakBytes, liveBytes, allocations;
} BaselineProcess;

typedef struct Baseline {
  BaselineProcess *list; /* in the order in which they began; to be freed */
  size_t count;
  uint64_t lost;
  bool mmap; /* what the programs mapped by themselves counts */
} Baseline;

/* Reads the file. False after complaining in one line. */
bool readBaseline(Baseline *baseline, const char *name);

/* Writes a report of this run. So that it changes with the figures alone, processes are numbered from 1. */
bool writeBaseline(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes);

/* The facts about a process beside its own figures. */
typedef struct Match {
  unsigned number;               /* it is the number-th process of its name, from 1 */
  unsigned of;                   /* so many have that name */
  const BaselineProcess *before; /* the number-th process of this name in the baseline; NULL: there is none */
} Match;

/* Finds the match of each process. `baseline` may be NULL. Returns an array to be freed; NULL: there is no memory. */
Match *matchProcesses(const Processes *processes, const Baseline *baseline);

#endif
