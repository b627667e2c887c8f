/* summary.h - what the processes of a run used, for people. */
#ifndef MEMA_CLI_SUMMARY_H
#define MEMA_CLI_SUMMARY_H

#include <stdio.h>

#include "runOptions.h"
#include "tableFile.h"

/* One process: a few lines. Several: a table, the biggest peaks first, which reorders the list. */
void printSummary(FILE *out, const RunOptions *run, Processes *processes);

#endif
