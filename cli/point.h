/* point.h - the request of a run that is to fail on purpose, and what became of it (RunPoints in preload/runTable.h). */
#ifndef MEMA_CLI_POINT_H
#define MEMA_CLI_POINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../preload/runTable.h"

/* Asks the processes of the run to count their requests, and to let request `failAt` fail (0: none), and with `fromThenOn` those after it. */
void askForPoint(RunPoints *points, uint64_t failAt, bool fromThenOn);

/* One line of RunPoints.stack, or of the file of stacks. The pointers point into the line, whose tabs become ends of strings. */
typedef struct PointLine {
  uint64_t number;
  int pid;
  const char *program;
  uint64_t size;
  const char *frames; /* separated by tabs; "" where there are none */
} PointLine;

/* False where the line is none. */
bool readPointLine(PointLine *point, char *line);

/* Says in one sentence which process was refused, or that the run ended before. */
void printPoint(FILE *out, const RunPoints *points);

#endif
