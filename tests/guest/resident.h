/* resident.h - the memory that a process holds: without stdio, which would allocate. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include <fcntl.h>
#include <stdlib.h>

#include "../preload/check.h"

enum { KIB = 1024, MIB = 1024 * KIB };

/* The resident anonymous bytes: heaps and stacks, no files. */
static inline size_t residentBytes(void) {
  static char text[4096];
  int file = open("/proc/self/smaps_rollup", O_RDONLY);
  ssize_t length = read(file, text, sizeof text - 1);
  CHECK(file >= 0 && length > 0);
  close(file);
  text[length] = '\0';
  const char *line = strstr(text, "Anonymous:");
  CHECK(line != NULL);
  return strtoul(line + strlen("Anonymous:"), NULL, 10) * KIB;
}

/* Ends the program unless at most `most` bytes are resident. */
static inline void checkResident(const char *when, size_t most) {
  size_t bytes = residentBytes();
  if (bytes <= most) return;
  char line[200];
  int length = snprintf(line, sizeof line, "%s: %zu KiB are resident, more than %zu\n", when, bytes / KIB, most / KIB);
  if (write(2, line, (size_t)length) < 0) _exit(99);
  _exit(1);
}

#endif
