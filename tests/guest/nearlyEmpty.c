/* nearlyEmpty - a pool with chunks of thirty sizes, one after another, of each of which one in 64 stays. Pages without a live chunk go back,
 * most of them as others are taken, all of them by a trim. */
#include <mema.h>

#include "resident.h"

enum { PHASES = 30, PHASE = 24 * MIB, MOST = 200000, KEPT = 64 };

static char *chunks[MOST];

/* The pages that hold a byte of a chunk that stays, if no two of these share one. */
static size_t pagesOf(size_t size) {
  return (size / 4096 + 2) * 4096;
}

int main(void) {
  Pool pool = {0};
  mema_Options options = {.poolSize = MEMA_UNLIMITED, .untracked = true};
  CHECK(mema_initPoolWith(&pool, &options));
  memset(chunks, 1, sizeof chunks);
  size_t before = residentBytes(), held = 0;
  for (size_t phase = 0; phase < PHASES; phase++) {
    size_t size = 16 + phase * phase * 20, count = PHASE / size < MOST ? PHASE / size : MOST;
    for (size_t i = 0; i < count; i++) {
      CHECK((chunks[i] = palloc(&pool, size)) != NULL);
      memset(chunks[i], 1, size);
    }
    size_t pages = count / KEPT * pagesOf(size), all = count * size + count * size / 5;
    held += pages < all ? pages : all;
    for (size_t i = 0; i < count; i++)
      if (i % KEPT != 0) CHECK(pfree(&pool, chunks[i]));
  }
  checkResident("of each size one in 64 is left", before + held + held / 8 + 2 * (size_t)PHASE);
  mema_trimPool(&pool);
  checkResident("trimmed", before + held + 2 * MIB);
  CHECK(mema_checkPool(&pool) && freePool(&pool));
  return 0;
}
