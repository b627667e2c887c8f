/* child.h - starting the program, passing signals on to it, and waiting for its end. */
#ifndef MEMA_CLI_CHILD_H
#define MEMA_CLI_CHILD_H

#include "target.h"

/* How the program ended. */
typedef struct Ending {
  int status; /* the exit status to pass on: the program's own, or 128 + the signal */
  int signal; /* that ended it, or 0 */
  int reason; /* an errno: it never began */
} Ending;

/* From here to runChild the signals that could end us wait: what is made for the run would be left behind. */
void holdSignals(void);

/* Runs the program with our descriptors, signal dispositions and environment, and waits for it. Meanwhile SIGINT and SIGQUIT,
 * which the terminal sends to the program as well, are ignored here, and SIGTERM and SIGHUP are passed on to it. How it ended is
 * told also where our caller has SIGCHLD ignored. */
Ending runChild(const Target *target, char **argv);

#endif
