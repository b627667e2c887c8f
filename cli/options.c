/* options.c - see options.h. */
#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "help.h"
#include "nearest.h"

/* ---- the table as getopt_long wants it ---------------------------------------------------------------------------- */

/* The key of the nth option is LONG_KEY + n; --help has the first. A letter is its own key. */
enum { LONG_KEY = 0x100, MOST_OPTIONS = 64 };

typedef struct Parser {
  const Command *command;
  char *target; /* the struct of the command */
  size_t count;
  const Option *options[MOST_OPTIONS];
  size_t offsets[MOST_OPTIONS]; /* of the struct of each option's group */
  struct option names[MOST_OPTIONS + 1];
  char letters[MOST_OPTIONS * 2 + 3];
} Parser;

static const Option helpOption = {.name = "help", .letter = 'h'};

static void addOption(Parser *parser, const Option *option, size_t offset) {
  if (parser->count == MOST_OPTIONS) return;
  parser->options[parser->count] = option;
  parser->offsets[parser->count] = offset;
  parser->names[parser->count] = (struct option){.name = option->name,
                                                 .has_arg = option->value != NULL ? required_argument : no_argument,
                                                 .val = LONG_KEY + (int)parser->count};
  parser->count++;
  if (option->letter == 0) return;
  char letter[] = {option->letter, option->value != NULL ? ':' : '\0', '\0'};
  strcat(parser->letters, letter);
}

/* The letters begin with '+' if the first operand ends the options, and with ':' so that getopt prints nothing. */
static void makeParser(Parser *parser, const Command *command, void *target) {
  *parser = (Parser){.command = command, .target = target};
  strcpy(parser->letters, command->operands == OPERAND_PROGRAM ? "+:" : ":");
  addOption(parser, &helpOption, 0);
  for (const OptionGroup *group = command->groups; group->options != NULL; group++)
    for (const Option *option = group->options; option->name != NULL; option++) addOption(parser, option, group->offset);
}

static const Option *optionOf(const Parser *parser, int key) {
  if (key >= LONG_KEY) return parser->options[key - LONG_KEY];
  for (size_t i = 0; i < parser->count; i++)
    if (key != 0 && parser->options[i]->letter == key) return parser->options[i];
  return NULL;
}

/* ---- complaints --------------------------------------------------------------------------------------------------- */

/* Writes the options that begin with the word, as " '--reserve' '--report'". Returns their number. */
static size_t listOptions(const Parser *parser, const char *word, size_t length, char *list, size_t room) {
  size_t found = 0, end = 0;
  *list = '\0';
  for (size_t i = 0; i < parser->count; i++) {
    if (strncmp(parser->options[i]->name, word, length) != 0) continue;
    found++;
    if (end < room) end += (size_t)snprintf(list + end, room - end, " '--%s'", parser->options[i]->name);
  }
  return found;
}

static const Option *nearOption(const Parser *parser, const char *word) {
  for (size_t i = 0; i < parser->count; i++)
    if (isNear(word, parser->options[i]->name)) return parser->options[i];
  return NULL;
}

/* `word` is one that getopt_long did not know, such as "--foo=5". */
static void complainAboutWord(const Parser *parser, const char *word) {
  char list[400], name[64];
  const char *full = parser->command->full, *text = word + strspn(word, "-");
  size_t length = strcspn(text, "=");
  if (listOptions(parser, text, length, list, sizeof list) > 1) {
    complain("option '%s' is ambiguous; possibilities:%s; see `%s --help'", word, list, full);
    return;
  }
  snprintf(name, sizeof name, "%.*s", (int)length, text);
  const Option *near = nearOption(parser, name);
  if (near != NULL) {
    complain("unrecognized option '%s'; did you mean '--%s'? See `%s --help'", word, near->name, full);
  } else {
    complain("unrecognized option '%s'; see `%s --help'", word, full);
  }
}

/* getopt_long returned ':' or '?', and has set optopt to the key of the option, to the letter, or to 0. */
static void complainAboutOption(const Parser *parser, int answer, const char *word) {
  const char *full = parser->command->full;
  if (optopt == 0) {
    complainAboutWord(parser, word);
  } else if (optopt >= LONG_KEY) {
    complain("option '--%s' %s; see `%s --help'", optionOf(parser, optopt)->name,
             answer == ':' ? "requires an argument" : "doesn't allow an argument", full);
  } else if (answer == ':') {
    complain("option requires an argument -- '%c'; see `%s --help'", optopt, full);
  } else {
    complain("invalid option -- '%c'; see `%s --help'", optopt, full);
  }
}

/* ---- arguments ---------------------------------------------------------------------------------------------------- */

/* Reads all options. Returns false after a complaint, or as soon as the help is asked for. */
static bool readOptions(Parser *parser, int argc, char **argv, bool *wantsHelp) {
  int key;
  opterr = 0;
  while ((key = getopt_long(argc, argv, parser->letters, parser->names, NULL)) != -1) {
    if (key == ':' || key == '?') {
      complainAboutOption(parser, key, argv[optind - 1]);
      return false;
    }
    const Option *option = optionOf(parser, key);
    *wantsHelp = option == &helpOption;
    if (*wantsHelp) return false;
    size_t index = 0;
    while (parser->options[index] != option) index++;
    if (!option->read(option, optarg, parser->target + parser->offsets[index] + option->field)) return false;
  }
  return true;
}

char **readArguments(const Command *command, int argc, char **argv, void *options, int *status) {
  Parser parser;
  bool wantsHelp = false;
  complainAs(command->full);
  makeParser(&parser, command, options);
  if (readOptions(&parser, argc, argv, &wantsHelp)) return argv + optind;
  *status = wantsHelp ? showHelp(command) : STATUS_USAGE;
  return NULL;
}

bool hasProgram(const Command *command, char **operands) {
  if (*operands == NULL) complain("no command given; see `%s --help'", command->full);
  return *operands != NULL;
}
