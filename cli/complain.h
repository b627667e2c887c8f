/* complain.h - what a command of mema has to say when something is wrong: one line on stderr. */
#ifndef MEMA_CLI_COMPLAIN_H
#define MEMA_CLI_COMPLAIN_H

#include <stdbool.h>

/* The command that complains from here on: "mema run", to begin with "mema". Not copied. */
void complainAs(const char *command);

/* Prints the command, a colon and the message, in one write and as one line whatever the arguments contain. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Names of programs and files come from outside: no line feed, no terminal sequence is to get through to who reads them. */
void defuse(char *line);

/* What went to stdout is all written. False after complaining. */
bool finishOutput(void);

#endif
