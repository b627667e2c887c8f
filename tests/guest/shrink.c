/* shrink - a chunk of 300 MiB that becomes much smaller, in its place or elsewhere, gives the rest back at once. */
#include "resident.h"

enum { LARGE = 300 * MIB };

static void shrinkTo(size_t size) {
  char *chunk = malloc(LARGE);
  CHECK(chunk != NULL);
  memset(chunk, 1, LARGE);
  CHECK(residentBytes() >= LARGE);
  chunk = realloc(chunk, size);
  CHECK(chunk != NULL && isFilled(chunk, size, 1));
  checkResident("shrunk", size + 8 * MIB);
  free(chunk);
}

int main(void) {
  shrinkTo(100);
  shrinkTo(20 * MIB);
  shrinkTo(100);
  return 0;
}
