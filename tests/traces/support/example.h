/* example.h - operations made up for the tests of the format, and files that have no name. */
#ifndef TESTS_EXAMPLE_H
#define TESTS_EXAMPLE_H

#include <stdint.h>

#include "../../../trace/trace.h"

/* Says what is wrong and ends the program. */
#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) failed(__FILE__, __LINE__, #condition); \
  } while (0)
__attribute__((noreturn)) void failed(const char *file, int line, const char *condition);

/* From 0 to below - 1; the same sequence for the same seed. */
uint64_t draw(uint64_t below);
void seed(uint64_t number);

/* A file in memory with these bytes; *path is how to open it, until the next call. */
int makeFile(const void *bytes, size_t length, const char **path);

/* Writes a trace of so many processes, with about so many operations each and of every kind, and returns what it should be
 * read as. To be freed with freeExample. */
Trace writeExample(int file, bool compressed, size_t processes, size_t operations);
void freeExample(Trace *trace);

bool sameTrace(const Trace *a, const Trace *b);

/* Checks what readTrace promises of whatever it accepts: objects are live where they are used, and the figures are true. */
bool isSound(const Trace *trace);

#endif
