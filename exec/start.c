/* start.c - see start.h and watch.h.
 *
 *   look at the file and the environment -> refuse, or note -> complete the environment -> start
 *   -> take the note back if the start failed */
#define _GNU_SOURCE
#include "start.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "next.h"
#include "kernelCalls.h"
#include "search.h"

/* A copy of an environment up to this size lies on the stack: some 4,000 variables. Beyond it, in a mapping. In a
 * child of vfork there can be none, because it would be left behind in the parent: E2BIG. */
#define STACK_ROOM 32768u

static ExecWatch watch;
/* The process whose memory this is; in a child of vfork still the parent. */
static pid_t owner;

const ExecWatch *currentWatch(void) {
  return watch.list != NULL ? &watch : NULL;
}

static void noteOwner(void) {
  owner = getpid();
}

void watchPrograms(const ExecWatch *wanted) {
  if (!rememberEnvironment(wanted->variables)) return;
  noteOwner();
  pthread_atfork(NULL, NULL, noteOwner);
  watch = *wanted;
}

/* ---- looking ahead ------------------------------------------------------------------------------------------------ */

static void nameByPath(Unreached *program, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  size_t length = strnlen(name, sizeof program->name - 1);
  memcpy(program->name, name, length);
  memset(program->name + length, 0, sizeof program->name - length);
}

/* Paths are long: a thread with a small stack needs room for one only where it has to. */
__attribute__((noinline)) static void nameByDescriptor(Unreached *program, int file) {
  char link[DESCRIPTOR_PATH_ROOM], path[PATH_MAX];
  formatDescriptorPath(link, file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  nameByPath(program, path);
}

/* The obstacles of a program whose loader would load the library. If the file of the figures is gone, the run is over. */
static Obstacle findOuterObstacle(const Lack *lack) {
  if (faccessat(AT_FDCWD, inheritedLibrary(), R_OK, AT_EACCESS) != 0) return OBSTACLE_LIBRARY;
  if (faccessat(AT_FDCWD, inheritedFile(), R_OK | W_OK, AT_EACCESS) != 0 && errno == EACCES) return OBSTACLE_FIGURES;
  return !watch.restores && isLost(lack) ? OBSTACLE_ENVIRONMENT : OBSTACLE_NONE;
}

/* True if the program would end at its start for the library's sake: the runtime of a sanitizer does not start behind it,
 * and the loader of another C library does not find the names that it needs. */
static bool failsWithLibrary(uint16_t obstacle) {
  return obstacle == OBSTACLE_SANITIZER || obstacle == OBSTACLE_LOADER;
}

void lookAhead(Outlook *outlook, const ProgramFile *file, char *const *environment) {
  Inspection found;
  memset(outlook, 0, sizeof *outlook);
  findLack(&outlook->lack, environment);
  inspectProgram(&found, file);
  if (!found.isThere) return;
  outlook->program.obstacle = (uint16_t)found.obstacle;
  outlook->program.interpreters = (uint16_t)found.interpreters;
  if (found.obstacle == OBSTACLE_NONE) {
    outlook->program.obstacle = (uint16_t)findOuterObstacle(&outlook->lack);
    outlook->program.interpreters = 0;
  }
  if (outlook->program.obstacle == OBSTACLE_NONE) return;
  if (failsWithLibrary(outlook->program.obstacle)) withoutLibrary(&outlook->lack);
  if (*file->path != '\0') {
    nameByPath(&outlook->program, file->path);
  } else {
    nameByDescriptor(&outlook->program, file->directory);
  }
}

/* If nothing is found, the empty path is no program. */
__attribute__((noinline)) static void lookForName(Outlook *outlook, const Start *start) {
  char path[PATH_MAX];
  ProgramFile file = {.directory = AT_FDCWD, .path = path, .shellRunsText = start->kind == START_NAME};
  if (findProgram(path, start->path) != 0) path[0] = '\0';
  lookAhead(outlook, &file, start->environment);
}

static void lookAtStart(Outlook *outlook, const Start *start) {
  const ProgramFile file = {.directory = start->directory, .path = start->path, .flags = start->flags};
  if (start->kind == START_NAME || start->kind == START_SPAWN_NAME) {
    lookForName(outlook, start);
  } else {
    lookAhead(outlook, &file, start->environment);
  }
}

/* ---- refusing ----------------------------------------------------------------------------------------------------- */

/* A reader of stderr that went away sends a signal that would end the program. */
static void writeQuietly(const struct iovec *parts, int count) {
  const struct timespec now = {0, 0};
  sigset_t pipe, before, pending;
  int cancelState;
  sigemptyset(&pipe);
  sigpending(&pending);
  if (!sigismember(&pending, SIGPIPE)) sigaddset(&pipe, SIGPIPE);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelState);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  if (writev(STDERR_FILENO, parts, count) < 0) sigtimedwait(&pipe, NULL, &now);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_setcancelstate(cancelState, NULL);
}

static struct iovec part(const char *text) {
  return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

int refuseProgram(Outlook *outlook, int reason) {
  Unreached *program = &outlook->program;
  char name[sizeof program->name];
  memcpy(name, program->name, sizeof name);
  for (char *at = name; *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
  }
  const struct iovec parts[] = {part("mema: '"),
                                part(name),
                                part("' is not started (--strict): "),
                                part(program->interpreters > 0 ? "its interpreter " : "it "),
                                part(obstacleSentence(program->obstacle)),
                                part("\n")};
  writeQuietly(parts, sizeof parts / sizeof parts[0]);
  program->pid = getpid();
  noteUnreached(watch.list, program, UNREACHED_REFUSED);
  return reason;
}

/* ---- starting ----------------------------------------------------------------------------------------------------- */

static bool isSpawn(const Start *start) {
  return start->kind == START_SPAWN || start->kind == START_SPAWN_NAME;
}

static int fail(const Start *start, int reason) {
  if (isSpawn(start)) return reason;
  errno = reason;
  return -1;
}

static int pass(const Start *start, char *const *environment) {
  const NextStarts *next = nextStarts();
  switch (start->kind) {
    case START_PATH:
      return next->execve(start->path, start->argv, environment);
    case START_NAME:
      return next->execvpe(start->path, start->argv, environment);
    case START_AT:
      return next->execveat(start->directory, start->path, start->argv, environment, start->flags);
    case START_DESCRIPTOR:
      return next->fexecve(start->directory, start->argv, environment);
    case START_SPAWN:
      return next->posixSpawn(start->pid, start->path, start->actions, start->attributes, start->argv, environment);
    case START_SPAWN_NAME:
    default:
      return next->posixSpawnp(start->pid, start->path, start->actions, start->attributes, start->argv, environment);
  }
}

/* The child is there, and has begun its program. */
static int spawn(const Start *start, Outlook *outlook, char *const *environment) {
  pid_t pid = 0;
  Start known = *start;
  if (known.pid == NULL) known.pid = &pid;
  int reason = pass(&known, environment);
  if (reason != 0 || outlook->program.obstacle == OBSTACLE_NONE) return reason;
  outlook->program.pid = *known.pid;
  noteUnreached(watch.list, &outlook->program, UNREACHED_STARTED);
  return 0;
}

static int replaceProgram(const Start *start, Outlook *outlook, char *const *environment) {
  bool isNoted = outlook->program.obstacle != OBSTACLE_NONE;
  outlook->program.pid = getpid();
  Unreached *entry = isNoted ? noteUnreached(watch.list, &outlook->program, UNREACHED_STARTED) : NULL;
  if (watch.leaves != NULL) watch.leaves();
  int answer = pass(start, environment);
  if (watch.stays != NULL) watch.stays();
  if (isNoted) withdrawUnreached(watch.list, entry);
  return answer;
}

static int begin(const Start *start, Outlook *outlook, char *const *environment) {
  return isSpawn(start) ? spawn(start, outlook, environment) : replaceProgram(start, outlook, environment);
}

static int beginFromMapping(const Start *start, Outlook *outlook, size_t bytes) {
  if (!isSpawn(start) && getpid() != owner) return fail(start, E2BIG);
  void *room = rawMemory(bytes);
  if (room == MAP_FAILED) return fail(start, ENOMEM);
  int answer = begin(start, outlook, restoreEnvironment(room, start->environment, &outlook->lack));
  rawUnmap(room, bytes);
  return answer;
}

int startProgram(const Start *start) {
  Outlook outlook;
  int savedErrno = errno;
  if (watch.list == NULL) return pass(start, start->environment);
  lookAtStart(&outlook, start);
  errno = savedErrno;
  if (watch.refuses && outlook.program.obstacle != OBSTACLE_NONE) return fail(start, refuseProgram(&outlook, EACCES));
  size_t bytes = watch.restores ? roomToRestore(&outlook.lack) : 0;
  if (bytes == 0) return begin(start, &outlook, start->environment);
  if (bytes > STACK_ROOM) return beginFromMapping(start, &outlook, bytes);
  return begin(start, &outlook, restoreEnvironment(alloca(bytes), start->environment, &outlook.lack));
}
