/* target.c - see target.h. */
#define _GNU_SOURCE
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../exec/inspect.h"
#include "../exec/search.h"
#include "command.h"
#include "complain.h"

enum { STATUS_NOT_FOUND = 127, STATUS_NOT_RUN = 126 };

int findTarget(Target *target, const char *name) {
  int reason = findProgram(target->path, name);
  if (reason == 0) return 0;
  complain("cannot run '%s': %s", name, strerror(reason));
  return reason == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
}

int checkTarget(const Target *target, const char *name, const char *consequence) {
  const ProgramFile file = {.directory = AT_FDCWD, .path = target->path, .shellRunsText = isShellText(target)};
  Inspection found;
  inspectProgram(&found, &file);
  if (found.obstacle != OBSTACLE_NONE) {
    const char *path = found.interpreters > 0 ? found.interpreter : target->path;
    complain("'%s' %s, so %s; %s", path, obstacleSentence(found.obstacle), consequence, obstacleAdvice(found.obstacle));
    return STATUS_USAGE;
  }
  if (!found.lacksInterpreter) return 0;
  complain("cannot run '%s': its interpreter '%s' is not there", name,
           *found.loader != '\0' ? found.loader : found.interpreter);
  return STATUS_NOT_FOUND;
}

/* As shells do: what has a zero byte in its first line is no text. */
bool isShellText(const Target *target) {
  char head[SCRIPT_HEAD_BYTES];
  int file = open(target->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  ssize_t length = read(file, head, sizeof head);
  close(file);
  if (length < 0) return false;
  const char *end = memchr(head, '\n', (size_t)length);
  size_t line = end != NULL ? (size_t)(end - head) : (size_t)length;
  bool isElf = line >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
  return !isElf && memchr(head, '\0', line) == NULL;
}
