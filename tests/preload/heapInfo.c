/* heapInfo - malloc_trim gives memory back; mallinfo, mallinfo2, malloc_stats and malloc_info give the figures of the heap. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* mallinfo */

enum { COUNT = 40000, SIZE = 700, KEPT = 100, MIB = 1 << 20 };

static char *chunks[COUNT];
static char text[4096];

/* The resident bytes of the process. */
static size_t resident(void) {
  unsigned long size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%lu %lu", &size, &pages) == 2);
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void checkSums(void) {
  struct mallinfo2 info = mallinfo2();
  CHECK(info.arena >= info.uordblks && info.arena == info.uordblks + info.fordblks);
  CHECK(info.keepcost <= info.fordblks && info.hblks == 0 && info.hblkhd == 0);
}

static void checkFigures(void) {
  size_t before = mallinfo2().uordblks, bytes = (size_t)COUNT * SIZE;
  for (int i = 0; i < COUNT; i++) memset(chunks[i] = malloc(SIZE), 1, SIZE);
  size_t used = mallinfo2().uordblks - before;
  CHECK(used >= bytes && used <= bytes + bytes / 8);
  CHECK((size_t)mallinfo().uordblks == mallinfo2().uordblks);
  checkSums();
}

/* A figure that an int does not hold is INT_MAX. With addresses of 32 bits no chunk is so large. */
static void checkLarge(void) {
  if (sizeof(size_t) <= sizeof(int)) return;
  char *chunk = malloc((size_t)INT_MAX + MIB);
  CHECK(chunk != NULL && mallinfo().uordblks == INT_MAX && mallinfo().arena == INT_MAX);
  CHECK(mallinfo2().uordblks > (size_t)INT_MAX);
  free(chunk);
  CHECK(mallinfo().uordblks < INT_MAX);
}

static void checkTrim(void) {
  size_t kept = 0, full = resident();
  for (int i = 0; i < COUNT; i++) {
    if (i % KEPT != 0) {
      free(chunks[i]);
    } else {
      kept++;
    }
  }
  errno = 44;
  int first = malloc_trim(0), second = malloc_trim(0);
  CHECK(first == 1 && second == 0);
  CHECK(errno == 44);
  /* Each chunk that is left lies on two pages at most. */
  size_t gone = full - resident(), least = (size_t)COUNT * SIZE - 2 * kept * (size_t)sysconf(_SC_PAGESIZE) - 2 * MIB;
  CHECK(gone >= least);
  for (int i = 0; i < COUNT; i += KEPT) CHECK(isFilled(chunks[i], SIZE, 1));
  checkSums();
}

static size_t numberBehind(const char *label) {
  const char *at = strstr(text, label);
  CHECK(at != NULL);
  return strtoul(at + strlen(label), NULL, 10);
}

/* The text that the function writes to stderr. */
static void checkStats(void) {
  int pipe_[2], before = dup(STDERR_FILENO);
  CHECK(before >= 0 && pipe(pipe_) == 0 && dup2(pipe_[1], STDERR_FILENO) == STDERR_FILENO);
  malloc_stats();
  CHECK(dup2(before, STDERR_FILENO) == STDERR_FILENO);
  ssize_t length = read(pipe_[0], text, sizeof text - 1);
  CHECK(length > 0);
  text[length] = '\0';
  struct mallinfo2 info = mallinfo2();
  CHECK(numberBehind("Arena 0:\nsystem bytes     =") == info.arena);
  CHECK(numberBehind("in use bytes     =") == info.uordblks);
  close(before);
  close(pipe_[0]);
  close(pipe_[1]);
}

static void checkXml(void) {
  FILE *stream = fmemopen(text, sizeof text, "w");
  CHECK(stream != NULL);
  struct mallinfo2 info = mallinfo2();
  CHECK(malloc_info(1, stream) == EINVAL);
  CHECK(malloc_info(0, stream) == 0);
  fclose(stream);
  CHECK(strncmp(text, "<malloc version=\"1\">\n", 21) == 0 && strstr(text, "</heap>\n") != NULL);
  CHECK(strcmp(text + strlen(text) - 10, "</malloc>\n") == 0);
  CHECK(numberBehind("<system type=\"current\" size=\"") >= info.arena);
  CHECK(numberBehind("<system type=\"max\" size=\"") >= (size_t)COUNT * SIZE);
  CHECK(numberBehind("<aspace type=\"total\" size=\"") > info.arena);
}

/* The file's own buffer is not in the figures that are compared: it is there from the first read on. */
int main(void) {
  resident();
  checkFigures();
  checkLarge();
  checkTrim();
  checkStats();
  checkXml();
  CHECK(mallopt(M_MMAP_THRESHOLD, MIB) == 0 && mallopt(M_TRIM_THRESHOLD, MIB) == 0);
  for (int i = 0; i < COUNT; i += KEPT) free(chunks[i]);
  return 0;
}
