/* family.h - the names of the C library that start programs. Declared here as well: some are newer than the C library
 * that this is built with. */
#ifndef MEMA_EXEC_FAMILY_H
#define MEMA_EXEC_FAMILY_H

#include <spawn.h>
#include <stdio.h>

#pragma GCC visibility push(default)

int execve(const char *path, char *const argv[], char *const envp[]);
int execv(const char *path, char *const argv[]);
int execvp(const char *file, char *const argv[]);
int execvpe(const char *file, char *const argv[], char *const envp[]);
int execl(const char *path, const char *arg, ...);
int execlp(const char *file, const char *arg, ...);
int execle(const char *path, const char *arg, ...);
int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
int fexecve(int fd, char *const argv[], char *const envp[]);
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attrp,
                char *const argv[], char *const envp[]);
int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attrp,
                 char *const argv[], char *const envp[]);
int system(const char *command);
FILE *popen(const char *command, const char *modes);

#pragma GCC visibility pop

#endif
