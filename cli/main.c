/* main.c - the program mema: finds the command and hands over. */
#include <stdio.h>
#include <string.h>

#include <mema.h>

#include "commands.h"
#include "complain.h"
#include "help.h"
#include "nearest.h"
#include "options.h"

/* ---- the commands ------------------------------------------------------------------------------------------------- */

static int startHelp(int argc, char **argv);

static const Option options[] = {{.name = NULL}};
static const OptionGroup groups[] = {{.options = options}, {.options = NULL}};

static const Command helpCommand = {
    .name = "help",
    .full = "mema help",
    .summary = "explain mema, or one of its commands: mema help run",
    .synopses = (const char *const[]){"[COMMAND]", NULL},
    .description = "Explains a command of mema, as `mema COMMAND --help' does; without one, lists all commands.",
    .groups = groups,
    .statuses = (const Term[]){{"0", "shown"}, {"2", "there is no such command"}, {NULL, NULL}},
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

static int startHelp(int argc, char **argv) {
  int status = 0;
  char unused;
  char **operands = readArguments(&helpCommand, argc, argv, &unused, &status);
  if (operands == NULL) return status;
  if (operands[0] == NULL) return showCommands(allCommands);
  if (operands[1] != NULL) {
    complain("one command at a time: '%s' is too many", operands[1]);
    return STATUS_USAGE;
  }
  const Command *command = findCommand(operands[0]);
  return command == NULL ? STATUS_USAGE : showHelp(command);
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
