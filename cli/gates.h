/* gates.h - judges the gates of a run when its command has ended. Nothing was refused for them. */
#ifndef MEMA_CLI_GATES_H
#define MEMA_CLI_GATES_H

#include <stdio.h>

#include "baseline.h"
#include "child.h"
#include "runOptions.h"
#include "tableFile.h"

/* The exit status of `mema run` where a gate fell. */
#define STATUS_FELL 3

/* A process whose figure is above what a gate allows. */
typedef struct Excess {
  const Process *process;
  Match match;
  uint64_t figure;
} Excess;

typedef struct Gate {
  const char *name; /* "max-peak", "growth of peak" */
  bool fell;
  char sentence[1000]; /* the figure and the process, and what is allowed */
  Excess *list;        /* the processes that are above it; to be freed */
  size_t count;
} Gate;

enum { MOST_GATES = 7, MOST_WARNINGS = 5 };
typedef char Warning[400];

/* The outcome of all gates. */
typedef struct Verdict {
  Gate gates[MOST_GATES];
  size_t count;
  size_t fallen;
  Warning warnings[MOST_WARNINGS]; /* why gates that hold might not */
  size_t warningCount;
  int status; /* of the command, with 128 + the signal that ended it */
} Verdict;

/* `baseline` is NULL where there is none to compare with. */
void judgeGates(Verdict *verdict, const RunOptions *run, const Ending *ending, const Processes *processes,
                const Baseline *baseline);

void freeVerdict(Verdict *verdict);

/* "perl (4207)", or "cc1 no. 2 (4207)" where several have the name. */
typedef char ProcessText[4 * RUN_NAME_ROOM + 48];
const char *describeProcess(ProcessText text, const Process *process, const Match *match);

#endif
