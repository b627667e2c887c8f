/* guardian.h - a process that removes a file when this one has ended, in whatever way: a process that is killed by SIGKILL removes nothing
 * itself. It learns of the end from a pipe, of which this process has the only other end. */
#ifndef MEMA_CLI_GUARDIAN_H
#define MEMA_CLI_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct Guardian {
  pid_t pid;  /* -1: there is none */
  int sender; /* the end of the pipe */
} Guardian;

/* Starts the guardian, in a session of its own, so that what is sent to this process's group does not reach it. Without it, a file is left if
 * this process is killed. */
void startGuardian(Guardian *guardian);

/* From now on this is the file that is to be removed, instead of one that was named before. */
void nameFile(const Guardian *guardian, const char *path);

/* Has the guardian remove the file, and waits until it has ended. False if there was none, or it was killed: the file may still be there. */
bool endGuardian(Guardian *guardian);

#endif
