/* search.c - see search.h. */
#define _GNU_SOURCE
#include "search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or why the file cannot be run. */
static int runnable(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* False where there is no room. An empty directory is the current one. */
static bool joinPath(char path[PATH_MAX], const char *directory, size_t length, const char *name) {
  size_t nameLength = strlen(name);
  if (length + nameLength + 3 > PATH_MAX) return false;
  memcpy(path, directory, length);
  if (length == 0) path[length++] = '.';
  path[length++] = '/';
  memcpy(path + length, name, nameLength + 1);
  return true;
}

static int searchPath(char path[PATH_MAX], const char *name) {
  const char *entry = getenv("PATH");
  if (entry == NULL) entry = "/bin:/usr/bin";
  int found = ENOENT;
  for (;;) {
    size_t length = strcspn(entry, ":");
    if (joinPath(path, entry, length, name)) {
      int reason = runnable(path);
      if (reason == 0) return 0;
      if (reason != ENOENT && reason != ENOTDIR && reason != EISDIR) found = reason;
    }
    if (entry[length] == '\0') return found;
    entry += length + 1;
  }
}

int findProgram(char path[PATH_MAX], const char *name) {
  if (*name == '\0') return ENOENT;
  if (strchr(name, '/') == NULL) return searchPath(path, name);
  size_t length = strlen(name);
  if (length >= PATH_MAX) return ENAMETOOLONG;
  memcpy(path, name, length + 1);
  return runnable(path);
}
