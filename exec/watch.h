/* watch.h - watches over the programs that this process starts: each is to have the preload library, or to be noted.
 *
 * The names of the C library that start programs lead here (family.c, shell.c). Until watchPrograms is called they
 * pass on to the next library that has them, which is the C library as a rule. */
#ifndef MEMA_EXEC_WATCH_H
#define MEMA_EXEC_WATCH_H

#include <stdbool.h>

#include "unreached.h"

/*   list        the programs that cannot be reached are noted here
 *   variables   names, NULL at the end. They go along with LD_PRELOAD; the first names the file of the run (environment.h)
 *   restores    an environment without the library or its variables is completed
 *   refuses     a program that cannot be reached is not started: EACCES, and a line on stderr
 *   leaves      called before another program takes the place of this one, in a child of vfork as well; or NULL
 *   stays       called if that failed; or NULL */
typedef struct ExecWatch {
  UnreachedList *list;
  const char *const *variables;
  bool restores;
  bool refuses;
  void (*leaves)(void);
  void (*stays)(void);
} ExecWatch;

/* To be called once, by a constructor. The environment is that of the start. */
void watchPrograms(const ExecWatch *wanted);

#endif
