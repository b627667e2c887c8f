/* main.c - the program mema: finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include <mema.h>

#include "commands.h"
#include "complain.h"

typedef struct Command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
} Command;

static const Command commands[] = {
    {"run", runCommand, "run a program with its heap in a pool, and say what it used"},
    {"record", recordCommand, "run a program and write down what it asks of its heap"},
    {"replay", replayCommand, "play what was recorded against a pool and other heaps"},
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

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("mema: no command given; see `mema --help'\n", stderr);
    return STATUS_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return showHelp();
  if (strcmp(argv[1], "--version") == 0) return showVersion();
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  }
  fprintf(stderr, "mema: unknown command '%s'; see `mema --help'\n", argv[1]);
  return STATUS_USAGE;
}
