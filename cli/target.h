/* target.h - the program that is to run: where it is, and whether a preloaded library can reach it. */
#ifndef MEMA_CLI_TARGET_H
#define MEMA_CLI_TARGET_H

#include <limits.h>
#include <stdbool.h>

typedef struct Target {
  char path[PATH_MAX]; /* what to give to execve */
} Target;

/* Finds the program as a shell would: a name with a slash is a path, any other is looked for in PATH.
 * Returns 0, or the exit status that env(1) has for it (126, 127) after complaining. */
int findTarget(Target *target, const char *name);

/* False, after complaining, where the loader would not preload: a program with raised privileges, a static one, one of another
 * word size; or a script whose interpreter is such a program. What cannot be read is left to execve. `consequence` ends the
 * sentence: "no pool can hold it". */
bool canPreload(const Target *target, const char *consequence);

#endif
