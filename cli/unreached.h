/* unreached.h - the programs of a run that the preload library did not reach (exec/unreached.h). */
#ifndef MEMA_CLI_UNREACHED_H
#define MEMA_CLI_UNREACHED_H

#include <stdio.h>

#include "../exec/unreached.h"

/* Prints a line, or a few where they are of several kinds, in the name of the command; nothing where there are none. */
void printUnreached(FILE *out, const char *command, const UnreachedList *list);

/* The state of an entry, read once. */
UnreachedState unreachedState(const Unreached *entry);

/* Room for the longest reason, terminator included. */
#define REASON_ROOM 64

/* "static", or "interpreter: static" where the obstacle is that of a script's interpreter. */
const char *unreachedReason(char text[REASON_ROOM], const Unreached *entry);

#endif
