/* jsonReport.c - see jsonReport.h. */
#define _GNU_SOURCE
#include "jsonReport.h"

#include <inttypes.h>

#include <mema.h>

#include "jsonString.h"
#include "unreached.h"

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
  writeJsonString(out, process->name);
  fprintf(out, ", \"pid\": %d, \"parentPid\": %d, \"ended\": %s, \"exact\": %s, \"programs\": %u", process->pid,
          process->parentPid, process->ended ? "true" : "false", process->exact ? "true" : "false", process->programs);
#define WRITE_FIGURE(name)         \
  fputs(", \"" #name "\": ", out); \
  writeBytes(out, process->figures.name);
  RUN_FIGURES(WRITE_FIGURE)
#undef WRITE_FIGURE
  fprintf(out, ", \"onPurpose\": %" PRIu64 ", \"overTotal\": %" PRIu64 "}", process->onPurpose, process->overTotal);
}

static void writeOneUnreached(FILE *out, const Unreached *entry, bool started) {
  char reason[REASON_ROOM];
  fputs("{\"command\": ", out);
  writeJsonString(out, entry->name);
  /* The process of a shell that the C library started by itself is not known. */
  if (entry->pid > 0) {
    fprintf(out, ", \"pid\": %d", entry->pid);
  } else {
    fputs(", \"pid\": null", out);
  }
  fprintf(out, ", \"reason\": \"%s\", \"started\": %s}", unreachedReason(reason, entry), started ? "true" : "false");
}

static void writeUnreached(FILE *out, const UnreachedList *list) {
  const char *separator = "\n  ";
  fputs(",\n \"unreached\": [", out);
  for (size_t i = 0; i < UNREACHED_ENTRIES; i++) {
    UnreachedState state = unreachedState(&list->entries[i]);
    if (state != UNREACHED_STARTED && state != UNREACHED_REFUSED) continue;
    fputs(separator, out);
    writeOneUnreached(out, &list->entries[i], state == UNREACHED_STARTED);
    separator = ",\n  ";
  }
  fprintf(out, "],\n \"unreachedLost\": %u", atomic_load(&list->beyond));
}

static void writeTotal(FILE *out, const RunTotal *total) {
  if (total->budget == 0) {
    fputs("null", out);
    return;
  }
  fprintf(out, "{\"size\": %" PRIu64 ", \"peakBytes\": %" PRIu64 ", \"refused\": %" PRIu64 "}", total->budget,
          atomic_load(&total->peak), atomic_load(&total->refused));
}

/* Figures that are counted with --fail-at only are null without it. */
static void writePoints(FILE *out, const RunPoints *points) {
  if (points->counts == 0) {
    fputs(",\n \"failAt\": null,\n \"fromThenOn\": false,\n \"requests\": null,\n \"failed\": 0", out);
    return;
  }
  fprintf(out, ",\n \"failAt\": %" PRIu64 ",\n \"fromThenOn\": %s", points->failAt,
          points->fromThenOn != 0 ? "true" : "false");
  fprintf(out, ",\n \"requests\": %" PRIu64 ",\n \"failed\": %" PRIu64, atomic_load(&points->requests),
          atomic_load(&points->failed));
}

void writeJsonReport(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes) {
  fputs("{\"command\": ", out);
  writeJsonStrings(out, run->command);
  fprintf(out, ",\n \"version\": %d,\n \"poolSize\": ", REPORT_VERSION);
  writeBytes(out, run->poolSize);
  fputs(",\n \"total\": ", out);
  writeTotal(out, processes->total);
  fprintf(out, ",\n \"reserve\": %zu,\n \"mmap\": %s", run->reserve, run->ignoresMappings ? "false" : "true");
  fprintf(out, ",\n \"strict\": %s,\n \"status\": %d,\n \"signal\": ", run->strict ? "true" : "false", ending->status);
  if (ending->signal != 0) {
    fprintf(out, "%d", ending->signal);
  } else {
    fputs("null", out);
  }
  writePoints(out, processes->points);
  writeUnreached(out, processes->unreached);
  fprintf(out, ",\n \"lost\": %zu,\n \"processes\": [", processes->lost);
  for (size_t i = 0; i < processes->count; i++) {
    fputs(i > 0 ? ",\n  " : "\n  ", out);
    writeProcess(out, &processes->list[i]);
  }
  fputs("]}\n", out);
}
