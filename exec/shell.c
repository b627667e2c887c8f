/* shell.c - system and popen, which start /bin/sh from inside of the C library, with the environment of this process.
 *
 * Where that environment has lost the library, another cannot be given: it belongs to all threads. So the shell is
 * told to put back what is missing and to start itself again with the command: export LD_PRELOAD='...' ...; exec
 * /bin/sh -c -- 'the command'. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "family.h"
#include "kernelCalls.h"
#include "next.h"
#include "start.h"

/* The kernel takes no longer argument (MAX_ARG_STRLEN). */
#define ARGUMENT_MOST 131072u

static const char shellPath[] = "/bin/sh", exportWord[] = "export", execWords[] = "; exec /bin/sh -c -- ";

/* A command for the shell: its text, the memory of that, and its entry in the list of programs not reached. */
typedef struct ShellStart {
  const char *text; /* for the shell */
  void *memory;     /* in which the text was made, or NULL */
  size_t bytes;
  bool isNoted;
  Unreached *entry;
} ShellStart;

/* ---- the command -------------------------------------------------------------------------------------------------- */

static char *put(char *at, const char *text, size_t length) {
  memcpy(at, text, length);
  return at + length;
}

/* In single quotes, where only those themselves mean anything. Returns the end. */
static char *quote(char *at, const char *text) {
  *at++ = '\'';
  for (; *text != '\0'; text++) {
    if (*text == '\'') at = put(at, "'\\'", 3);
    *at++ = *text;
  }
  *at++ = '\'';
  return at;
}

/* " NAME='value'" */
static char *assign(char *at, const char *variable) {
  size_t name = strcspn(variable, "=") + 1;
  *at++ = ' ';
  return quote(put(at, variable, name), variable + name);
}

/* Returns the length. */
static size_t writeCommand(char *out, const char *const *missing, size_t count, const char *command) {
  char *at = put(out, exportWord, sizeof exportWord - 1);
  for (size_t i = 0; i < count; i++) at = assign(at, missing[i]);
  at = quote(put(at, execWords, sizeof execWords - 1), command);
  *at = '\0';
  return (size_t)(at - out);
}

/* Returns an errno. A character takes four where it is quoted. */
static int wrapCommand(ShellStart *start, const char *command, const Lack *lack) {
  const char *missing[INHERITED_MOST + 1];
  size_t preload = preloadRoom(lack);
  size_t bytes = preload + 4 * (preload + INHERITED_ROOM + strlen(command)) + 256;
  char *room = rawMemory(bytes);
  if ((void *)room == MAP_FAILED) return ENOMEM;
  size_t count = missingTexts(missing, room, lack);
  start->text = room + preload;
  start->memory = room;
  start->bytes = bytes;
  return writeCommand(room + preload, missing, count, command) < ARGUMENT_MOST ? 0 : E2BIG;
}

/* ---- before and after --------------------------------------------------------------------------------------------- */

static void finish(void *argument) {
  const ShellStart *start = argument;
  if (start->memory != NULL) rawUnmap(start->memory, start->bytes);
}

/* The shell was not started. */
static void takeBack(const ShellStart *start) {
  if (start->isNoted) withdrawUnreached(currentWatch()->list, start->entry);
}

/* Returns an errno; where it is not 0 there is nothing to be undone. The number of the shell's process is not known. */
static int prepare(ShellStart *start, const char *command) {
  const ProgramFile shell = {.directory = AT_FDCWD, .path = shellPath};
  const ExecWatch *watch = currentWatch();
  Outlook outlook;
  *start = (ShellStart){.text = command};
  if (watch == NULL || command == NULL) return 0;
  lookAhead(&outlook, &shell, environ);
  start->isNoted = outlook.program.obstacle != OBSTACLE_NONE;
  if (start->isNoted && watch->refuses) return refuseProgram(&outlook, EACCES);
  int reason = watch->restores && roomToRestore(&outlook.lack) > 0 ? wrapCommand(start, command, &outlook.lack) : 0;
  if (reason != 0) {
    finish(start);
    return reason;
  }
  if (start->isNoted) start->entry = noteUnreached(watch->list, &outlook.program, UNREACHED_STARTED);
  return 0;
}

/* A thread may be cancelled while it waits for the command. */
int system(const char *command) {
  ShellStart start;
  int savedErrno = errno, reason = prepare(&start, command), status;
  errno = reason != 0 ? reason : savedErrno;
  if (reason != 0) return -1;
  pthread_cleanup_push(finish, &start);
  status = nextStarts()->system(start.text);
  pthread_cleanup_pop(1);
  if (status == -1) takeBack(&start);
  return status;
}

FILE *popen(const char *command, const char *modes) {
  ShellStart start;
  int savedErrno = errno, reason = prepare(&start, command);
  errno = reason != 0 ? reason : savedErrno;
  if (reason != 0) return NULL;
  FILE *stream = nextStarts()->popen(start.text, modes);
  finish(&start);
  if (stream == NULL) takeBack(&start);
  return stream;
}
