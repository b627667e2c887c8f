/* help.h - --help of a command, made from its table, in the width of the terminal. */
#ifndef MEMA_CLI_HELP_H
#define MEMA_CLI_HELP_H

#include "command.h"

/* Both print to stdout and return the exit status. */
int showHelp(const Command *command);
int showCommands(const Command *const *commands);

/* The first lines of `mema --help`. */
extern const char programSummary[];

/* "--pool=SIZE". The letter, where there is one, is not a part. Returns `text`. */
#define OPTION_TEXT_ROOM 64
const char *optionText(char text[OPTION_TEXT_ROOM], const Option *option);

#endif
