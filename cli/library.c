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

static bool isThere(char *path, const char *directory, const char *between, const char *name) {
  int length = snprintf(path, PATH_MAX, "%s%s%s", directory, between, name);
  return length < PATH_MAX && access(path, R_OK) == 0;
}

/* A directory's name may contain what a pattern does not mean literally, so the pattern is given from inside of it. */
static bool isInArchitectureDirectory(char *path, const char *directory, const char *name) {
  char lib[PATH_MAX], pattern[NAME_MAX];
  glob_t found;
  bool there = false;
  if (snprintf(lib, sizeof lib, "%s/../lib", directory) >= (int)sizeof lib) return false;
  snprintf(pattern, sizeof pattern, "*/%s", name);
  char *here = getcwd(NULL, 0);
  if (here != NULL && chdir(lib) == 0) {
    if (glob(pattern, 0, NULL, &found) == 0) {
      there = isThere(path, lib, "/", found.gl_pathv[0]);
      globfree(&found);
    }
    if (chdir(here) != 0) there = false;
  }
  free(here);
  return there;
}

static bool findLibrary(char *path, const PreloadLibrary *library) {
  const char *given = getenv(library->variable);
  if (given != NULL && *given != '\0') {
    if (realpath(given, path) != NULL && access(path, R_OK) == 0) return true;
    complain("the preload library '%s' (%s) cannot be read: %s", given, library->variable, strerror(errno));
    return false;
  }
  char directory[PATH_MAX], candidate[PATH_MAX];
  if (findOurDirectory(directory) &&
      (isThere(candidate, directory, "/", library->name) || isThere(candidate, directory, "/../lib/", library->name) ||
       isThere(candidate, directory, "/../lib64/", library->name) ||
       isInArchitectureDirectory(candidate, directory, library->name)) &&
      realpath(candidate, path) != NULL) {
    return true;
  }
  complain("%s is neither next to this program nor in ../lib: %s can name it", library->name, library->variable);
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

bool preloadLibrary(const PreloadLibrary *library) {
  char path[PATH_MAX];
  if (!findLibrary(path, library)) return false;
  if (strpbrk(path, " :") != NULL) {
    complain("the preload library is at '%s': the loader takes no path with a space or a colon", path);
    return false;
  }
  if (setPreload(path)) return true;
  complain("cannot set LD_PRELOAD: %s", strerror(errno));
  return false;
}
