/* phases - chunks of one size after another, 64 MiB live in each phase, of which one in 50 stays: memory of the sizes before serves again, or
 * goes back. (Each chunk that stays keeps its page, and three quarters of the pages of the smallest sizes are kept that way.) */
#include "resident.h"

enum { LIVE = 64 * MIB, KEPT = 50 };

static const size_t sizes[] = {24, 40, 56, 100, 180, 320, 500, 900, 1500, 2500, 4100, 7000, 12000, 20000, 33000, 70000};
static char *chunks[LIVE / 24];

int main(void) {
  size_t kept = 0, table = 0;
  for (size_t phase = 0; phase < sizeof sizes / sizeof *sizes; phase++) {
    size_t size = sizes[phase], count = (LIVE - kept) / size;
    for (size_t i = 0; i < count; i++) {
      CHECK((chunks[i] = malloc(size)) != NULL);
      memset(chunks[i], 1, size);
    }
    if (count * sizeof *chunks > table) table = count * sizeof *chunks;
    checkResident("in a phase", (size_t)LIVE * 8 + table);
    for (size_t i = 0; i < count; i++) {
      if (i % KEPT == 0) {
        kept += size;
      } else {
        free(chunks[i]);
      }
    }
  }
  return 0;
}
