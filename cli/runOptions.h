/* runOptions.h - what `mema run` was asked to do. */
#ifndef MEMA_CLI_RUN_OPTIONS_H
#define MEMA_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct RunOptions {
  size_t poolSize; /* MEMA_UNLIMITED: none was given */
  const char *report;
  bool strict;
  bool help;
  char **command; /* the program and its arguments, NULL at the end */
} RunOptions;

#endif
