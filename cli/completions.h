/* completions.h - what shells offer for the next word of a line with mema, as a script of the shell, made from the tables. */
#ifndef MEMA_CLI_COMPLETIONS_H
#define MEMA_CLI_COMPLETIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "command.h"

/* "bash", "zsh", "fish"; NULL ends the list. */
extern const char *const completedShells[];

/* False if it is none of these shells. */
bool writeCompletions(FILE *out, const Command *const *commands, const char *shell);

#endif
