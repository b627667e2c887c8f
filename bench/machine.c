/* machine.c - what the numbers were taken on: without that they cannot be compared with anyone else's. */
#define _GNU_SOURCE
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "machine.h"

#include "measure.h"
#include "peers.h"
#include "workThreads.h"

#ifndef MEMA_COMMIT
#define MEMA_COMMIT "unknown"
#endif
#ifndef MEMA_FLAGS
#define MEMA_FLAGS "unknown"
#endif

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* Keeps the first line of the file that begins with `start`, without its end. */
static void readLine(const char *path, const char *start, char *line, int size) {
  FILE *file = fopen(path, "r");
  bool found = false;
  while (file != NULL && !found && fgets(line, size, file) != NULL) found = strncmp(line, start, strlen(start)) == 0;
  if (file != NULL) fclose(file);
  if (!found) strcpy(line, "unknown");
  line[strcspn(line, "\n")] = '\0';
}

static const char *processorName(char *line, int size) {
  readLine("/proc/cpuinfo", "model name", line, size);
  const char *colon = strstr(line, ": ");
  return colon != NULL ? colon + 2 : line;
}

static void describeProcessor(FILE *out, const char *prefix) {
  char line[256];
  fprintf(out, "%sprocessor   %s\n", prefix, processorName(line, sizeof line));
  cpu_set_t usable;
  int count = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 0;
  fprintf(out, "%scores       %ld online, %d to run on, %d for threads\n", prefix, sysconf(_SC_NPROCESSORS_ONLN), count,
          countProcessors());
}

static void describeSystem(FILE *out, const char *prefix) {
  struct utsname system;
  if (uname(&system) == 0) fprintf(out, "%skernel      %s %s %s\n", prefix, system.sysname, system.release, system.machine);
  /* Huge pages decide much of what a random access costs, and who asks for them differs between allocators. */
  char line[256];
  readLine("/sys/kernel/mm/transparent_hugepage/enabled", "", line, sizeof line);
  const char *tunables = getenv("GLIBC_TUNABLES");
  fprintf(out, "%shuge pages  %s\n", prefix, line);
  if (tunables != NULL) fprintf(out, "%stunables    %s\n", prefix, tunables);
}

static void describeVersions(FILE *out, const char *prefix) {
  fprintf(out, "%scompiler    %s, %s\n", prefix, COMPILER, MEMA_FLAGS);
  fprintf(out, "%smema        %s, commit %s\n", prefix, mema_version(), MEMA_COMMIT);
  for (int id = 0; id < PEER_COUNT; id++) {
    const Peer *peer = &peers[id];
    if (!peer->present && peer->package != NULL) fprintf(out, "%s%-11s left out\n", prefix, peer->name);
    if (peer->present && peer->version[0] != '\0') fprintf(out, "%s%-11s %s\n", prefix, peer->name, peer->version);
  }
}

void describeMachine(FILE *out, const char *prefix) {
  describeProcessor(out, prefix);
  describeSystem(out, prefix);
  describeVersions(out, prefix);
  fprintf(out, "%srounds      %d%s\n", prefix, rounds, rounds < 7 ? " (too few for more than a trial)" : "");
  describeLoad(out, prefix);
}

typedef struct {
  double stolen, all;
} Ticks;

static Ticks readTicks(void) {
  char line[256];
  Ticks ticks = {0};
  readLine("/proc/stat", "cpu ", line, sizeof line);
  char *rest = line + strcspn(line, " ");
  for (int column = 0; column < 8; column++) {
    double value = strtod(rest, &rest);
    ticks.all += value;
    if (column == 7) ticks.stolen = value;
  }
  return ticks;
}

void describeLoad(FILE *out, const char *prefix) {
  double load[3];
  if (getloadavg(load, 3) == 3) fprintf(out, "%sload        %.2f %.2f %.2f\n", prefix, load[0], load[1], load[2]);
}

void describeStolen(FILE *out, const char *prefix) {
  static Ticks start;
  Ticks ticks = readTicks();
  if (start.all == 0) start = ticks;
  if (ticks.all <= start.all) return;
  fprintf(out, "%sstolen      %.1f %% of the processors' time, by other virtual machines\n", prefix,
          100 * (ticks.stolen - start.stolen) / (ticks.all - start.all));
}

void summarizeMachine(char *text, size_t size) {
  char line[256];
  struct utsname system;
  if (uname(&system) != 0) strcpy(system.release, "?");
  int version = (int)strcspn(system.release, "-");
  snprintf(text, size, "%s, Linux %.*s, %s %s, median of %d rounds", processorName(line, sizeof line), version,
           system.release, COMPILER, MEMA_FLAGS, rounds);
}
