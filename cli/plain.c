/* plain.c - see plain.h. */
#define _GNU_SOURCE
#include "plain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "unreached.h"

#define SECOND UINT64_C(1000000000)

enum { LEAST_LIMIT = 5, LIMIT_FACTOR = 10, PLAIN_LIMIT = 600, LEAST_OUTPUT = 1 << 20, OUTPUT_FACTOR = 10 };

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

bool liveAtExit(const TableFile *table, uint64_t *bytes, size_t *processCount) {
  Processes processes;
  bool all = readProcesses(table, &processes);
  *bytes = 0;
  *processCount = 0;
  if (!all) return false;
  for (size_t i = 0; i < processes.count; i++) {
    *bytes += processes.list[i].figures.liveBytes;
    all = all && processes.list[i].exact;
  }
  *processCount = processes.count + processes.lost;
  free(processes.list);
  return all;
}

/* 0: unknown. */
static uint64_t largestPeak(const TableFile *table) {
  Processes processes;
  uint64_t peak = 0;
  if (!readProcesses(table, &processes)) return 0;
  for (size_t i = 0; i < processes.count; i++) {
    if (processes.list[i].figures.peakBytes > peak) peak = processes.list[i].figures.peakBytes;
  }
  free(processes.list);
  return peak;
}

static bool sameStream(const Stream *a, const Stream *b) {
  return a->bytes == b->bytes && a->hash == b->hash;
}

static bool sameOutput(const Attempt *attempt, const Plain *plain) {
  if (plain->outputDiffers) return true;
  if (plain->comparesErrors && !sameStream(&attempt->errors, &plain->attempt.errors)) return false;
  return sameStream(&attempt->output, &plain->attempt.output) &&
         sameStream(&attempt->checkOutput, &plain->attempt.checkOutput) &&
         attempt->checkStatus == plain->attempt.checkStatus;
}

bool isAsPlain(const Attempt *attempt, const Plain *plain) {
  return !attempt->timedOut && attempt->status == plain->attempt.status && sameOutput(attempt, plain);
}

bool hasMessage(const Attempt *attempt, const Plain *plain) {
  return attempt->errors.bytes > 0 && !sameStream(&attempt->errors, &plain->attempt.errors);
}

/* ---- the runs ----------------------------------------------------------------------------------------------------- */

void setPlainLimit(Subject *subject, size_t timeout) {
  subject->nanoseconds = (timeout > 0 ? timeout : PLAIN_LIMIT) * SECOND;
  subject->mostOutput = UINT64_MAX;
}

static uint64_t requestsOf(const Keeper *keeper) {
  return atomic_load(&keeper->table.table->points.requests);
}

/* False after complaining. */
static bool hasRun(const Keeper *keeper, const Subject *subject) {
  const Attempt *attempt = keeper->attempt;
  if (attempt->reason != 0) {
    complain("cannot run '%s': %s", subject->run.command[0], strerror(attempt->reason));
  } else if (attempt->timedOut) {
    complain("the plain run did not end within %" PRIu64 " s; --timeout sets the limit", subject->nanoseconds / SECOND);
  } else if (subject->counts && requestsOf(keeper) == 0) {
    complain("'%s' makes no request for memory that the library sees", subject->run.command[0]);
  } else {
    return true;
  }
  return false;
}

static void notePlain(Plain *plain, const Keeper *keeper) {
  plain->attempt = *keeper->attempt;
  plain->requests = requestsOf(keeper);
  plain->liveDiffers = !liveAtExit(&keeper->table, &plain->liveBytes, &plain->processes);
  plain->peakBytes = largestPeak(&keeper->table);
  plain->nanoseconds = keeper->attempt->nanoseconds;
}

static void comparePlain(Plain *plain, const Keeper *keeper) {
  const Attempt *first = &plain->attempt, *second = keeper->attempt;
  uint64_t live;
  size_t processes;
  plain->liveDiffers = !liveAtExit(&keeper->table, &live, &processes) || live != plain->liveBytes || plain->liveDiffers;
  plain->statusDiffers = first->status != second->status;
  plain->outputDiffers =
      !sameStream(&first->output, &second->output) || !sameStream(&first->checkOutput, &second->checkOutput) ||
      first->checkStatus != second->checkStatus || (plain->comparesErrors && !sameStream(&first->errors, &second->errors));
  plain->requestsDiffer = plain->requests != requestsOf(keeper);
  if (second->nanoseconds > plain->nanoseconds) plain->nanoseconds = second->nanoseconds;
}

void setLimits(Subject *subject, const Plain *plain, size_t timeout) {
  uint64_t limit = plain->nanoseconds * LIMIT_FACTOR;
  if (limit < LEAST_LIMIT * SECOND) limit = LEAST_LIMIT * SECOND;
  subject->nanoseconds = timeout > 0 ? timeout * SECOND : limit;
  subject->mostOutput = plain->attempt.output.bytes * OUTPUT_FACTOR + LEAST_OUTPUT;
}

int runPlain(Keeper *keeper, Subject *subject, Plain *plain, const char *stacks, const char *command) {
  int signal = makeAttempt(keeper, subject);
  if (signal != 0 || !hasRun(keeper, subject)) return signal > 0 ? 128 + signal : STATUS_USAGE;
  notePlain(plain, keeper);
  subject->stacks = stacks;
  signal = makeAttempt(keeper, subject);
  subject->stacks = NULL;
  if (signal != 0 || !hasRun(keeper, subject)) return signal > 0 ? 128 + signal : STATUS_USAGE;
  comparePlain(plain, keeper);
  printUnreached(stderr, command, &keeper->table.table->unreached);
  return 0;
}
