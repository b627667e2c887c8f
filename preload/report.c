/* report.c - see report.h. */
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <mema.h>

#include "finish.h"
#include "owner.h"
#include "rawCalls.h"
#include "settings.h"
#include "table.h"
#include "text.h"

static void beginComplaint(Text *line, const char *what, const void *ptr) {
  addString(line, "mema: bad ");
  addString(line, what);
  addString(line, " of ");
  addAddress(line, ptr);
}

static void endProgram(Text *line, const char *end) {
  addString(line, end);
  writeText(STDERR_FILENO, line);
  abort();
}

void reportBadPointer(const char *what, const void *ptr) {
  if (!settings.strict) return;
  Text line = {0};
  beginComplaint(&line, what, ptr);
  endProgram(&line, ": not the start of a live chunk of this pool\n");
}

void reportBadSize(const char *what, const void *ptr, size_t size, size_t room) {
  if (!settings.strict) return;
  Text line = {0};
  beginComplaint(&line, what, ptr);
  addString(&line, ": the size given is ");
  addNumber(&line, size);
  addString(&line, ", the chunk has ");
  addNumber(&line, room);
  endProgram(&line, " bytes\n");
}

void reportBadAlignment(const char *what, const void *ptr, size_t alignment) {
  if (!settings.strict) return;
  Text line = {0};
  beginComplaint(&line, what, ptr);
  addString(&line, ": the alignment given is ");
  addNumber(&line, alignment);
  endProgram(&line, ", which this chunk cannot have been allocated with\n");
}

static void describeForMachines(Text *line, const RunFigures *figures) {
  addString(line, "{\"command\": ");
  addJsonString(line, heapOwner.name);
  addString(line, ", \"pid\": ");
  addNumber(line, (uint64_t)heapOwner.pid);
  addString(line, ", \"parentPid\": ");
  addNumber(line, (uint64_t)heapOwner.parentPid);
#define ADD_FIGURE(name)                 \
  addString(line, ", \"" #name "\": ");  \
  if (figures->name == MEMA_UNLIMITED) { \
    addString(line, "null");             \
  } else {                               \
    addNumber(line, figures->name);      \
  }
  RUN_FIGURES(ADD_FIGURE)
#undef ADD_FIGURE
  addString(line, "}\n");
}

static void addAmount(Text *line, const char *before, uint64_t size) {
  addString(line, before);
  addSize(line, size);
}

static void addCount(Text *line, uint64_t count, const char *after) {
  addString(line, ", ");
  addNumber(line, count);
  addString(line, after);
}

static void describeForPeople(Text *line, const RunFigures *figures) {
  addString(line, "mema: ");
  addString(line, heapOwner.name);
  addString(line, " (pid ");
  addNumber(line, (uint64_t)heapOwner.pid);
  addAmount(line, "): peak ", figures->peakBytes);
  if (figures->poolSize != MEMA_UNLIMITED) addAmount(line, " of ", figures->poolSize);
  addAmount(line, ", live ", figures->liveBytes);
  if (figures->peakMapped > 0) addAmount(line, ", mapped ", figures->peakMapped);
  addAmount(line, ", footprint ", figures->footprint);
  addCount(line, figures->allocations, " allocations");
  addCount(line, figures->frees, " frees");
  addCount(line, figures->refused, " refused");
  addCount(line, figures->badFrees, " bad frees\n");
}

static void writeReport(const RunFigures *figures) {
  Text line = {0};
  if (settings.report[0] == '-' && settings.report[1] == '\0') {
    describeForPeople(&line, figures);
    writeText(STDERR_FILENO, &line);
    return;
  }
  int file = rawOpen(settings.report, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  if (file < 0) return;
  describeForMachines(&line, figures);
  writeText(file, &line);
  rawClose(file);
}

/* One of the last destructors. Later allocations are still served, but counted in the table only. */
__attribute__((destructor(101))) static void reportAtExit(void) {
  int savedErrno = errno;
  RunFigures figures;
  if (heapEnd(RUN_ENDED) && settings.report[0] != '\0') {
    readFigures(ownSlot(), &figures);
    writeReport(&figures);
  }
  errno = savedErrno;
}
