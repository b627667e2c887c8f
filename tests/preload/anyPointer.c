/* anyPointer - whatever 64-bit value is given to free, realloc or malloc_usable_size is answered, and no live chunk suffers. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"

enum { CHUNKS = 64, VALUES = 1000 };

static unsigned char *chunks[CHUNKS];

static bool isLive(uintptr_t value) {
  for (int i = 0; i < CHUNKS; i++) {
    if ((uintptr_t)chunks[i] == value) return true;
  }
  return false;
}

/* Half of the pointers lie anywhere, half of them close to valid ones. */
static uintptr_t nextValue(uint64_t *random, const uintptr_t *places, size_t count) {
  uint64_t value = nextRandom(random), shift = nextRandom(random) % 64, choice = nextRandom(random);
  if (choice & 1) return (uintptr_t)(value >> shift);
  uintptr_t place = choice & 2 ? (uintptr_t)chunks[(choice >> 8) % CHUNKS] : places[(choice >> 8) % count];
  uintptr_t offset = (uintptr_t)(value >> (44 + shift % 20));
  return choice & 4 ? place + offset : place - offset;
}

int main(void) {
  uint64_t random = 0x9e3779b97f4a7c15ULL;
  for (int i = 0; i < CHUNKS; i++) {
    chunks[i] = malloc(17 * (size_t)i + 1);
    fill(chunks[i], 17 * (size_t)i + 1, (unsigned char)i);
  }
  void *noAccess = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* A data segment that no allocator made, with contents that look like anything. */
  char *data = sbrk(65536);
  CHECK(data != (void *)-1);
  for (size_t i = 0; i < 65536; i += 8) *(uint64_t *)(void *)(data + i) = nextRandom(&random) >> (nextRandom(&random) % 64);
  const uintptr_t places[] = {(uintptr_t)&random,
                              (uintptr_t)main,
                              (uintptr_t)noAccess,
                              (uintptr_t)errno,
                              (uintptr_t)data,
                              (uintptr_t)sbrk(0),
                              UINTPTR_MAX,
                              (uintptr_t)(UINT64_C(1) << 47),
                              0,
                              (uintptr_t)chunks};
  for (int i = 0; i < VALUES; i++) {
    uintptr_t value = nextValue(&random, places, sizeof places / sizeof places[0]);
    if (isLive(value)) continue;
    void *volatile pointer = (void *)value;
    CHECK(malloc_usable_size(pointer) == 0);
    free(pointer);
    CHECK(value == 0 || realloc(pointer, 10) == NULL);
  }
  for (int i = 0; i < CHUNKS; i++) {
    CHECK(isFilled(chunks[i], 17 * (size_t)i + 1, (unsigned char)i) && malloc_usable_size(chunks[i]) > 0);
    free(chunks[i]);
  }
  return 0;
}
