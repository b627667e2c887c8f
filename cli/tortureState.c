/* tortureState.c - see tortureState.h. The first line names the command and the options that the numbers of the points depend on. */
#define _GNU_SOURCE
#include "tortureState.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "complain.h"

/* The line feeds and tabs of a text would end its field. */
static void writeField(FILE *out, const char *text) {
  fputc('\t', out);
  for (; text != NULL && *text != '\0'; text++) fputc((unsigned char)*text < ' ' ? '?' : *text, out);
}

bool writeState(FILE *state, const Point *point) {
  fprintf(state, "%" PRIu64 "\t%s\t%d\t%d\t%d\t%" PRIu64 "\t%" PRIu64, point->number, outcomeName(point->outcome),
          point->status, point->signal, point->pid, point->size, point->more);
  writeField(state, point->program);
  writeField(state, point->message);
  fprintf(state, "\t%s\n", point->frames != NULL ? point->frames : "");
  return fflush(state) == 0;
}

/* To be freed. */
static char *firstLine(const Torture *torture) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) return NULL;
  fprintf(out, "mema torture 1\t%" PRIu64, torture->plain->requests);
  writeField(out, torture->subject->run.fromThenOn ? "from-then-on" : "once");
  writeField(out, torture->subject->input);
  writeField(out, torture->subject->check);
  for (char **word = torture->subject->run.command; *word != NULL; word++) writeField(out, *word);
  fputc('\n', out);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

static char *nextField(char **rest) {
  static char none[1];
  char *field = *rest == NULL ? NULL : strsep(rest, "\t");
  return field != NULL ? field : none;
}

static Point *findPoint(Points *points, uint64_t number) {
  for (size_t i = 0; i < points->count; i++)
    if (points->list[i].number == number) return &points->list[i];
  return NULL;
}

static void replaceText(char **text, const char *value) {
  free(*text);
  *text = strdup(value);
}

/* A line that was cut off has no line feed, and is no point. */
static void takeOver(Points *points, char *line) {
  size_t length = strlen(line);
  if (length == 0 || line[length - 1] != '\n') return;
  line[length - 1] = '\0';
  Point *point = findPoint(points, strtoull(nextField(&line), NULL, 10));
  Outcome outcome = outcomeNamed(nextField(&line));
  if (point == NULL || outcome == OUTCOME_COUNT) return;
  point->outcome = outcome;
  point->status = (int)strtol(nextField(&line), NULL, 10);
  point->signal = (int)strtol(nextField(&line), NULL, 10);
  point->pid = (int)strtol(nextField(&line), NULL, 10);
  point->size = strtoull(nextField(&line), NULL, 10);
  point->more = strtoull(nextField(&line), NULL, 10);
  replaceText(&point->program, nextField(&line));
  replaceText(&point->message, nextField(&line));
  replaceText(&point->frames, line != NULL ? line : "");
}

/* False where the file is of another torture. The file is empty at first. */
static bool readState(FILE *state, const char *first, Points *points) {
  char *line = NULL;
  size_t room = 0;
  bool fits = true;
  if (getline(&line, &room, state) < 0) {
    fputs(first, state);
  } else {
    fits = strcmp(line, first) == 0;
    while (fits && getline(&line, &room, state) > 0) takeOver(points, line);
    /* A torture that was killed may have left half a line. */
    if (fits && line[0] != '\0' && line[strlen(line) - 1] != '\n' && strchr(line, '\t') != NULL) fputc('\n', state);
  }
  free(line);
  return fits;
}

/* A device may be read without an end. NULL with errno. */
static FILE *openRegular(const char *path) {
  struct stat status;
  FILE *file = fopen(path, "a+e");
  if (file == NULL || (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode))) return file;
  fclose(file);
  errno = EINVAL;
  return NULL;
}

FILE *openState(const char *path, const Torture *torture, Points *points) {
  FILE *state = openRegular(path);
  char *first = firstLine(torture);
  bool fits = state != NULL && first != NULL && readState(state, first, points);
  bool differs = state != NULL && first != NULL && !fits;
  free(first);
  if (fits && fflush(state) == 0) return state;
  if (differs) {
    complain("'%s' is of another command, other options, or another number of requests; remove it to begin anew", path);
  } else {
    complain("cannot write '%s': %s", path, strerror(errno));
  }
  if (state != NULL) fclose(state);
  return NULL;
}
