/* largeTails - large chunks lie where other chunks were before. After a trim no page behind a chunk's end is resident; nor does the system
 * fill huge pages for them, which were asked for when small chunks lay there. */
#include <mema.h>

#include "resident.h"

enum { COUNT = 1000, BEFORE = 65536, SIZE = 33000, PAGES = 36864 };

enum { SMALL = 1000, SMALL_COUNT = 100 * MIB / SMALL };

static char *chunks[COUNT], *small[SMALL_COUNT];

static void afterSmallChunks(void) {
  Pool pool = {0};
  mema_Options options = {.poolSize = MEMA_UNLIMITED, .untracked = true};
  CHECK(mema_initPoolWith(&pool, &options));
  size_t before = residentBytes();
  for (int i = 0; i < SMALL_COUNT; i++) memset(small[i] = palloc(&pool, SMALL), 1, SMALL);
  for (int i = 0; i < SMALL_COUNT; i++) CHECK(pfree(&pool, small[i]));
  mema_trimPool(&pool);
  for (int i = 0; i < COUNT; i++) memset(chunks[i] = palloc(&pool, SIZE), 1, SIZE);
  checkResident("after small chunks", before + (size_t)COUNT * PAGES + 4 * MIB);
  CHECK(freePool(&pool));
}

int main(void) {
  afterSmallChunks();
  mema_trimPool(NULL);
  Pool pool = {0};
  mema_Options options = {.poolSize = MEMA_UNLIMITED, .untracked = true};
  CHECK(mema_initPoolWith(&pool, &options));
  size_t before = residentBytes();
  for (int i = 0; i < COUNT; i++) memset(chunks[i] = palloc(&pool, BEFORE), 1, BEFORE);
  for (int i = 0; i < COUNT; i++) CHECK(pfree(&pool, chunks[i]));
  for (int i = 0; i < COUNT; i++) memset(chunks[i] = palloc(&pool, SIZE), 1, SIZE);
  mema_trimPool(&pool);
  checkResident("trimmed", before + (size_t)COUNT * PAGES + MIB);
  CHECK(freePool(&pool));
  return 0;
}
