/* gating.h - the gates of a run, from before the command to the exit status. */
#ifndef MEMA_CLI_GATING_H
#define MEMA_CLI_GATING_H

#include "baseline.h"

/* Reads the baseline, and finds out whether the files can be written. It makes nothing. False after complaining. */
bool prepareGates(const RunOptions *run, Baseline *baseline);

/* Judges the gates, says on stderr what became of them, and writes the files. `processes` is NULL where there was no memory to read
 * them. Returns the exit status of `mema run`: STATUS_FELL where a gate fell, else the command's own. A file that was asked for and
 * could not be written makes it STATUS_USAGE where it would be 0. */
int closeGates(const RunOptions *run, const Ending *ending, const Processes *processes, Baseline *baseline);

#endif
