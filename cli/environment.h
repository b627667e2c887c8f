/* environment.h - the environment that the preload library reads in the processes of a run (preload/settings.h). */
#ifndef MEMA_CLI_ENVIRONMENT_H
#define MEMA_CLI_ENVIRONMENT_H

#include <stdbool.h>

#include "library.h"
#include "runOptions.h"
#include "tableFile.h"

/* The library of `mema run`. */
extern const PreloadLibrary runLibrary;

/* Sets every variable but LD_PRELOAD. False after complaining. */
bool setEnvironment(const RunOptions *run, const TableFile *file);

#endif
