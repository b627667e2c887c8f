/* search.h - the file that a program's name stands for, as execvp finds it. It allocates nothing. errno is not kept. */
#ifndef MEMA_EXEC_SEARCH_H
#define MEMA_EXEC_SEARCH_H

#include <limits.h>

/* A name with a slash is a path, any other is looked for in PATH. Returns 0, and the path, or the errno that tells
 * why nothing was found that can be run. */
int findProgram(char path[PATH_MAX], const char *name);

#endif
