/* complain.c - see complain.h. */
#define _GNU_SOURCE
#include "complain.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../preload/jsonText.h"

size_t characterBytes(const char *text) {
  size_t length = utf8Length((const unsigned char *)text);
  return length > 0 ? length : 1;
}

bool isHarmless(const char *character) {
  unsigned char first = (unsigned char)character[0], second = (unsigned char)character[1];
  return utf8Length((const unsigned char *)character) > 0 && first >= 0x20 && first != 0x7f &&
         !(first == 0xc2 && second < 0xa0);
}

void defuse(char *line) {
  while (*line != '\0') {
    size_t bytes = characterBytes(line);
    if (!isHarmless(line)) memset(line, '?', bytes);
    line += bytes;
  }
}

static const char *complainer = "mema";

void complainAs(const char *command) {
  complainer = command;
}

void complain(const char *format, ...) {
  /* Room for the longest name, and for what is wrong with it. */
  char line[PATH_MAX + 512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  defuse(line);
  dprintf(STDERR_FILENO, "%s: %s\n", complainer, line);
}

/* A write that failed earlier has left no reason. */
bool finishOutput(void) {
  bool failed = ferror(stdout) != 0;
  if (fflush(stdout) != 0) {
    complain("cannot write to stdout: %s", strerror(errno));
  } else if (failed) {
    complain("cannot write to stdout");
  } else {
    return true;
  }
  return false;
}
