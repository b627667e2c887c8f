/* complain.h - what a command of mema has to say when something is wrong: one line on stderr. */
#ifndef MEMA_CLI_COMPLAIN_H
#define MEMA_CLI_COMPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* The command that complains from here on: "mema run", to begin with "mema". Not copied. */
void complainAs(const char *command);

/* Prints the command, a colon and the message, in one write and as one line whatever the arguments contain. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Names of programs and files come from outside: no line feed and no terminal sequence of theirs may reach a terminal. Bytes of
 * characters that are not harmless become '?'. */
void defuse(char *line);

/* True if the first character is UTF-8 and no control character: neither one of ASCII nor U+0080 to U+009F, which terminals may
 * obey as well. */
bool isHarmless(const char *character);

/* The bytes of the first character; 1 where it is not UTF-8. */
size_t characterBytes(const char *text);

/* Returns true if all output to stdout is written; false after complaining. */
bool finishOutput(void);

#endif
