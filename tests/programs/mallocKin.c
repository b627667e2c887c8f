/* mallocKin: plays realloc, malloc_usable_size and aligned_alloc, under an allocator that is preloaded. It prints the name of each play and
 * how many operations it had. Callgrind counts the instructions in `measured` alone (tests/instructions.sh). */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { live = 5000, few = 1000 };

static char *chunks[live];
static size_t sizes[live];

static void *granted(void *ptr) {
  if (ptr == NULL) abort();
  *(volatile char *)ptr = 1;
  return ptr;
}

/* ---- the plays --------------------------------------------------------------------------------------------------------- */

/* Each chunk grows within its slot, then shrinks again. */
static void kept(void) {
  for (int turn = 0; turn < 4; turn++)
    for (size_t i = 0; i < few; i++) chunks[i] = granted(realloc(chunks[i], sizes[i] + 1 - (size_t)(turn % 2)));
}

/* Each chunk gets 64 bytes more, then less; at most `count` slots of one size are free. */
static void move(size_t count) {
  for (int turn = 0; turn < 4; turn++)
    for (size_t i = 0; i < count; i++) {
      chunks[i] = granted(realloc(chunks[i], sizes[i] + (turn % 2 == 0 ? 64 : 0)));
      if (chunks[i][0] != 1) abort();
    }
}

static void moved(void) {
  move(few);
}

static void movedMany(void) {
  move(live);
}

/* From 16 B to 16 KiB, three times by a little and once by half, as in instructions.c. */
static void grown(void) {
  for (int n = 0; n < 50; n++) {
    size_t size = 16;
    char *ptr = granted(malloc(size));
    for (int step = 0; size < 16384; step++) {
      size += step % 4 < 3 ? 1 + size / 64 : size / 2;
      ptr = granted(realloc(ptr, size));
    }
    free(ptr);
  }
}

static void sized(void) {
  for (size_t i = 0; i < few; i++)
    if (malloc_usable_size(chunks[i]) < sizes[i]) abort();
}

static void aligned(void) {
  for (size_t i = 0; i < few; i++) {
    free(chunks[i]);
    chunks[i] = granted(aligned_alloc(64, sizes[i]));
    if ((uintptr_t)chunks[i] % 64 != 0) abort();
  }
}

static const struct {
  const char *name;
  void (*play)(void);
  size_t operations;
} plays[] = {{"kept", kept, 4 * few}, {"moved", moved, 4 * few}, {"movedMany", movedMany, 4 * live},
             {"grown", grown, 50},    {"sized", sized, few},     {"aligned", aligned, few}};

/* ---- all of them ------------------------------------------------------------------------------------------------------- */

/* Callgrind counts the calls from here alone. */
static __attribute__((noinline, used)) void measured(size_t number) {
  plays[number].play();
  __asm__ volatile("" ::: "memory"); /* no tail call: it would leave this function early */
}

int main(void) {
  for (size_t i = 0; i < live; i++) {
    sizes[i] = 17 + i * 37 % 400;
    if (sizes[i] % 16 == 0) sizes[i]++;
    chunks[i] = granted(malloc(sizes[i]));
  }
  for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
    plays[i].play();
    measured(i);
    printf("%s %zu\n", plays[i].name, plays[i].operations);
  }
  return 0;
}
