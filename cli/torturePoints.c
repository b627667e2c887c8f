/* torturePoints.c - see torturePoints.h. */
#define _GNU_SOURCE
#include "torturePoints.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "point.h"

/* ---- which ones --------------------------------------------------------------------------------------------------- */

bool addPoint(Points *points, uint64_t number) {
  if (points->count == points->room) {
    size_t room = points->room == 0 ? 64 : 2 * points->room;
    Point *list = realloc(points->list, room * sizeof *list);
    if (list == NULL) return false;
    points->list = list;
    points->room = room;
  }
  points->list[points->count++] = (Point){.number = number, .outcome = UNTRIED};
  return true;
}

static int byStack(const void *left, const void *right) {
  const Point *a = left, *b = right;
  int order = strcmp(a->program, b->program);
  if (order == 0) order = strcmp(a->frames, b->frames);
  if (order == 0) order = (a->number > b->number) - (a->number < b->number);
  return order;
}

static int byNumber(const void *left, const void *right) {
  const Point *a = left, *b = right;
  return (a->number > b->number) - (a->number < b->number);
}

static void freeTexts(Point *point) {
  free(point->program);
  free(point->frames);
  free(point->message);
}

/* Keeps the first point of each stack: several processes may have written it. */
static void dropRepeated(Points *points) {
  size_t kept = 0;
  if (points->count > 1) qsort(points->list, points->count, sizeof *points->list, byStack);
  for (size_t i = 0; i < points->count; i++) {
    Point *point = &points->list[i], *last = kept > 0 ? &points->list[kept - 1] : NULL;
    if (last != NULL && strcmp(last->program, point->program) == 0 && strcmp(last->frames, point->frames) == 0) {
      freeTexts(point);
    } else {
      points->list[kept++] = *point;
    }
  }
  points->count = kept;
  if (kept > 1) qsort(points->list, kept, sizeof *points->list, byNumber);
}

static void dropBefore(Points *points, uint64_t from) {
  size_t kept = 0;
  for (size_t i = 0; i < points->count; i++) {
    if (points->list[i].number < from) {
      freeTexts(&points->list[i]);
    } else {
      points->list[kept++] = points->list[i];
    }
  }
  points->count = kept;
}

static bool addLine(Points *points, char *line) {
  PointLine read;
  if (!readPointLine(&read, line)) return true;
  if (!addPoint(points, read.number)) return false;
  Point *point = &points->list[points->count - 1];
  point->program = strdup(read.program);
  point->frames = strdup(read.frames);
  return point->program != NULL && point->frames != NULL;
}

bool pointsByStack(Points *points, const char *file, uint64_t from, size_t *stacks) {
  char *line = NULL;
  size_t room = 0;
  bool done = true;
  FILE *in = fopen(file, "re");
  if (in == NULL) {
    complain("cannot read the call stacks in '%s': %s", file, strerror(errno));
    return false;
  }
  while (done && getline(&line, &room, in) > 0) done = addLine(points, line);
  free(line);
  fclose(in);
  if (!done) {
    complain("no memory for the call stacks");
    return false;
  }
  dropRepeated(points);
  *stacks = points->count;
  dropBefore(points, from);
  return true;
}

bool pointsBySample(Points *points, uint64_t from, uint64_t last, uint64_t count) {
  uint64_t all = last < from ? 0 : last - from + 1;
  if (count > all) count = all;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t offset = count == all ? i : (uint64_t)((double)all / (double)count * ((double)i + 0.5));
    if (!addPoint(points, from + offset)) return false;
  }
  return true;
}

void freePoints(Points *points) {
  for (size_t i = 0; i < points->count; i++) freeTexts(&points->list[i]);
  free(points->list);
  *points = (Points){0};
}

/* ---- how they end ------------------------------------------------------------------------------------------------- */

/* A shell passes the signal on that ended its command as a status above 128. */
static int signalOf(const Attempt *attempt) {
  static const int faults[] = {SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGTRAP, SIGSYS};
  if (attempt->signal != 0) return attempt->signal;
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
    if (attempt->status == 128 + faults[i]) return faults[i];
  return 0;
}

static Outcome judge(Point *point, const Keeper *keeper, const Plain *plain) {
  const Attempt *attempt = keeper->attempt;
  size_t processes;
  uint64_t live;
  int signal = signalOf(attempt);
  if (attempt->timedOut) return HANG;
  if (atomic_load(&keeper->table.table->points.failedPid) == 0) return UNREACHED;
  if (signal != 0 && attempt->status != plain->attempt.status) return signal == SIGABRT ? ABORT : CRASH;
  bool same = isAsPlain(attempt, plain);
  if (!same && attempt->status != 0) return hasMessage(attempt, plain) ? REFUSAL : SILENT;
  if (!same) return WRONG_OUTPUT;
  if (plain->liveDiffers || !liveAtExit(&keeper->table, &live, &processes) || live <= plain->liveBytes) return SAME;
  point->more = live - plain->liveBytes;
  return LEAK;
}

static void keepText(char **text, const char *value) {
  if (*text == NULL) *text = strdup(value);
}

/* The process, its stack and its size are those of the run that failed: the run before may have had others. */
static void describePoint(Point *point, const RunPoints *points) {
  char line[RUN_STACK_ROOM];
  PointLine read;
  memcpy(line, points->stack, sizeof line);
  line[sizeof line - 1] = '\0';
  if (atomic_load(&points->failedPid) != 0 && readPointLine(&read, line)) {
    free(point->program);
    free(point->frames);
    point->program = strdup(read.program);
    point->frames = strdup(read.frames);
    point->pid = read.pid;
    point->size = read.size;
  }
}

void judgePoint(Point *point, const Keeper *keeper, const Plain *plain) {
  char message[MESSAGE_ROOM];
  point->outcome = judge(point, keeper, plain);
  point->status = keeper->attempt->status;
  point->signal = keeper->attempt->signal;
  describePoint(point, &keeper->table.table->points);
  memcpy(message, keeper->attempt->message, sizeof message);
  message[strcspn(message, "\n")] = '\0';
  keepText(&point->message, message);
}
