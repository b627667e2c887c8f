/* replaceFile.c - see replaceFile.h. */
#define _GNU_SOURCE
#include "replaceFile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"

/* The file behind a name. */
typedef struct Destination {
  char path[PATH_MAX]; /* of a regular file: without symbolic links at its end */
  bool isThere;
  bool isRegular; /* or not there */
  mode_t mode;    /* permissions that it has, or is to have */
} Destination;

static bool fail(const char *what, const char *name) {
  complain("cannot write %s '%s': %s", what, name, strerror(errno));
  return false;
}

static mode_t usualMode(void) {
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

/* False: see errno. */
static bool findDestination(Destination *found, const char *name) {
  struct stat status;
  *found = (Destination){.isThere = stat(name, &status) == 0, .isRegular = true, .mode = usualMode()};
  if (found->isThere) {
    found->isRegular = S_ISREG(status.st_mode);
    found->mode = status.st_mode & 0777;
    if (found->isRegular) return realpath(name, found->path) != NULL;
  } else if (errno != ENOENT) {
    return false;
  }
  if (snprintf(found->path, sizeof found->path, "%s", name) < (int)sizeof found->path) return true;
  errno = ENAMETOOLONG;
  return false;
}

/* "." where the path has no directory. */
static void directoryOf(char directory[PATH_MAX], const char *path) {
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
  memcpy(directory, path, length);
  if (length == 0) directory[length++] = '.';
  directory[length] = '\0';
}

bool canReplaceFile(const char *what, const char *name) {
  Destination found;
  char directory[PATH_MAX];
  if (!findDestination(&found, name)) return fail(what, name);
  if (found.isThere && access(found.path, W_OK) != 0) return fail(what, name);
  if (found.isThere && !found.isRegular) {
    struct stat status;
    errno = EISDIR;
    return stat(found.path, &status) != 0 || !S_ISDIR(status.st_mode) || fail(what, name);
  }
  directoryOf(directory, found.path);
  return access(directory, W_OK | X_OK) == 0 || fail(what, name);
}

/* Writes all, and closes the file. False: see errno. */
static bool writeAll(int file, const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(file, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    text += written;
    length -= (size_t)written;
  }
  int reason = errno;
  bool closed = close(file) == 0;
  if (length > 0) errno = reason;
  return length == 0 && closed;
}

static bool replaceRegular(const Destination *found, const char *text, size_t length) {
  char temporary[PATH_MAX + 8];
  snprintf(temporary, sizeof temporary, "%s.XXXXXX", found->path);
  int file = mkostemp(temporary, O_CLOEXEC);
  if (file < 0) return false;
  bool done = fchmod(file, found->mode) == 0;
  if (!writeAll(file, text, length)) done = false;
  if (done && rename(temporary, found->path) == 0) return true;
  int reason = errno;
  unlink(temporary);
  errno = reason;
  return false;
}

bool replaceFile(const char *what, const char *name, const char *text, size_t length) {
  Destination found;
  if (!findDestination(&found, name)) return fail(what, name);
  if (found.isRegular) return replaceRegular(&found, text, length) || fail(what, name);
  int file = open(found.path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  return (file >= 0 && writeAll(file, text, length)) || fail(what, name);
}
