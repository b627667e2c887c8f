/* resizes - realloc, aligned_alloc and malloc_usable_size of slots that the thread has at hand: contents, charges, counts, alignments, and
 * pointers to no live chunk.
 *
 * The caller looks in the report for a peak that equals the live bytes: chunks only grow at the end, and each growth charges the difference
 * alone. It looks for BAD bad frees, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

enum { LIVE = 400, GREATEST = 40000, TURNS = 40000 };

typedef struct Held {
  unsigned char *chunk;
  size_t size;
  unsigned char seed;
} Held;

static Held held[LIVE];
static uint64_t seed = 1;

static size_t live(void) {
  return mallinfo2().uordblks;
}

/* Half of the sizes are small. */
static size_t anySize(void) {
  size_t most = nextRandom(&seed) % 2 == 0 ? 1200 : GREATEST;
  return 1 + nextRandom(&seed) % most;
}

static size_t roomFor(size_t size) {
  void *chunk = malloc(size);
  size_t room = malloc_usable_size(chunk);
  free(chunk);
  return room;
}

/* ---- contents and charges ---------------------------------------------------------------------------------------------- */

static void resize(Held *of) {
  size_t size = anySize(), common = size < of->size ? size : of->size, before = malloc_usable_size(of->chunk);
  unsigned char *old = of->chunk;
  errno = 77;
  of->chunk = realloc(old, size);
  CHECK(of->chunk != NULL && errno == 77 && isFilled(of->chunk, common, of->seed));
  size_t after = malloc_usable_size(of->chunk);
  CHECK(after >= size && (of->chunk != old || after == before || size > 4096 || before > 4096));
  CHECK(of->chunk == old || (malloc_usable_size(old) == 0 && errno == 77));
  of->size = size;
  of->seed++;
  fill(of->chunk, after, of->seed);
}

static void checkContents(void) {
  size_t sum = 0, before = live();
  for (size_t i = 0; i < LIVE; i++) {
    held[i] = (Held){malloc(16), 16, (unsigned char)i};
    fill(held[i].chunk, 16, held[i].seed);
  }
  for (size_t i = 0; i < TURNS; i++) resize(&held[nextRandom(&seed) % LIVE]);
  for (size_t i = 0; i < LIVE; i++) sum += malloc_usable_size(held[i].chunk);
  CHECK(live() - before == sum);
  for (size_t i = 0; i < LIVE; i++) {
    CHECK(isFilled(held[i].chunk, held[i].size, held[i].seed));
    free(held[i].chunk);
  }
  CHECK(live() == before);
}

/* A chunk stays where it is as long as the size fits, and is at least half of the slot. */
static void checkPlaces(void) {
  for (size_t size = 40; size <= 20000; size += 1 + size / 7) {
    char *chunk = malloc(size);
    size_t room = malloc_usable_size(chunk), before = live();
    CHECK(realloc(chunk, room) == chunk && realloc(chunk, room / 2) == chunk && live() == before);
    char *moved = realloc(chunk, room + 1);
    CHECK(moved != chunk && malloc_usable_size(moved) > room && live() - before == malloc_usable_size(moved) - room);
    chunk = realloc(moved, room / 2 - 1);
    CHECK(chunk != moved && malloc_usable_size(chunk) == roomFor(room / 2 - 1));
    CHECK(before - live() == room - malloc_usable_size(chunk));
    free(chunk);
  }
}

/* The slot that a chunk leaves is used again. */
static void checkSlotsComeBack(void) {
  size_t before = mallinfo2().arena;
  char *chunk = malloc(100);
  for (int i = 0; i < 200000; i++) CHECK((chunk = realloc(chunk, i % 2 == 0 ? 300 : 100)) != NULL);
  free(chunk);
  CHECK(mallinfo2().arena - before <= 1 << 20);
}

/* ---- alignments -------------------------------------------------------------------------------------------------------- */

/* The room is the least of all sizes from this one on that is a multiple of the alignment. */
static size_t leastRoom(size_t alignment, size_t size) {
  size_t room = roomFor(size);
  while (room % alignment != 0) room = roomFor(room + 1);
  return room;
}

static void checkAlignments(void) {
  volatile size_t most = SIZE_MAX; /* else the compiler complains */
  for (size_t alignment = 8; alignment <= 4096; alignment *= 2) {
    for (size_t size = 0; size <= 9000; size += 1 + size / 5) {
      for (int turn = 0; turn < 3; turn++) {
        void *chunk;
        errno = 77;
        CHECK(turn != 0 || (chunk = aligned_alloc(alignment, size)) != NULL);
        CHECK(turn != 1 || posix_memalign(&chunk, alignment, size) == 0);
        CHECK(turn != 2 || (chunk = memalign(alignment, size)) != NULL);
        CHECK((uintptr_t)chunk % alignment == 0 && errno == 77 && malloc_usable_size(chunk) >= size);
        CHECK(malloc_usable_size(chunk) == leastRoom(alignment, size > 0 ? size : 1));
        free(chunk);
      }
    }
    CHECK(aligned_alloc(alignment, most) == NULL && errno == ENOMEM);
    CHECK(aligned_alloc(alignment, most - alignment / 2) == NULL && errno == ENOMEM);
  }
}

/* ---- another thread's chunks -------------------------------------------------------------------------------------------- */

/* The slot goes back to the thread that owns it: the caller does not get it again. */
static void *resizeAnothers(void *argument) {
  char *chunk = argument;
  size_t size = 100;
  for (int i = 0; i < 100; i++) free(malloc(size));
  CHECK(realloc(chunk, 110) == chunk);
  char *moved = realloc(chunk, 300);
  CHECK(moved != NULL && moved != chunk && isFilled(moved, size, 9) && malloc_usable_size(chunk) == 0);
  for (int i = 0; i < 10; i++) CHECK(malloc(size) != chunk);
  return moved;
}

static void checkAnothers(void) {
  pthread_t other;
  for (int turn = 0; turn < 3; turn++) {
    void *chunk = malloc(100), *moved;
    fill(chunk, 100, 9);
    CHECK(pthread_create(&other, NULL, resizeAnothers, chunk) == 0 && pthread_join(other, &moved) == 0);
    CHECK(isFilled(moved, 100, 9));
    free(moved);
  }
}

/* ---- pointers to no live chunk ----------------------------------------------------------------------------------------- */

static void expectBad(void *pointer, size_t size) {
  errno = 0;
  CHECK(malloc_usable_size(pointer) == 0);
  CHECK(realloc(pointer, size) == NULL && errno == EINVAL);
}

/* Each call has as many bad pointers as BAD. */
static void checkBad(void) {
  static const size_t sizes[] = {48, 100, 1000, 3000, 12000};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char *chunk = malloc(sizes[i]), *other = malloc(sizes[i]);
    fill(chunk, sizes[i], 3);
    expectBad(chunk + 1, sizes[i]);
    expectBad(chunk + 16, sizes[i]);
    expectBad(chunk + 16, 2 * sizes[i]);
    char *moved = realloc(chunk, 2 * sizes[i] + 100);
    CHECK(moved != NULL && moved != chunk && isFilled(moved, sizes[i], 3));
    expectBad(chunk, sizes[i]);         /* it would stay */
    expectBad(chunk, 3 * sizes[i]);     /* it would move */
    expectBad(other + (16 << 20), 100); /* no chunk lies so far away */
    CHECK(isFilled(moved, sizes[i], 3) && realloc(moved, 0) == NULL);
    expectBad(moved, 100);
    free(other);
  }
}

/* ---- a peak ------------------------------------------------------------------------------------------------------------ */

/* The chunks are not freed: at the exit of the process as much is live as ever. */
static void growToThePeak(void) {
  static char *chunks[20000];
  enum { COUNT = sizeof chunks / sizeof chunks[0] };
  size_t before = live();
  for (size_t i = 0; i < COUNT; i++) chunks[i] = malloc(48);
  for (size_t i = 0; i < COUNT; i++) chunks[i] = realloc(chunks[i], 400);
  for (size_t i = 0; i < COUNT; i++) chunks[i] = realloc(chunks[i], 1000);
  CHECK(live() - before == COUNT * malloc_usable_size(chunks[0]));
}

int main(void) {
  checkContents();
  checkPlaces();
  checkSlotsComeBack();
  checkAlignments();
  checkAnothers();
  checkBad();
  growToThePeak();
  return 0;
}
