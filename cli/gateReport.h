/* gateReport.h - what became of the gates: for people, for GitHub's annotations, and as JUnit XML. */
#ifndef MEMA_CLI_GATE_REPORT_H
#define MEMA_CLI_GATE_REPORT_H

#include "gates.h"

/* Some lines, none of which is longer than the terminal's. */
void printVerdict(FILE *out, const Verdict *verdict);

/* A line for the gates that fell, and one for the warnings, where there are any: workflow commands of GitHub's runner. */
void annotateVerdict(FILE *out, const Verdict *verdict);

/* A document with a test case for each gate. */
void writeJunit(FILE *out, const RunOptions *run, const Verdict *verdict);

#endif
