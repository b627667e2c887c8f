/* plain.h - two runs of a program as it is: they say what is right, and what differs by itself. */
#ifndef MEMA_CLI_PLAIN_H
#define MEMA_CLI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"

/* The results of the plain runs. */
typedef struct Plain {
  Attempt attempt;
  uint64_t requests;
  uint64_t liveBytes;
  size_t processes;
  size_t stacks;        /* distinct ones, over all processes */
  bool outputDiffers;   /* the two plain runs: no output is compared */
  bool statusDiffers;   /* the runs cannot be judged */
  bool requestsDiffer;  /* a number may hit another request in each run */
  bool liveDiffers;     /* no leak is looked for */
  bool comparesErrors;  /* stderr is a part of the output */
  uint64_t peakBytes;   /* the largest of a process */
  uint64_t nanoseconds; /* the longer one */
} Plain;

/* Sets the time limit of the plain runs; 0 seconds: ten minutes. */
void setPlainLimit(Subject *subject, size_t timeout);

/* Makes the two runs; the second one writes its call stacks into the file `stacks`, if that is not NULL. Names programs on stderr that the
 * library did not reach. Returns 0, or the exit status after complaining. */
int runPlain(Keeper *keeper, Subject *subject, Plain *plain, const char *stacks, const char *command);

/* Sets the limits of other runs by what the plain ones took: the time, where `timeout` is 0, and the output. */
void setLimits(Subject *subject, const Plain *plain, size_t timeout);

/* True if status and output are those of the plain run, as far as that has no others by itself. */
bool isAsPlain(const Attempt *attempt, const Plain *plain);

/* True if it wrote to stderr, and not the same as the plain run. */
bool hasMessage(const Attempt *attempt, const Plain *plain);

/* The bytes that all processes of an attempt left live. False if a process did not come to its exit. */
bool liveAtExit(const TableFile *table, uint64_t *bytes, size_t *processes);

#endif
