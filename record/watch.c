/* watch.c - watches over the programs that a recorded process starts, and the libraries that it opens: they are to be
 * recorded as well. */
#define _GNU_SOURCE
#include "../exec/watch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "../exec/loading.h"
#include "recorder.h"

static const char *const variables[] = {RAW_LOG_VARIABLE, "MEMA_DEEPBIND", NULL};

/* Behind beginProcess, which opens the log. */
__attribute__((constructor(102))) static void startWatch(void) {
  int savedErrno = errno;
  const char *deepBind = secure_getenv("MEMA_DEEPBIND");
  leaveDeepBind(deepBind != NULL && *deepBind == '1');
  countDeepBinds(recordDeepBind);
  UnreachedList *list = unreachedList();
  if (list != NULL) watchPrograms(&(ExecWatch){.list = list, .variables = variables, .restores = true});
  errno = savedErrno;
}
