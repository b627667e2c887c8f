/* watch.c - watches over the programs that a recorded process starts: they are to be recorded as well. */
#define _GNU_SOURCE
#include "../exec/watch.h"

#include <errno.h>
#include <stddef.h>

#include "recorder.h"

static const char *const variables[] = {RAW_LOG_VARIABLE, NULL};

/* Behind beginProcess, which opens the log. */
__attribute__((constructor(102))) static void startWatch(void) {
  int savedErrno = errno;
  UnreachedList *list = unreachedList();
  if (list != NULL) watchPrograms(&(ExecWatch){.list = list, .variables = variables, .restores = true});
  errno = savedErrno;
}
