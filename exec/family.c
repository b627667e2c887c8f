/* family.c - the functions that start a program in place of this one, or beside it. The C library's own calls do not
 * come here: see shell.c.
 *
 * Those that POSIX calls async-signal-safe stay so, and all of them may be called in a child of vfork. */
#define _GNU_SOURCE
#include "family.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "start.h"

int execve(const char *path, char *const argv[], char *const envp[]) {
  return startProgram(&(Start){START_PATH, AT_FDCWD, path, 0, argv, envp, NULL, NULL, NULL});
}

int execv(const char *path, char *const argv[]) {
  return execve(path, argv, environ);
}

int execvpe(const char *file, char *const argv[], char *const envp[]) {
  return startProgram(&(Start){START_NAME, AT_FDCWD, file, 0, argv, envp, NULL, NULL, NULL});
}

int execvp(const char *file, char *const argv[]) {
  return execvpe(file, argv, environ);
}

int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags) {
  return startProgram(&(Start){START_AT, fd, path, flags, argv, envp, NULL, NULL, NULL});
}

int fexecve(int fd, char *const argv[], char *const envp[]) {
  return startProgram(&(Start){START_DESCRIPTOR, fd, "", AT_EMPTY_PATH, argv, envp, NULL, NULL, NULL});
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attrp,
                char *const argv[], char *const envp[]) {
  return startProgram(&(Start){START_SPAWN, AT_FDCWD, path, 0, argv, envp, pid, actions, attrp});
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attrp,
                 char *const argv[], char *const envp[]) {
  return startProgram(&(Start){START_SPAWN_NAME, AT_FDCWD, file, 0, argv, envp, pid, actions, attrp});
}

/* ---- arguments one by one ----------------------------------------------------------------------------------------- */

/* The number of arguments to the NULL, the first of which is given. */
static size_t countArguments(const char *argument, va_list *rest) {
  size_t count = 0;
  for (; argument != NULL; argument = va_arg(*rest, const char *)) count++;
  return count;
}

/* Leaves `rest` behind the NULL. */
static void listArguments(char **argv, const char *argument, va_list *rest) {
  for (; argument != NULL; argument = va_arg(*rest, const char *)) *argv++ = (char *)(uintptr_t)argument;
  *argv = NULL;
}

/* The list lies on the stack, as the C library's does: a child of vfork has no other memory. */
#define LIST_ROOM(count) alloca(((count) + 1) * sizeof(char *))

int execl(const char *path, const char *arg, ...) {
  va_list rest;
  va_start(rest, arg);
  char **argv = LIST_ROOM(countArguments(arg, &rest));
  va_end(rest);
  va_start(rest, arg);
  listArguments(argv, arg, &rest);
  va_end(rest);
  return execve(path, argv, environ);
}

int execlp(const char *file, const char *arg, ...) {
  va_list rest;
  va_start(rest, arg);
  char **argv = LIST_ROOM(countArguments(arg, &rest));
  va_end(rest);
  va_start(rest, arg);
  listArguments(argv, arg, &rest);
  va_end(rest);
  return execvpe(file, argv, environ);
}

int execle(const char *path, const char *arg, ...) {
  va_list rest;
  va_start(rest, arg);
  char **argv = LIST_ROOM(countArguments(arg, &rest));
  va_end(rest);
  va_start(rest, arg);
  listArguments(argv, arg, &rest);
  char *const *envp = va_arg(rest, char *const *);
  va_end(rest);
  return execve(path, argv, envp);
}
