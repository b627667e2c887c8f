/* library.h - the preload library: where it is, and the environment that has the loader use it. */
#ifndef MEMA_CLI_LIBRARY_H
#define MEMA_CLI_LIBRARY_H

#include <stdbool.h>

/* Puts the preload library in front of LD_PRELOAD. It is the one that MEMA_PRELOAD_LIBRARY names, or lies next to this program,
 * or in ../lib, or in a directory of ../lib. Returns false, after complaining, where there is none or its path cannot be
 * written in LD_PRELOAD. */
bool preloadLibrary(void);

#endif
