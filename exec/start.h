/* start.h - a program is about to be started, by whatever function. */
#ifndef MEMA_EXEC_START_H
#define MEMA_EXEC_START_H

#include <spawn.h>
#include <stdbool.h>

#include "environment.h"
#include "inspect.h"
#include "unreached.h"
#include "watch.h"

typedef enum StartKind {
  START_PATH,       /* execve */
  START_NAME,       /* execvpe */
  START_AT,         /* execveat */
  START_DESCRIPTOR, /* fexecve */
  START_SPAWN,      /* posix_spawn */
  START_SPAWN_NAME  /* posix_spawnp */
} StartKind;

typedef struct Start {
  StartKind kind;
  int directory; /* or the file itself */
  const char *path;
  int flags;
  char *const *argv;
  char *const *environment;
  pid_t *pid;
  const posix_spawn_file_actions_t *actions;
  const posix_spawnattr_t *attributes;
} Start;

/* Does what the function of that kind promises, its way to tell of failures included. In a child of vfork as well: it
 * writes to no memory but its own stack, errno, and the list. */
int startProgram(const Start *start);

/* The answers of the look at a program before its start. */
typedef struct Outlook {
  Unreached program; /* obstacle, name */
  Lack lack;         /* of its environment */
} Outlook;

/* The watch, or NULL where there is none. */
const ExecWatch *currentWatch(void);

void lookAhead(Outlook *outlook, const ProgramFile *file, char *const *environment);

/* Says on stderr that the program was not started, notes it, and returns `reason`. */
int refuseProgram(Outlook *outlook, int reason);

#endif
