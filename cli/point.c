/* point.c - see point.h. */
#define _GNU_SOURCE
#include "point.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "layout.h"

enum { INDENT = 2 };

void askForPoint(RunPoints *points, uint64_t failAt, bool fromThenOn) {
  points->failAt = failAt;
  points->fromThenOn = fromThenOn;
  points->counts = 1;
}

/* Returns the text before the next tab, and moves *at behind that. */
static const char *nextWord(char **at) {
  const char *word = *at == NULL ? NULL : strsep(at, "\t");
  return word != NULL ? word : "";
}

bool readPointLine(PointLine *point, char *line) {
  line[strcspn(line, "\n")] = '\0';
  point->number = strtoull(nextWord(&line), NULL, 10);
  point->pid = (int)strtol(nextWord(&line), NULL, 10);
  point->program = nextWord(&line);
  point->size = strtoull(nextWord(&line), NULL, 10);
  point->frames = line != NULL ? line : "";
  return point->number > 0 && point->pid > 0;
}

static void printFailed(FILE *out, const RunPoints *points) {
  char line[RUN_STACK_ROOM], name[4 * RUN_NAME_ROOM + 1];
  PointLine point;
  memcpy(line, points->stack, sizeof line);
  line[sizeof line - 1] = '\0';
  if (!readPointLine(&point, line)) return;
  uint64_t others = atomic_load(&points->failed) - 1;
  copyName(name, point.program, RUN_NAME_ROOM);
  printWrapped(out, lineWidth(out), INDENT, "refused request %" PRIu64 " on purpose: %" PRIu64 " byte%s for %s (%d)",
               point.number, point.size, point.size == 1 ? "" : "s", name, point.pid);
  if (others > 0) {
    printWrapped(out, lineWidth(out), INDENT, "and %" PRIu64 " request%s after it", others, others == 1 ? "" : "s");
  }
}

void printPoint(FILE *out, const RunPoints *points) {
  if (points->failAt == 0) return;
  if (atomic_load(&points->failedPid) != 0) {
    printFailed(out, points);
  } else {
    uint64_t requests = atomic_load(&points->requests);
    printWrapped(out, lineWidth(out), INDENT,
                 "refused nothing on purpose: the run made %" PRIu64 " request%s, fewer than the %" PRIu64 " of --fail-at",
                 requests, requests == 1 ? "" : "s", points->failAt);
  }
}
