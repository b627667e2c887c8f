/* bulkFree CHUNKS UNTRACKED [SIZE]: one pool, so many chunks of 64 bytes, reset; then another such pool, freed; the instructions are counted by
 * tests/bulk.sh. With a size, chunks of that in an arena. */
#include "support.h"

static Pool pool;

static void fill(long chunks, size_t size) {
  while (chunks-- > 0)
    if (hidePointer(palloc(&pool, size)) == NULL) exit(4);
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) return 2;
  size_t size = argc == 4 ? strtoul(argv[3], NULL, 0) : 64;
  mema_Options options = {
      .poolSize = 64 * MIB, .untracked = atoi(argv[2]) != 0, .engine = argc == 4 ? MEMA_ARENA : MEMA_SLAB};
  if (!mema_initPoolWith(&pool, &options)) return 3;
  fill(atol(argv[1]), size);
  if (!mema_resetPool(&pool) || pool.freeSize != pool.poolSize) return 5;
  fill(atol(argv[1]), size);
  return freePool(&pool) ? 0 : 6;
}
