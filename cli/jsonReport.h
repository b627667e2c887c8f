/* jsonReport.h - what the processes of a run used, for machines. */
#ifndef MEMA_CLI_JSON_REPORT_H
#define MEMA_CLI_JSON_REPORT_H

#include <stdio.h>

#include "child.h"
#include "runOptions.h"
#include "tableFile.h"

/* One object: the command (an array of its words), poolSize (null: no limit), reserve, mmap, strict, status, signal (null: none), lost (the
 * processes that the table had no room for), and processes, an array with the figures of preload/runTable.h. */
void writeJsonReport(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes);

#endif
