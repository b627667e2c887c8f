/* withinBudget - a heap with a budget of 96 MiB is filled with chunks of 4 KiB, of which two in five are freed; then with chunks of 8 and of
 * 16 KiB. The resident memory stays within the budget, a 64th of it, and a constant part. `pool`: a pool of the library; else malloc. `small`:
 * pools of 16 KiB to 1 MiB are filled by 32 sizes in turn, of which some chunks stay; the same holds of them, with the constant part as large. */
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

/* Fills a pool with chunks of a size, and frees them but for one in each `gap` bytes, as long as the kept ones are less than a quarter of the
 * budget. */
static void fillSmall(size_t budget, size_t size, size_t gap, size_t *kept) {
  size_t count = 0, passed = 0;
  mema_Stats stats;
  while (count < MOST && (chunks[count] = palloc(&pool, size)) != NULL) memset(chunks[count++], 1, size);
  CHECK(mema_poolStats(&pool, &stats) && stats.footprint <= budget + budget / 64 + CONSTANT);
  for (size_t i = 0; i < count; i++) {
    passed += size;
    if (passed >= gap && *kept + size < budget / 4) {
      *kept += size;
      passed = 0;
    } else {
      CHECK(pfree(&pool, chunks[i]));
    }
  }
}

static int fillSmallPools(void) {
  for (size_t budget = 16 * KIB; budget <= MIB; budget *= 2) {
    mema_Options options = {.poolSize = budget, .untracked = true};
    CHECK(mema_initPoolWith(&pool, &options));
    size_t kept = 0;
    for (size_t i = 0; i < 32; i++) fillSmall(budget, 16 + i * i * 8, budget / 64 + 4096, &kept);
    CHECK(freePool(&pool));
    mema_trimPool(NULL);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "small") == 0) return fillSmallPools();
  usesPool = count == 2 && strcmp(arguments[1], "pool") == 0;
  mema_Options options = {.poolSize = BUDGET, .untracked = true};
  if (usesPool) CHECK(mema_initPoolWith(&pool, &options));
  memset(chunks, 1, sizeof chunks);
  size_t before = residentBytes();
  for (size_t size = 4096; size <= 16384; size *= 2) fillUp(size, before);
  return 0;
}
