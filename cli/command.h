/* command.h - a command of mema as a table: its options, and the texts about it. One table serves the reading of arguments (options.h),
 * --help (help.h), the manual pages (manual.h) and the completions of shells (completions.h). */
#ifndef MEMA_CLI_COMMAND_H
#define MEMA_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* The status of a command that could not do what it was asked to, the fault being in the question. */
#define STATUS_USAGE 2

typedef struct Option Option;

/* The values that a shell offers for an option. */
typedef enum Offer { OFFER_NOTHING, OFFER_FILES, OFFER_COMMANDS, OFFER_SHELLS } Offer;

/* One option. The last of a list has no name. */
struct Option {
  const char *name;  /* without its dashes */
  const char *value; /* "SIZE"; NULL: it takes none */
  const char *help;  /* shells show the part before the first colon, semicolon or bracket */
  /* Reads the value into the field. False after complaining. */
  bool (*read)(const Option *option, const char *value, void *field);
  size_t field; /* the offset of the field in the struct of its group */
  size_t most;  /* of a number */
  Offer offer;
  char letter; /* its short name; 0: none */
};

/* Options that belong together. The last of a list has no options. */
typedef struct OptionGroup {
  const Option *options;
  size_t offset;     /* of their struct, in that of the command */
  const char *title; /* NULL: none */
  const char *about; /* NULL: nothing */
} OptionGroup;

/* A term and its meaning. The last of a list has no term. */
typedef struct Term {
  const char *term;
  const char *meaning;
} Term;

/* The arguments that are no options. */
typedef enum Operands {
  OPERAND_PROGRAM, /* a program and its arguments: behind the first, no word is an option of mema */
  OPERAND_FILE,
  OPERAND_COMMAND /* the name of a command of mema */
} Operands;

typedef struct Command {
  const char *name; /* "run" */
  const char *full; /* "mema run" */
  const char *summary;
  const char *const *synopses; /* the ways to call it, without its name; NULL ends them */
  const char *description;     /* paragraphs, with an empty line between them */
  const OptionGroup *groups;   /* --help is no part of them: each command has it */
  const char *notes;           /* paragraphs to follow the options; NULL: none */
  const Term *statuses;        /* the exit statuses */
  const Term *variables;       /* of the environment; NULL: none */
  const Term *examples;        /* a line for the shell, and what it does */
  Operands operands;
  int (*start)(int argc, char **argv); /* gets its own arguments, its name first; returns the exit status */
} Command;

#endif
