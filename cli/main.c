/* main.c - the program mema: finds the command and hands over. */
#include <stdio.h>
#include <string.h>

#include <mema.h>

#include "commands.h"
#include "complain.h"
#include "completions.h"
#include "help.h"
#include "manual.h"
#include "nearest.h"
#include "options.h"
#include "values.h"

/* ---- the commands ------------------------------------------------------------------------------------------------- */

static int startHelp(int argc, char **argv);

typedef struct HelpOptions {
  bool manual;
  const char *shell; /* NULL: none */
} HelpOptions;

static const Option options[] = {
    {"man", NULL, "write the manual page of mema, or of the command, for man -l", setFlag,
     .field = offsetof(HelpOptions, manual)},
    {"completion", "SHELL", "write a script that completes words after mema: of bash, zsh or fish", readText,
     .field = offsetof(HelpOptions, shell), .offer = OFFER_SHELLS},
    {.name = NULL},
};
static const OptionGroup groups[] = {{.options = options}, {.options = NULL}};

static const Command helpCommand = {
    .name = "help",
    .full = "mema help",
    .summary = "explain mema, or one of its commands: mema help run",
    .synopses = (const char *const[]){"[--man] [COMMAND]", "--completion=SHELL", NULL},
    .description = "Explains a command of mema, as `mema COMMAND --help' does; without one, lists all commands.",
    .groups = groups,
    .statuses = (const Term[]){{"0", "shown"}, {"2", "there is no such command, or no such shell"}, {NULL, NULL}},
    .examples = (const Term[]){{"mema help run", "the options of mema run"},
                               {"mema help --man run | man -l -", "the same, as a manual page"},
                               {"eval \"$(mema help --completion=bash)\"", "completions in this bash"},
                               {NULL, NULL}},
    .operands = OPERAND_COMMAND,
    .start = startHelp,
};

/* In the order of `mema --help`. */
static const Command *const allCommands[] = {&runCommand,    &tortureCommand, &fitCommand, &recordCommand,
                                             &replayCommand, &helpCommand,    NULL};

/* NULL after complaining, if there is none. */
static const Command *findCommand(const char *name) {
  const Command *near = NULL;
  for (const Command *const *command = allCommands; *command != NULL; command++) {
    if (strcmp(name, (*command)->name) == 0) return *command;
    if (near == NULL && isNear(name, (*command)->name)) near = *command;
  }
  if (name[0] == '-') {
    complain("unrecognized option '%s'; see `mema --help'", name);
  } else if (near != NULL) {
    complain("unknown command '%s'; did you mean '%s'? See `mema --help'", name, near->name);
  } else {
    complain("unknown command '%s'; see `mema --help'", name);
  }
  return NULL;
}

static int showManual(const Command *command) {
  if (command != NULL) {
    writeManual(stdout, allCommands, command);
  } else {
    writeProgramManual(stdout, allCommands, programSummary);
  }
  return finishOutput() ? 0 : STATUS_USAGE;
}

static int showCompletions(const char *shell, const char *operand) {
  if (operand != NULL) {
    complain("--completion is of all commands: '%s' is too many", operand);
  } else if (!writeCompletions(stdout, allCommands, shell)) {
    complain("--completion '%s' is none of bash, zsh and fish", shell);
  } else if (finishOutput()) {
    return 0;
  }
  return STATUS_USAGE;
}

static int startHelp(int argc, char **argv) {
  int status = 0;
  HelpOptions help = {false, NULL};
  const Command *command = NULL;
  char **operands = readArguments(&helpCommand, argc, argv, &help, &status);
  if (operands == NULL) return status;
  if (help.shell != NULL) return showCompletions(help.shell, operands[0]);
  if (operands[0] != NULL && operands[1] != NULL) {
    complain("one command at a time: '%s' is too many", operands[1]);
    return STATUS_USAGE;
  }
  if (operands[0] != NULL) {
    command = findCommand(operands[0]);
    if (command == NULL) return STATUS_USAGE;
  }
  if (help.manual) return showManual(command);
  return command != NULL ? showHelp(command) : showCommands(allCommands);
}

/* ---- the program ---------------------------------------------------------------------------------------------------- */

static int showVersion(void) {
  puts("mema " MEMA_VERSION);
  return finishOutput() ? 0 : STATUS_USAGE;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    complain("no command given; see `mema --help'");
    return STATUS_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return showCommands(allCommands);
  if (strcmp(argv[1], "--version") == 0) return showVersion();
  const Command *command = findCommand(argv[1]);
  return command == NULL ? STATUS_USAGE : command->start(argc - 1, argv + 1);
}
