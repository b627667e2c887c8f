/* tortureJson.c - the report of a torture for machines: see tortureReport.h. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jsonString.h"
#include "symbols.h"
#include "tortureReport.h"

static void writeKey(FILE *out, const char *key, const char *value) {
  fprintf(out, ", \"%s\": ", key);
  writeJsonString(out, value != NULL ? value : "");
}

static const char *boolText(bool value) {
  return value ? "true" : "false";
}

static void writeFrames(FILE *out, const char *frames, bool lines) {
  char list[RUN_STACK_ROOM], text[FRAME_ROOM];
  char *rest = list;
  snprintf(list, sizeof list, "%s", frames != NULL ? frames : "");
  fputs(", \"stack\": [", out);
  for (bool first = true; rest != NULL && *rest != '\0'; first = false) {
    const char *frame = strsep(&rest, "\t");
    describeFrame(text, frame, lines);
    fprintf(out, "%s{\"name\": ", first ? "" : ", ");
    writeJsonString(out, text);
    writeKey(out, "address", frame);
    fputc('}', out);
  }
  fputc(']', out);
}

static void writeCommands(FILE *out, const Subject *subject, uint64_t number) {
  char *repeat = repeatCommand(subject, number), *debug = debugCommand(subject, number);
  writeKey(out, "repeat", repeat);
  writeKey(out, "debug", debug);
  free(repeat);
  free(debug);
}

static void writeNumber(FILE *out, const char *key, int number) {
  if (number != 0) {
    fprintf(out, ", \"%s\": %d", key, number);
  } else {
    fprintf(out, ", \"%s\": null", key);
  }
}

static void writePoint(FILE *out, const Subject *subject, const Point *point) {
  fprintf(out, "{\"request\": %" PRIu64 ", \"outcome\": \"%s\"", point->number, outcomeName(point->outcome));
  fprintf(out, ", \"status\": %d", point->status);
  writeNumber(out, "signal", point->signal);
  fprintf(out, ", \"size\": %" PRIu64 ", \"leaked\": %" PRIu64, point->size, point->more);
  writeNumber(out, "pid", point->pid);
  writeKey(out, "program", point->program);
  writeKey(out, "message", point->message);
  writeFrames(out, point->frames, isBad(point->outcome));
  writeCommands(out, subject, point->number);
  fputc('}', out);
}

static void writePlain(FILE *out, const Plain *plain) {
  fprintf(out, ",\n \"plain\": {\"status\": %d, \"outputBytes\": %" PRIu64 ", \"requests\": %" PRIu64, plain->attempt.status,
          plain->attempt.output.bytes, plain->requests);
  fprintf(out, ", \"stacks\": %zu, \"processes\": %zu, \"liveBytes\": %" PRIu64, plain->stacks, plain->processes,
          plain->liveBytes);
  fprintf(out,
          ", \"nanoseconds\": %" PRIu64
          ",\n  \"differs\": {\"status\": %s, \"output\": %s, \"requests\": %s, \"live\": %s}}",
          plain->nanoseconds, boolText(plain->statusDiffers), boolText(plain->outputDiffers),
          boolText(plain->requestsDiffer), boolText(plain->liveDiffers));
}

void writeTortureJson(FILE *out, const Torture *torture) {
  static const char *const choices[] = {[BY_STACK] = "stacks", [EVERY] = "every", [SAMPLE] = "sample"};
  fputs("{\"version\": 1,\n \"command\": ", out);
  writeJsonStrings(out, torture->subject->run.command);
  fprintf(out, ",\n \"choice\": \"%s\",\n \"fromThenOn\": %s,\n \"finished\": %s", choices[torture->choice],
          boolText(torture->subject->run.fromThenOn), boolText(!torture->unfinished));
  writePlain(out, torture->plain);
  fputs(",\n \"points\": [", out);
  for (size_t i = 0; i < torture->points->count; i++) {
    fputs(i > 0 ? ",\n  " : "\n  ", out);
    writePoint(out, torture->subject, &torture->points->list[i]);
  }
  fputs("]}\n", out);
  forgetModules();
}
