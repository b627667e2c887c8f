/* options.h - reads the arguments of a command by its table. */
#ifndef MEMA_CLI_OPTIONS_H
#define MEMA_CLI_OPTIONS_H

#include "command.h"

/* Reads the options into the struct of the command, and complains in its name from here on. Returns the operands, with NULL at their end.
 * Returns NULL if the command has nothing to do, and sets the exit status: after --help, or a complaint in one line. */
char **readArguments(const Command *command, int argc, char **argv, void *options, int *status);

/* True if there is an operand: the program to run. Else false, after complaining. */
bool hasProgram(const Command *command, char **operands);

#endif
