/* trialOptions.c - see trialOptions.h. */
#define _GNU_SOURCE
#include "trialOptions.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "options.h"
#include "plain.h"
#include "values.h"

const Option trialOptions[] = {
    {"timeout", "S", "end a run after S seconds; without it, ten times the plain run, and 5 at the least", readCount,
     .field = offsetof(TrialOptions, timeout), .most = 1000000},
    {"input", "FILE", "the standard input of each run; without it, /dev/null", readText,
     .field = offsetof(TrialOptions, subject.input), .offer = OFFER_FILES},
    {"check", "CMD", "run CMD by the shell after each run: what it writes, and its status, are a part of the run's output",
     readText, .field = offsetof(TrialOptions, subject.check), .offer = OFFER_COMMANDS},
    {"stderr", NULL, "what the program writes to stderr is a part of its output", setFlag,
     .field = offsetof(TrialOptions, comparesErrors)},
    {.name = NULL},
};

int prepareTrials(const Command *command, TrialOptions *trials, char **operands, Target *target, const char *refusal) {
  Subject *subject = &trials->subject;
  if (!hasProgram(command, operands)) return STATUS_USAGE;
  subject->run.command = operands;
  int status = findTarget(target, operands[0]);
  if (status == 0) status = checkTarget(target, operands[0], refusal);
  if (status != 0) return status;
  if (access(subject->input, R_OK) != 0) {
    complain("cannot read '%s': %s", subject->input, strerror(errno));
    return STATUS_USAGE;
  }
  subject->target = target;
  setPlainLimit(subject, trials->timeout);
  return 0;
}
