/* jsonReport.h - what the processes of a run used, for machines. */
#ifndef MEMA_CLI_JSON_REPORT_H
#define MEMA_CLI_JSON_REPORT_H

#include <stdio.h>

#include "child.h"
#include "runOptions.h"
#include "tableFile.h"

/* The version of what is written. It rises where a reader of the old one would misread the new one; new keys alone do not raise it. */
#define REPORT_VERSION 1

/* One object, as docs/report.schema.json says. */
void writeJsonReport(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes);

#endif
