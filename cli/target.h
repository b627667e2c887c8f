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

/* Looks into the program, and where that is a script, into its interpreter. Returns 0, or after complaining an exit
 * status: 127 where the interpreter is missing, 2 where the loader would not preload: a program with raised
 * privileges, a static one, one of another word size, machine or C library. execve decides about a file that cannot
 * be read. `consequence` ends the sentence: "no pool can hold it". */
int checkTarget(const Target *target, const char *name, const char *consequence);

/* True where the kernel does not know the program's format, and a shell would run it as its own script. */
bool isShellText(const Target *target);

#endif
