/* jsonReport.c - see jsonReport.h. */
#define _GNU_SOURCE
#include "jsonReport.h"

#include <inttypes.h>

#include <mema.h>

#include "../preload/jsonText.h"

static void writeString(FILE *out, const char *string) {
  char escape[JSON_ESCAPE_ROOM];
  fputc('"', out);
  while (nextJsonEscape(&string, escape) > 0) fputs(escape, out);
  fputc('"', out);
}

/* No limit has no number. */
static void writeBytes(FILE *out, uint64_t bytes) {
  if (bytes == MEMA_UNLIMITED) {
    fputs("null", out);
  } else {
    fprintf(out, "%" PRIu64, bytes);
  }
}

static void writeProcess(FILE *out, const Process *process) {
  fputs("{\"command\": ", out);
  writeString(out, process->name);
  fprintf(out, ", \"pid\": %d, \"parentPid\": %d, \"ended\": %s", process->pid, process->parentPid,
          process->ended ? "true" : "false");
#define WRITE_FIGURE(name)         \
  fputs(", \"" #name "\": ", out); \
  writeBytes(out, process->figures.name);
  RUN_FIGURES(WRITE_FIGURE)
#undef WRITE_FIGURE
  fputc('}', out);
}

static void writeCommand(FILE *out, char **words) {
  fputc('[', out);
  for (size_t i = 0; words[i] != NULL; i++) {
    if (i > 0) fputs(", ", out);
    writeString(out, words[i]);
  }
  fputc(']', out);
}

void writeJsonReport(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes) {
  fputs("{\"command\": ", out);
  writeCommand(out, run->command);
  fputs(",\n \"poolSize\": ", out);
  writeBytes(out, run->poolSize);
  fprintf(out, ",\n \"reserve\": %zu,\n \"mmap\": %s", run->reserve, run->ignoresMappings ? "false" : "true");
  fprintf(out, ",\n \"strict\": %s,\n \"status\": %d,\n \"signal\": ", run->strict ? "true" : "false", ending->status);
  if (ending->signal != 0) {
    fprintf(out, "%d", ending->signal);
  } else {
    fputs("null", out);
  }
  fprintf(out, ",\n \"lost\": %zu,\n \"processes\": [", processes->lost);
  for (size_t i = 0; i < processes->count; i++) {
    fputs(i > 0 ? ",\n  " : "\n  ", out);
    writeProcess(out, &processes->list[i]);
  }
  fputs("]}\n", out);
}
