/* Pools too large to be kept warm, one after another at the same place, for tests/faults.sh: nothing of one may be seen in the next,
 * though the system refuses to take its pages back. */
#include "support.h"

static Pool pool;
static void *chunks[65536];

static void require(bool good, const char *what, int life) {
  if (good) return;
  fprintf(stderr, "coldLives: %s in life %d (%s)\n", what, life, mema_lastError()->sentence);
  exit(1);
}

int main(void) {
  for (int life = 0; life < 8; life++) {
    require(initPool(&pool, MIB), "initPool failed", life);
    size_t stale = 0;
    for (size_t i = 0; life > 0 && i < 65536; i++) stale += mema_ownsChunk(&pool, chunks[i]) || pfree(&pool, chunks[i]);
    require(stale == 0, "a chunk of the life before is live", life);
    for (size_t size = 100; size <= 500000; size *= 17) {
      unsigned char *zero = mema_pcalloc(&pool, 1, size);
      require(zero != NULL, "pcalloc failed", life);
      for (size_t i = 0; i < size; i++) require(zero[i] == 0, "a byte of the life before is seen", life);
      require(pfree(&pool, zero), "pfree failed", life);
    }
    for (size_t i = 0; i < 65536; i++) {
      chunks[i] = palloc(&pool, 16);
      require(chunks[i] != NULL, "palloc failed", life);
      memset(chunks[i], 0xee, 16);
    }
    require(pool.freeSize == 0 && mema_checkPool(&pool) && freePool(&pool), "not whole", life);
  }
  return 0;
}
