/* summary.h - what the processes of a run used, for people. */
#ifndef MEMA_CLI_SUMMARY_H
#define MEMA_CLI_SUMMARY_H

#include <stdio.h>

#include "child.h"
#include "runOptions.h"
#include "tableFile.h"

/* One process: a few lines. Several: a table, the biggest peaks first, or a few lines for each where the terminal is too narrow
 * for a table. No line is longer than the terminal's. */
void printSummary(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes);

#endif
