/* manual.h - the manual pages of mema and its commands, made from the tables, in the language of man(7). */
#ifndef MEMA_CLI_MANUAL_H
#define MEMA_CLI_MANUAL_H

#include <stdio.h>

#include "command.h"

/* The day of the texts: it changes with the version. */
#define MANUAL_DATE "2026-11-30"

/* mema-run(1) and its kin. */
void writeManual(FILE *out, const Command *const *commands, const Command *command);

/* mema(1). */
void writeProgramManual(FILE *out, const Command *const *commands, const char *summary);

#endif
