/* torturePoints.h - the points of a torture: requests that fail, one in each run, and how each run ends. */
#ifndef MEMA_CLI_TORTURE_POINTS_H
#define MEMA_CLI_TORTURE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "plain.h"

/* From the worst to the best. */
typedef enum Outcome {
  WRONG_OUTPUT, /* a status that says success, but not the output of the plain run */
  CRASH,        /* ended by a signal */
  ABORT,        /* ended by SIGABRT */
  HANG,         /* did not end in time, or wrote without an end */
  LEAK,         /* as the plain run, but with more memory live at its exit */
  SILENT,       /* another status, and no message */
  REFUSAL,      /* another status, and a message */
  SAME,         /* status and output of the plain run */
  UNREACHED,    /* the run made fewer requests */
  UNTRIED,
  OUTCOME_COUNT
} Outcome;

typedef struct Point {
  uint64_t number;
  Outcome outcome;
  int status;
  int signal;
  int pid;       /* of the process that was refused; 0: none */
  uint64_t size; /* of the request */
  uint64_t more; /* bytes live at exit beyond the plain run's */
  char *program; /* the name of that process */
  char *frames;  /* as in PointLine; "" where there are none */
  char *message; /* the first line of stderr */
} Point;

typedef struct Points {
  Point *list; /* by number */
  size_t count;
  size_t room;
} Points;

/* Adds a point. False: no memory. */
bool addPoint(Points *points, uint64_t number);

/* One point for each call stack in the file of stacks, from the request `from` on. *stacks becomes the number of stacks in it. False after
 * complaining. */
bool pointsByStack(Points *points, const char *file, uint64_t from, size_t *stacks);

/* `count` points spread evenly over the requests from `from` to `last`; each one if there are no more. False: no memory. */
bool pointsBySample(Points *points, uint64_t from, uint64_t last, uint64_t count);

void freePoints(Points *points);

/* Judges the attempt that the keeper has ended. */
void judgePoint(Point *point, const Keeper *keeper, const Plain *plain);

/* True for the outcomes that no program should have. */
static inline bool isBad(Outcome outcome) {
  return outcome <= LEAK;
}

#endif
