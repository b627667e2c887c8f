/* tableFile.h - the reader's side of the table that the processes of a run write (preload/runTable.h). */
#ifndef MEMA_CLI_TABLE_FILE_H
#define MEMA_CLI_TABLE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "../preload/runTable.h"
#include "guardian.h"

typedef struct TableFile {
  char path[PATH_MAX];
  int descriptor; /* its lock says that the run goes on */
  Guardian guardian;
  RunTable *table;
} TableFile;

/* One process, as copied from its slot. */
typedef struct Process {
  int pid;
  int parentPid;
  bool
      ended; /* came to its exit; else it left by another way, was killed, became a program without the library, or still runs */
  bool exact;        /* the figures are complete; else counts and peak are the least that they can be */
  unsigned programs; /* that it has been, one after the other */
  char name[RUN_NAME_ROOM];
  RunFigures figures;
  uint64_t onPurpose; /* refused requests that failed on purpose */
  uint64_t overTotal; /* refused requests that the total had no room for */
} Process;

typedef struct Processes {
  Process *list; /* in the order in which they began; to be freed */
  size_t count;
  size_t lost;                    /* those that the table had no room for */
  const UnreachedList *unreached; /* in the table */
  const RunTotal *total;
  const RunPoints *points; /* in the table */
} Processes;

/* Makes the file in /dev/shm, TMPDIR or /tmp, all of its room taken, and maps it. It has a name, since each process of the run opens it, in whatever
 * namespace, with whatever rights and descriptors it has by then. The guardian removes it if this process is killed. Where the guardian was killed as
 * well, the next run there does. False after complaining. */
bool makeTableFile(TableFile *file);

/* False where there is no memory for the list. */
bool readProcesses(const TableFile *file, Processes *processes);

/* Makes the table empty, for the next run. No process may use it. */
void clearTable(const TableFile *file);

void removeTableFile(TableFile *file);

#endif
