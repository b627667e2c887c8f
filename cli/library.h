/* library.h - a library of ours to preload: where it is, and the environment that has the loader use it. */
#ifndef MEMA_CLI_LIBRARY_H
#define MEMA_CLI_LIBRARY_H

#include <stdbool.h>

typedef struct PreloadLibrary {
  const char *name;     /* of its file */
  const char *variable; /* of the environment, that may name it instead */
} PreloadLibrary;

/* Puts the library in front of LD_PRELOAD. It is the one that its variable names, or lies next to this program, or in ../lib,
 * or in a directory of ../lib. Returns false, after complaining, where there is none or its path cannot be written in
 * LD_PRELOAD. */
bool preloadLibrary(const PreloadLibrary *library);

#endif
