/* runOptions.h - what `mema run` was asked to do. */
#ifndef MEMA_CLI_RUN_OPTIONS_H
#define MEMA_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateOptions.h"

typedef struct RunOptions {
  size_t poolSize; /* MEMA_UNLIMITED: none was given */
  size_t reserve;  /* 0: none */
  size_t total;    /* 0: none */
  const char *report;
  bool ignoresMappings; /* --no-mmap */
  bool strict;
  bool disinherits; /* --no-inherit */
  bool deepBinds;   /* --deepbind */
  size_t failAt;    /* --fail-at; 0: no request fails on purpose */
  bool fromThenOn;  /* --from-then-on */
  GateOptions gates;
  char **command; /* the program and its arguments, NULL at the end */
} RunOptions;

#endif
