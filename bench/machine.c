/* machine.c - what the numbers were taken on: without that they cannot be compared with anyone else's. */
#define _GNU_SOURCE
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

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

static void describeProcessor(FILE *out, const char *prefix) {
  char line[256];
  readLine("/proc/cpuinfo", "model name", line, sizeof line);
  const char *colon = strstr(line, ": ");
  fprintf(out, "%sprocessor   %s\n", prefix, colon != NULL ? colon + 2 : line);
  cpu_set_t usable;
  int count = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 0;
  fprintf(out, "%scores       %ld online, %d to run on\n", prefix, sysconf(_SC_NPROCESSORS_ONLN), count);
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

static void describeVersions(FILE *out, const char *prefix, int mimallocVersion) {
  fprintf(out, "%scompiler    %s, %s\n", prefix, COMPILER, MEMA_FLAGS);
  fprintf(out, "%smema        %s, commit %s\n", prefix, mema_version(), MEMA_COMMIT);
  fprintf(out, "%sglibc       %s\n", prefix, gnu_get_libc_version());
  int v = mimallocVersion;
  if (v == 0) fprintf(out, "%smimalloc    not here (Debian: libmimalloc2.0)\n", prefix);
  if (v != 0) fprintf(out, "%smimalloc    %d.%d.%d\n", prefix, v / 100, v / 10 % 10, v % 10);
}

void describeMachine(FILE *out, const char *prefix, int rounds, int mimallocVersion) {
  describeProcessor(out, prefix);
  describeSystem(out, prefix);
  describeVersions(out, prefix, mimallocVersion);
  fprintf(out, "%srounds      %d%s\n", prefix, rounds, rounds < 7 ? " (too few for more than a trial)" : "");
  describeLoad(out, prefix);
}

void describeLoad(FILE *out, const char *prefix) {
  double load[3];
  if (getloadavg(load, 3) == 3) fprintf(out, "%sload        %.2f %.2f %.2f\n", prefix, load[0], load[1], load[2]);
}
