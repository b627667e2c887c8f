/* probe.h - the rest of the budget, found out by requests. The heap must be at rest: nothing here allocates. */
#ifndef MEMA_TESTS_PROBE_H
#define MEMA_TESTS_PROBE_H

#include <errno.h>
#include <sys/mman.h>

#include "check.h"

static inline size_t pageBytes(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static inline void *mapPages(size_t pages) {
  return mmap(NULL, pages * pageBytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static inline bool canMap(size_t pages) {
  void *memory = mapPages(pages);
  if (memory == MAP_FAILED) {
    CHECK(errno == ENOMEM);
    return false;
  }
  CHECK(munmap(memory, pages * pageBytes()) == 0);
  return true;
}

/* So many pages can be mapped, and not one more. */
static inline bool isLeft(size_t pages) {
  int savedErrno = errno;
  bool exact = (pages == 0 || canMap(pages)) && !canMap(pages + 1);
  errno = savedErrno;
  return exact;
}

/* The most that can be mapped; below 2^20 pages, or below 2^19, with which 4 GiB of addresses are full. */
static inline size_t pagesLeft(void) {
  size_t most = 0;
  for (size_t step = (size_t)1 << (sizeof(size_t) > 4 ? 20 : 18); step > 0; step /= 2) {
    if (canMap(most + step)) most += step;
  }
  return most;
}

#endif
