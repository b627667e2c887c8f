/* environment.c - see environment.h. */
#define _GNU_SOURCE
#include "environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mema.h>

#include "../preload/sizeText.h"
#include "complain.h"

const PreloadLibrary runLibrary = {.name = "libmema-preload.so", .variable = "MEMA_PRELOAD_LIBRARY"};

/* A size of the caller's environment is not this run's. */
static bool exportSize(const char *name, size_t number, size_t none) {
  char text[SIZE_TEXT_ROOM];
  if (number == none) return unsetenv(name) == 0;
  formatNumber(text, number);
  return setenv(name, text, 1) == 0;
}

/* Sets the variables that the preload library reads. */
bool setEnvironment(const RunOptions *run, const TableFile *file) {
  bool done = setenv(RUN_TABLE_VARIABLE, file->path, 1) == 0;
  done = exportSize("MEMA_POOL_SIZE", run->poolSize, MEMA_UNLIMITED) && done;
  done = exportSize("MEMA_RESERVE", run->reserve, 0) && done;
  done = setenv("MEMA_MMAP", run->ignoresMappings ? "0" : "1", 1) == 0 && done;
  done = setenv("MEMA_STRICT", run->strict ? "1" : "0", 1) == 0 && done;
  done = setenv("MEMA_DEEPBIND", run->deepBinds ? "1" : "0", 1) == 0 && done;
  done = setenv("MEMA_INHERIT", run->disinherits ? "0" : "1", 1) == 0 && done;
  if (!done) complain("cannot set the environment: %s", strerror(errno));
  return done;
}
