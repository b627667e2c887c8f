/* trialOptions.h - the options that `mema torture` and `mema fit` share: both run a program again and again. */
#ifndef MEMA_CLI_TRIAL_OPTIONS_H
#define MEMA_CLI_TRIAL_OPTIONS_H

#include "attempt.h"
#include "command.h"

typedef struct TrialOptions {
  Subject subject;
  size_t timeout;      /* seconds; 0: by the plain runs */
  bool comparesErrors; /* stderr is a part of the output */
} TrialOptions;

/* The values without an option. */
#define TRIAL_DEFAULTS .subject = {.run = {.poolSize = MEMA_UNLIMITED}, .input = "/dev/null"}

extern const Option trialOptions[];

/* Finds the program, whose words are the operands, into *target; checks that its input can be read; sets the limit of the plain runs.
 * `refusal` ends the sentence about a program that the library cannot reach. Returns 0, or the exit status after complaining. */
int prepareTrials(const Command *command, TrialOptions *trials, char **operands, Target *target, const char *refusal);

#endif
