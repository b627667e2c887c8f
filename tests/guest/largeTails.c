/* largeTails - large chunks lie where other chunks were before. After a trim no page behind a chunk's end is resident. */
#include <mema.h>

#include "resident.h"

enum { COUNT = 1000, BEFORE = 65536, SIZE = 33000, PAGES = 36864 };

static char *chunks[COUNT];

int main(void) {
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
