/* withinBudget - a heap with a budget of 96 MiB is filled with chunks of 4 KiB, of which two in five are freed; then with chunks of 8 and of
 * 16 KiB. The resident memory stays within the budget, a 64th of it, and a constant part. `pool`: a pool of the library; else malloc. */
#include <mema.h>

#include "resident.h"

enum { BUDGET = 96 * MIB, CONSTANT = 6 * MIB, MOST = BUDGET / 4096 };

static Pool pool;
static bool usesPool;
static char *chunks[MOST];

static char *take(size_t size) {
  return usesPool ? palloc(&pool, size) : malloc(size);
}

static void give(char *chunk) {
  if (usesPool) {
    CHECK(pfree(&pool, chunk));
  } else {
    free(chunk);
  }
}

static void fillUp(size_t size, size_t before) {
  size_t count = 0;
  while (count < MOST && (chunks[count] = take(size)) != NULL) memset(chunks[count++], 1, size);
  CHECK(count > 100);
  checkResident("full", before + BUDGET + BUDGET / 64 + CONSTANT);
  if (usesPool) {
    mema_Stats stats;
    CHECK(mema_poolStats(&pool, &stats) && stats.footprint <= BUDGET + BUDGET / 64 + CONSTANT);
  }
  for (size_t i = 0; i < count; i++)
    if (i % 5 < 2) give(chunks[i]);
}

int main(int count, char **arguments) {
  usesPool = count == 2 && strcmp(arguments[1], "pool") == 0;
  mema_Options options = {.poolSize = BUDGET, .untracked = true};
  if (usesPool) CHECK(mema_initPoolWith(&pool, &options));
  memset(chunks, 1, sizeof chunks);
  size_t before = residentBytes();
  for (size_t size = 4096; size <= 16384; size *= 2) fillUp(size, before);
  return 0;
}
