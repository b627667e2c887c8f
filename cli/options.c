/* options.c - see options.h. */
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "complain.h"

/* "mema run: unrecognized option '--foo'\n", without the name and the line feed, and with a hint. */
static void complainAboutOption(const char *command, char *line) {
  size_t name = strlen(command), end = strlen(line);
  while (end > 0 && line[end - 1] == '\n') line[--end] = '\0';
  if (strncmp(line, command, name) == 0 && strncmp(line + name, ": ", 2) == 0) line += name + 2;
  complain("%s; see `%s --help'", line, command);
}

/* getopt writes its message to stderr and has no other way to return it. A memory stream takes the place of stderr meanwhile, which
 * the GNU C library allows. complain writes to the descriptor, and is not affected. */
bool readArguments(const struct argp *parser, char *command, int argc, char **argv, unsigned flags, void *input) {
  char *line = NULL;
  size_t length = 0;
  FILE *before = stderr, *message = open_memstream(&line, &length);
  argv[0] = command;
  if (message != NULL) stderr = message;
  error_t error = argp_parse(parser, argc, argv, flags | ARGP_NO_EXIT | ARGP_NO_HELP, NULL, input);
  stderr = before;
  if (message != NULL && fclose(message) == 0 && length > 0) complainAboutOption(command, line);
  free(line);
  return error == 0;
}

error_t readCount(const char *option, const char *text, size_t most, size_t *count) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number >= 1 && number <= most) {
    *count = (size_t)number;
    return 0;
  }
  complain("%s '%s' is no number from 1 to %zu", option, text, most);
  return EINVAL;
}

int showParserHelp(const struct argp *parser, char *command) {
  argp_help(parser, stdout, ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC, command);
  return finishOutput() ? 0 : STATUS_USAGE;
}
