/* tortureReport.h - what a torture found, for people and for machines. */
#ifndef MEMA_CLI_TORTURE_REPORT_H
#define MEMA_CLI_TORTURE_REPORT_H

#include <stdio.h>

#include "torturePoints.h"

/* How the points were chosen. */
typedef enum Choice { BY_STACK, EVERY, SAMPLE } Choice;

typedef struct Torture {
  const Subject *subject;
  const Plain *plain;
  const Points *points;
  Choice choice;
  bool unfinished; /* a signal ended it */
} Torture;

/* The summary: the plain run, a picture with one character for each point, the counts, the worst stacks with the commands that
 * repeat them. In colours where `out` is a terminal and NO_COLOR is not set. */
void printTorture(FILE *out, const Torture *torture);

/* One object; docs/torture.schema.json is its schema. */
void writeTortureJson(FILE *out, const Torture *torture);

/* The command line that repeats a point, with words quoted for a shell. To be freed; NULL: no memory. */
char *repeatCommand(const Subject *subject, uint64_t number);

/* Returns the command that repeats the point under gdb, which stops at the request. */
char *debugCommand(const Subject *subject, uint64_t number);

/* The name of an outcome in the report, and in the file of --resume. */
const char *outcomeName(Outcome outcome);

/* OUTCOME_COUNT where there is none of that name. */
Outcome outcomeNamed(const char *name);

#endif
