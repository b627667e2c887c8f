/* gateOptions.h - the gates that `mema run` was asked for: limits that refuse nothing, and are judged when the command has ended. */
#ifndef MEMA_CLI_GATE_OPTIONS_H
#define MEMA_CLI_GATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"

#define NO_GATE UINT64_MAX

typedef struct GateOptions {
  uint64_t maxPeak;        /* bytes; NO_GATE: none was given, here and below */
  uint64_t maxLive;        /* bytes */
  uint64_t maxAllocations; /* chunks */
  uint64_t maxGrowth;      /* hundredths of a percent */
  const char *baseline;    /* the name of the file; NULL: none, here and below */
  const char *junit;
  bool update;    /* write the baseline, and compare nothing with it */
  bool annotates; /* write a line for GitHub's annotations */
} GateOptions;

/* No gate at all. */
#define NO_GATES \
  { .maxPeak = NO_GATE, .maxLive = NO_GATE, .maxAllocations = NO_GATE, .maxGrowth = NO_GATE }

/* Their options, for a GateOptions. */
extern const Option gateOptions[];

/* True if there is a gate to judge, or a file to write. */
bool hasGates(const GateOptions *gates);

/* False after complaining: an option lacks another. */
bool checkGateOptions(const GateOptions *gates);

#endif
