/* Fills a pool with chunks of one size, for tests/limits.sh, where address space is short.
 *
 *   fill exact POOLSIZE CHUNKSIZE    every byte of the budget must be had, and given back
 *   fill until POOLSIZE CHUNKSIZE    the system must run out first, and the pool must bear it */
#include "support.h"

static Pool pool;
static unsigned char **chunks;

static void require(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "fill: %s (%s; %zu bytes free)\n", what, mema_lastError()->sentence, mema_freeSize(&pool));
  exit(1);
}

static size_t fillUp(size_t size) {
  size_t count = 0;
  for (;; count++) {
    unsigned char *chunk = palloc(&pool, size);
    if (chunk == NULL) return count;
    chunks[count] = chunk;
    for (size_t at = 0; at < size; at += 512) chunk[at] = (unsigned char)(count + at / 512);
    chunk[size - 1] = (unsigned char)count;
  }
}

static void emptyAgain(size_t size, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (size_t at = 512; at < size - 1; at += 512) {
      require(chunks[i][at] == (unsigned char)(i + at / 512), "a chunk was overwritten");
    }
    require(chunks[i][size - 1] == (unsigned char)i, "a chunk's last byte was overwritten");
    require(pfree(&pool, chunks[i]), "pfree failed");
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  bool exact = strcmp(argv[1], "exact") == 0;
  size_t poolSize = strtoull(argv[2], NULL, 0), size = strtoull(argv[3], NULL, 0);
  chunks = malloc((64 * MIB / size + 2) * sizeof *chunks); /* the limit is 64 MiB: there cannot be more */
  if (chunks == NULL) return 3;
  if (!initPool(&pool, poolSize)) {
    require(!exact && mema_lastError()->reason == MEMA_NO_MEMORY, "init failed");
    return 0; /* refused at once: as good */
  }
  for (int round = 0; round < 3; round++) {
    size_t count = fillUp(size);
    mema_Reason reason = mema_lastError()->reason;
    require(reason == (exact ? MEMA_OVER_BUDGET : MEMA_NO_MEMORY), "refused for another reason than expected");
    require(!exact || (count == poolSize / size && pool.freeSize == poolSize % size), "not filled to the byte");
    const char *wrong = poolIsWrong(&pool, count * size, count);
    require(wrong == NULL, wrong);
    emptyAgain(size, count);
    require(pool.freeSize == poolSize, "not all came back");
  }
  if (exact) require(palloc(&pool, poolSize) != NULL, "the whole in one piece");
  require(mema_checkPool(&pool) && freePool(&pool), "freePool failed");
  return 0;
}
