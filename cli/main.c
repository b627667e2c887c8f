/* main.c - the program mema: finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include <mema.h>

#include "commands.h"
#include "complain.h"
#include "nearest.h"

typedef struct Command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
} Command;

static int helpCommand(int argc, char **argv);

static const Command commands[] = {
    {"run", runCommand, "run a program with its heap in a pool, and say what it used"},
    {"torture", tortureCommand, "run a program again and again, each time with another failing request for memory"},
    {"fit", fitCommand, "find the least budget with which a program does the same"},
    {"record", recordCommand, "run a program and write down what it asks of its heap"},
    {"replay", replayCommand, "play what was recorded against a pool and other heaps"},
    {"help", helpCommand, "explain mema, or one of its commands: mema help run"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int showHelp(void) {
  puts(
      "Usage: mema COMMAND [ARGUMENT...]\n\nPuts the heaps of unmodified programs into memory pools with a "
      "budget, and records and replays what they ask for.\n\nCommands:");
  for (size_t i = 0; i < COMMAND_COUNT; i++) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
  puts("\nOptions:\n  --help     show this\n  --version  show the version\n\n`mema COMMAND --help' explains a command.");
  return finishOutput() ? 0 : STATUS_USAGE;
}

static int showVersion(void) {
  puts("mema " MEMA_VERSION);
  return finishOutput() ? 0 : STATUS_USAGE;
}

/* NULL where there is none, after complaining. */
static const Command *findCommand(const char *name) {
  const Command *near = NULL;
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(name, commands[i].name) == 0) return &commands[i];
    if (near == NULL && isNear(name, commands[i].name)) near = &commands[i];
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

/* `mema help run` is `mema run --help`. */
static int helpCommand(int argc, char **argv) {
  static char option[] = "--help";
  complainAs("mema help");
  if (argc > 2) {
    complain("one command at a time: '%s' is too many", argv[2]);
    return STATUS_USAGE;
  }
  if (argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return showHelp();
  const Command *command = findCommand(argv[1]);
  if (command == NULL) return STATUS_USAGE;
  char *question[] = {argv[1], option, NULL};
  return command->run(2, question);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    complain("no command given; see `mema --help'");
    return STATUS_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return showHelp();
  if (strcmp(argv[1], "--version") == 0) return showVersion();
  const Command *command = findCommand(argv[1]);
  return command == NULL ? STATUS_USAGE : command->run(argc - 1, argv + 1);
}
