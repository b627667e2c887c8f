/* mapBudget - anonymous memory that the program maps to write to comes out of the same budget as its chunks, and goes back into it;
 * reservations, read-only mappings and files do not. The caller sets MEMA_POOL_SIZE=8M, and looks for 3 MiB mapped at the end and
 * a peak of all but a page. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "probe.h"

enum { MIB = 1 << 20, BUDGET = 8 * MIB };

static void *map(size_t size, int protection, int flags) {
  return mmap(NULL, size, protection, MAP_ANONYMOUS | flags, -1, 0);
}

static void whatIsMappedIsCharged(size_t all) {
  static const int kinds[] = {MAP_PRIVATE, MAP_SHARED, MAP_PRIVATE | MAP_NORESERVE, MAP_PRIVATE | MAP_STACK};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    errno = 77;
    /* Bytes count in whole pages. */
    char *memory = map(5 * pageBytes() + 1, PROT_READ | PROT_WRITE, kinds[i]);
    CHECK(memory != MAP_FAILED && errno == 77 && isLeft(all - 6));
    memory[5 * pageBytes()] = 1;
    CHECK(munmap(memory, 5 * pageBytes() + 1) == 0 && errno == 77 && isLeft(all));
  }
}

static void whatIsOverTheBudgetIsRefused(size_t all) {
  errno = 0;
  CHECK(map(BUDGET + 1, PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
  errno = 0;
  CHECK(map(SIZE_MAX, PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
  errno = 0;
  CHECK(map(SIZE_MAX / 2, PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
  errno = 0;
  CHECK(map(0, PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, pageBytes(), PROT_WRITE, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(isLeft(all));
}

static void theRestIsFree(size_t all) {
  size_t huge = (size_t)64 * MIB;
  char *none = map(huge, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE), *read = map(huge, PROT_READ, MAP_PRIVATE);
  int file = memfd_create("mapBudget", MFD_CLOEXEC);
  CHECK(none != MAP_FAILED && read != MAP_FAILED && file >= 0 && ftruncate(file, (off_t)huge) == 0);
  char *written = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  char *shared = mmap64(NULL, huge - pageBytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, (off64_t)pageBytes());
  CHECK(written != MAP_FAILED && shared != MAP_FAILED && isLeft(all));
  /* The offset arrives. */
  shared[0] = 42;
  char byte;
  CHECK(pread(file, &byte, 1, (off_t)pageBytes()) == 1 && byte == 42);
  CHECK(mprotect(none, MIB, PROT_READ | PROT_WRITE) == 0 && isLeft(all));
  /* A mapping that was never charged gives nothing back. */
  CHECK(munmap(none, huge) == 0 && munmap(read, huge) == 0 && munmap(written, huge) == 0 && isLeft(all));
  CHECK(munmap(shared, huge - pageBytes()) == 0 && close(file) == 0 && isLeft(all));
  CHECK(munmap((void *)1, 1) == -1 && errno == EINVAL && isLeft(all));
}

/* Chunks and mappings share one budget. */
static void oneBudgetForBoth(size_t all) {
  void *memory = mapPages(all - 20);
  CHECK(memory != MAP_FAILED);
  errno = 0;
  CHECK(malloc(21 * pageBytes()) == NULL && errno == ENOMEM);
  void *chunk = malloc(16 * pageBytes());
  CHECK(chunk != NULL && isLeft(4));
  free(chunk);
  CHECK(munmap(memory, (all - 20) * pageBytes()) == 0 && isLeft(all));
}

static void anotherMappingInItsPlace(size_t all) {
  size_t page = pageBytes();
  /* Reserved, to the pages below and above that calls here reach to: other mappings are not touched. */
  char *area = map((all + 6) * page, PROT_NONE, MAP_PRIVATE), *memory = area + 5 * page;
  CHECK(area != MAP_FAILED);
  CHECK(mmap(memory, all * page, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory && isLeft(0));
  /* At an exhausted budget: nothing more is needed than is there already. */
  CHECK(mmap(memory + page, 7 * page, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + page &&
        isLeft(0));
  CHECK(mmap(memory + 2 * page, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + 2 * page);
  CHECK(isLeft(3));
  CHECK(mmap(memory, 8 * page, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory && isLeft(0));
  errno = 0;
  CHECK(mmap(memory, (all + 1) * page, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED &&
        errno == ENOMEM && isLeft(0));
  CHECK(munmap(area, (all + 6) * page) == 0 && isLeft(all));
}

int main(void) {
  size_t all = pagesLeft();
  CHECK(all > BUDGET / pageBytes() - 30 && all <= BUDGET / pageBytes());
  whatIsMappedIsCharged(all);
  whatIsOverTheBudgetIsRefused(all);
  theRestIsFree(all);
  oneBudgetForBoth(all);
  anotherMappingInItsPlace(all);
  CHECK(mapPages(3 * MIB / pageBytes()) != MAP_FAILED);
  return 0;
}
