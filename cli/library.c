/* library.c - see library.h. */
#define _GNU_SOURCE
#include "library.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

#define LIBRARY_NAME "libmema-preload.so"

/* The directory of this program, without a slash at its end. */
static bool findOurDirectory(char *directory) {
  ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
  if (length <= 0) return false;
  directory[length] = '\0';
  char *slash = strrchr(directory, '/');
  if (slash == NULL) return false;
  *slash = '\0';
  return true;
}

static bool isThere(char *path, const char *directory, const char *below) {
  int length = snprintf(path, PATH_MAX, "%s/%s", directory, below);
  return length < PATH_MAX && access(path, R_OK) == 0;
}

/* A directory's name may contain what a pattern does not mean literally, so the pattern is given from inside of it. */
static bool isInArchitectureDirectory(char *path, const char *directory) {
  char lib[PATH_MAX];
  glob_t found;
  bool there = false;
  if (snprintf(lib, sizeof lib, "%s/../lib", directory) >= (int)sizeof lib) return false;
  char *here = getcwd(NULL, 0);
  if (here != NULL && chdir(lib) == 0) {
    if (glob("*/" LIBRARY_NAME, 0, NULL, &found) == 0) {
      there = isThere(path, lib, found.gl_pathv[0]);
      globfree(&found);
    }
    if (chdir(here) != 0) there = false;
  }
  free(here);
  return there;
}

static bool findLibrary(char *path) {
  const char *given = getenv("MEMA_PRELOAD_LIBRARY");
  if (given != NULL && *given != '\0') {
    if (realpath(given, path) != NULL && access(path, R_OK) == 0) return true;
    complain("the preload library '%s' (MEMA_PRELOAD_LIBRARY) cannot be read: %s", given, strerror(errno));
    return false;
  }
  char directory[PATH_MAX], candidate[PATH_MAX];
  if (findOurDirectory(directory) &&
      (isThere(candidate, directory, LIBRARY_NAME) || isThere(candidate, directory, "../lib/" LIBRARY_NAME) ||
       isInArchitectureDirectory(candidate, directory)) &&
      realpath(candidate, path) != NULL) {
    return true;
  }
  complain(LIBRARY_NAME " is neither next to this program nor in ../lib: MEMA_PRELOAD_LIBRARY can name it");
  return false;
}

static bool setPreload(const char *path) {
  const char *before = getenv("LD_PRELOAD");
  if (before == NULL || *before == '\0') return setenv("LD_PRELOAD", path, 1) == 0;
  char *both = NULL;
  if (asprintf(&both, "%s:%s", path, before) < 0) return false;
  bool done = setenv("LD_PRELOAD", both, 1) == 0;
  free(both);
  return done;
}

bool preloadLibrary(void) {
  char path[PATH_MAX];
  if (!findLibrary(path)) return false;
  if (strpbrk(path, " :") != NULL) {
    complain("the preload library is at '%s': the loader takes no path with a space or a colon", path);
    return false;
  }
  if (setPreload(path)) return true;
  complain("cannot set LD_PRELOAD: %s", strerror(errno));
  return false;
}
