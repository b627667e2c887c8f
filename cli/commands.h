/* commands.h - the commands of mema; main.c has `mema help`. */
#ifndef MEMA_CLI_COMMANDS_H
#define MEMA_CLI_COMMANDS_H

#include "command.h"

extern const Command runCommand, tortureCommand, fitCommand, recordCommand, replayCommand;

#endif
