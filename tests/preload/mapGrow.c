/* mapGrow - a mapping that grows wherever there is room is charged for its growth, keeps its contents and is refused past the budget;
 * many mappings at once are kept apart. The caller sets MEMA_POOL_SIZE=64M. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "probe.h"

enum { MANY = 6000 };

static void oneGrows(size_t all) {
  size_t page = pageBytes(), pages = 1;
  char *memory = mapPages(1);
  CHECK(memory != MAP_FAILED);
  memory[0] = 55;
  for (; pages * 2 <= all; pages *= 2) {
    errno = 66;
    memory = mremap(memory, pages * page, pages * 2 * page, MREMAP_MAYMOVE);
    CHECK(memory != MAP_FAILED && errno == 66 && memory[0] == 55 && isLeft(all - pages * 2));
  }
  errno = 0;
  CHECK(mremap(memory, pages * page, pages * 2 * page, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
  CHECK(mremap(memory, pages * page, SIZE_MAX - page, MREMAP_MAYMOVE) == MAP_FAILED && isLeft(all - pages));
  memory = mremap(memory, pages * page, 3 * page, MREMAP_MAYMOVE);
  CHECK(memory != MAP_FAILED && memory[0] == 55 && isLeft(all - 3));
  CHECK(munmap(memory, 3 * page) == 0 && isLeft(all));
  /* A mapping that is not charged grows without a charge. */
  memory = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *other = mapPages(1);
  memory = mremap(memory, page, 2 * all * page, MREMAP_MAYMOVE);
  CHECK(memory != MAP_FAILED && isLeft(all - 1));
  CHECK(munmap(memory, 2 * all * page) == 0 && munmap(other, page) == 0 && isLeft(all));
}

/* Every other page of a large mapping goes: as many ranges as pages are left, in a list that has to grow. */
static void manyRanges(size_t all) {
  size_t page = pageBytes();
  char *memory = mapPages(2 * MANY);
  CHECK(memory != MAP_FAILED);
  for (size_t i = 0; i < MANY; i++) {
    size_t victim = i * 2741 % MANY; /* MANY and 2741 have no common factor: each once */
    CHECK(munmap(memory + (2 * victim + 1) * page, page) == 0);
    if (i % 500 == 0) CHECK(isLeft(all - 2 * MANY + i + 1));
  }
  CHECK(isLeft(all - MANY));
  CHECK(munmap(memory + 1000 * page, 1000 * page) == 0 && isLeft(all - MANY + 500));
  CHECK(munmap(memory, 2 * MANY * page) == 0 && isLeft(all));
}

int main(void) {
  size_t all = pagesLeft();
  oneGrows(all);
  manyRanges(all);
  return 0;
}
