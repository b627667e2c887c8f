/* options.h - reads the arguments of a subcommand with its argp parser, and shows its help. */
#ifndef MEMA_CLI_OPTIONS_H
#define MEMA_CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/* Parses the arguments; `command` is the name for messages ("mema run"), `flags` are argp's, `input` is the parser's. False after
 * complaining in one line, which ends with a hint at --help where an option is unknown or lacks its argument. The parser sets
 * state->err_stream to NULL at ARGP_KEY_INIT, so that argp itself prints nothing. */
bool readArguments(const struct argp *parser, char *command, int argc, char **argv, unsigned flags, void *input);

/* Reads the number of an option, from 1 to `most`. EINVAL after complaining. */
error_t readCount(const char *option, const char *text, size_t most, size_t *count);

/* Prints the help to stdout and returns the exit status. */
int showParserHelp(const struct argp *parser, char *command);

#endif
