/* next.h - the functions that start programs, of the next library that has them. */
#ifndef MEMA_EXEC_NEXT_H
#define MEMA_EXEC_NEXT_H

#include <spawn.h>
#include <stdio.h>

typedef int SpawnFunction(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const argv[], char *const environment[]);

typedef struct NextStarts {
  int (*execve)(const char *path, char *const argv[], char *const environment[]);
  int (*execvpe)(const char *name, char *const argv[], char *const environment[]);
  int (*execveat)(int directory, const char *path, char *const argv[], char *const environment[], int flags);
  int (*fexecve)(int file, char *const argv[], char *const environment[]);
  SpawnFunction *posixSpawn, *posixSpawnp;
  int (*system)(const char *command);
  FILE *(*popen)(const char *command, const char *mode);
} NextStarts;

/* They are looked for when the library is loaded, or at the first call if that comes earlier. */
const NextStarts *nextStarts(void);

#endif
