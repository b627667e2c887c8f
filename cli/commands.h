/* commands.h - the subcommands of mema. Each gets its own arguments, its name first, and returns the exit status. */
#ifndef MEMA_CLI_COMMANDS_H
#define MEMA_CLI_COMMANDS_H

/* The status of a command that could not do what it was asked to, the fault being in the question. */
#define STATUS_USAGE 2

int runCommand(int argc, char **argv);
int recordCommand(int argc, char **argv);
int tortureCommand(int argc, char **argv);
int fitCommand(int argc, char **argv);
int replayCommand(int argc, char **argv);

#endif
