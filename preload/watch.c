/* watch.c - watches the programs that a process of `mema run` starts. Outside of a run nothing is watched. */
#define _GNU_SOURCE
#include "../exec/watch.h"

#include <errno.h>

#include "../exec/loading.h"
#include "finish.h"
#include "settings.h"
#include "table.h"

static const char *const variables[] = {RUN_TABLE_VARIABLE, "MEMA_POOL_SIZE", "MEMA_RESERVE", "MEMA_MMAP", "MEMA_STRICT",
                                        "MEMA_DEEPBIND",    "MEMA_REPORT",    "MEMA_INHERIT", NULL};

static void countDeepBind(void) {
  countOne(&ownSlot()->deepBinds);
}

/* Runs after startHeap, which opens the table. */
__attribute__((constructor(102))) static void startWatch(void) {
  int savedErrno = errno;
  countDeepBinds(countDeepBind);
  RunTable *table = sharedTable();
  if (table != NULL) {
    watchPrograms(&(ExecWatch){.list = &table->unreached,
                               .variables = variables,
                               .restores = settings.inherit,
                               .refuses = settings.strict,
                               .leaves = heapPublish,
                               .stays = heapResume});
  }
  errno = savedErrno;
}
