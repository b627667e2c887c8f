/* peakReturn - a peak of 512 MiB, in chunks of the given size, is freed: most of it goes back at once, and more as the program works on with
 * small chunks. */
#include "resident.h"

enum { PEAK = 512 * MIB, HELD = 64 };

/* Chunks are linked through their first bytes: a table of them would count too. */
typedef struct Link {
  struct Link *next;
} Link;

static void makePeak(size_t size) {
  Link *first = NULL;
  for (size_t bytes = 0; bytes < PEAK; bytes += size) {
    Link *link = malloc(size);
    CHECK(link != NULL);
    memset(link, 1, size);
    link->next = first;
    first = link;
  }
  CHECK(residentBytes() >= PEAK);
  while (first != NULL) {
    Link *next = first->next;
    free(first);
    first = next;
  }
}

/* 4 GiB in small chunks, of which a few are live at a time. */
static void goOn(void) {
  static char *held[HELD];
  uint64_t random = 1;
  for (size_t bytes = 0, i = 0; bytes < (size_t)8 * PEAK; i++) {
    size_t size = (size_t)(nextRandom(&random) % 5000) + 1;
    free(held[i % HELD]);
    held[i % HELD] = malloc(size);
    held[i % HELD][0] = 1;
    bytes += size;
  }
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  makePeak(strtoul(arguments[1], NULL, 10));
  checkResident("freed", PEAK / 5 * 2);
  goOn();
  checkResident("after other work", PEAK / 6);
  return 0;
}
