/* tortureState.h - the file of --resume: a line for each point that was tried, so that a torture can go on where it was ended. */
#ifndef MEMA_CLI_TORTURE_STATE_H
#define MEMA_CLI_TORTURE_STATE_H

#include <stdio.h>

#include "torturePoints.h"
#include "tortureReport.h"

/* Opens the file, or makes it, and takes over the points in it. NULL after complaining: it cannot be written, or is of another
 * command. */
FILE *openState(const char *path, const Torture *torture, Points *points);

/* Adds a point that was tried. False: it could not be written. */
bool writeState(FILE *state, const Point *point);

#endif
