/* mapEarly - mapping works while the loader still relocates the program: before any constructor, and before the C library has an
 * environment. Mappings made then cannot be counted; later ones are. The caller sets MEMA_POOL_SIZE=1M. */
#define _GNU_SOURCE
#include "probe.h"

static char *early = MAP_FAILED;
static int environmentWasThere;

static int answer(void) {
  return 42;
}

__attribute__((used)) static int (*resolve(void))(void) {
  early = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (early != MAP_FAILED) early = mremap(early, 4 << 20, 8 << 20, MREMAP_MAYMOVE);
  if (early != MAP_FAILED && munmap(early + (6 << 20), 2 << 20) != 0) early = MAP_FAILED;
  environmentWasThere = environ != NULL;
  return answer;
}

int indirect(void) __attribute__((ifunc("resolve")));

int main(void) {
  CHECK(indirect() == 42 && early != MAP_FAILED && environmentWasThere == 0);
  size_t all = pagesLeft();
  CHECK(all > 200 && all <= (1 << 20) / pageBytes());
  fill(early, 6 << 20, 1);
  CHECK(munmap(early, 6 << 20) == 0 && isLeft(all));
  return 0;
}
