/* bulkFree CHUNKS UNTRACKED: one pool, so many chunks of 64 bytes, reset; the same, freed; the instructions are counted by tests/bulk.sh. */
#include "support.h"

static Pool pool;

static void fill(long chunks) {
  while (chunks-- > 0)
    if (hidePointer(palloc(&pool, 64)) == NULL) exit(4);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  mema_Options options = {.poolSize = 64 * MIB, .untracked = atoi(argv[2]) != 0};
  if (!mema_initPoolWith(&pool, &options)) return 3;
  fill(atol(argv[1]));
  if (!mema_resetPool(&pool) || pool.freeSize != pool.poolSize) return 5;
  fill(atol(argv[1]));
  return freePool(&pool) ? 0 : 6;
}
