/* mapOutside - maps more than the budget that the caller sets. Status 0 where it could, 3 where it was told that there is no memory. */
#define _GNU_SOURCE
#include "probe.h"

int main(void) {
  size_t pages = ((size_t)64 << 20) / pageBytes();
  char *memory = mapPages(pages);
  if (memory == MAP_FAILED) return errno == ENOMEM ? 3 : 1;
  memory = mremap(memory, pages * pageBytes(), 2 * pages * pageBytes(), MREMAP_MAYMOVE);
  CHECK(memory != MAP_FAILED && munmap(memory, 2 * pages * pageBytes()) == 0);
  char *start = sbrk(4 << 20);
  CHECK(start != (char *)-1 && brk(start + (8 << 20)) == 0 && brk(start) == 0 && sbrk(0) == start);
  return 0;
}
