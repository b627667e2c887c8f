/* instructions untracked|tracked|shared|subPool|arena|trackedArena|fixed: plays the operations whose instructions tests/instructions.sh counts. Prints the name of each play and how
 * many operations it had, in the order in which they were played. */
#include "support.h"

enum { few = 1000, many = 100000, requestChunks = 50 };

static mema_Options options;
static Pool pool, parent; /* the parent of sub-pools */
static bool inFamily;
static void *chunks[many];
static size_t sizes[few];
static uint64_t seed = 1;

static size_t randomSize(size_t least, size_t most) {
  return least + nextRandom(&seed) % (most - least + 1);
}

/* A refused call would be a cheap one. */
static void *granted(void *ptr) {
  if (ptr == NULL) exit(4);
  return hidePointer(ptr);
}

static void release(void *ptr) {
  if (!pfree(&pool, ptr)) exit(5);
}

static bool makePoolHere(Pool *made, size_t poolSize) {
  mema_Options asked = options;
  asked.poolSize = poolSize;
  return inFamily ? mema_initSubPool(made, &parent, &asked) : mema_initPoolWith(made, &asked);
}

/* ---- the plays: each does n operations --------------------------------------------------------------------------------- */

static void pairs(size_t n) {
  while (n-- > 0) release(granted(palloc(&pool, 64)));
}

static void drawSizes(size_t least, size_t most) {
  for (size_t i = 0; i < few; i++) sizes[i] = randomSize(least, most);
}

static void prepareBatch(void) {
  drawSizes(16, 1024);
}

static void batch(size_t n) {
  for (size_t done = 0; done < n; done += few) {
    for (size_t i = 0; i < few; i++) chunks[i] = granted(palloc(&pool, sizes[i]));
    for (size_t i = 0; i < few; i++) release(chunks[i]);
  }
}

static void prepareZeroed(void) {
  drawSizes(16, 4096);
}

static void zeroed(size_t n) {
  for (size_t done = 0; done < n; done += few) {
    for (size_t i = 0; i < few; i++) chunks[i] = granted(mema_pcalloc(&pool, 1, sizes[i]));
    for (size_t i = 0; i < few; i++) release(chunks[i]);
  }
}

static void replace(size_t n, size_t live) {
  while (n-- > 0) {
    size_t k = nextRandom(&seed) % live;
    if (chunks[k] != NULL) release(chunks[k]);
    chunks[k] = granted(palloc(&pool, randomSize(16, 512)));
  }
}

static void fill(size_t live) {
  for (size_t i = 0; i < live; i++) chunks[i] = granted(palloc(&pool, randomSize(16, 512)));
}

static void fillSmall(void) {
  fill(few);
}

static void replaceSmall(size_t n) {
  replace(n, few);
}

static void fillLarge(void) {
  fill(many);
}

static void replaceLarge(size_t n) {
  replace(n, many);
}

/* A pool of its own for each operation. */
static void requests(size_t n) {
  while (n-- > 0) {
    Pool request;
    if (!makePoolHere(&request, 64 * KIB)) exit(6);
    for (size_t i = 0; i < requestChunks; i++) granted(palloc(&request, randomSize(16, 400)));
    if (!freePool(&request)) exit(7);
  }
}

static void empties(size_t n) {
  while (n-- > 0) {
    Pool empty;
    if (!makePoolHere(&empty, 64 * KIB)) exit(6);
    if (!freePool(&empty)) exit(7);
  }
}

/* From 16 B to 16 KiB, three times by a little and once by half, as bench/ does. */
static void growths(size_t n) {
  while (n-- > 0) {
    size_t size = 16;
    void *ptr = granted(palloc(&pool, size));
    for (int step = 0; size < 16 * KIB; step++) {
      size += step % 4 < 3 ? 1 + size / 64 : size / 2;
      ptr = granted(mema_repalloc(&pool, ptr, size));
    }
    release(ptr);
  }
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  void (*prepare)(void);
  void (*play)(size_t n);
  size_t warm, counted; /* operations */
  bool endless;         /* chunks come and go one by one for a long time; arenas are not made for that */
} Play;

static const Play plays[] = {
    {"pair", NULL, pairs, 1000, 10000, false},
    {"batch", prepareBatch, batch, 4 * few, 20 * few, false},
    {"replaceSmall", fillSmall, replaceSmall, 20000, 20000, true},
    {"replaceLarge", fillLarge, replaceLarge, 100000, 20000, true},
    {"request", NULL, requests, 20, 200, false},
    {"empty", NULL, empties, 20, 200, false},
    {"zeroed", prepareZeroed, zeroed, 2 * few, 5 * few, false},
    {"growth", NULL, growths, 5, 50, false},
};

/* Callgrind counts the calls from here alone. */
static __attribute__((noinline, used)) void measured(const Play *play) {
  play->play(play->counted);
  __asm__ volatile("" ::: "memory"); /* no tail call: it would leave this function early */
}

static void playOne(const Play *play) {
  seed = 1;
  if (play->prepare != NULL) play->prepare();
  play->play(play->warm);
  measured(play);
  printf("%s %zu\n", play->name, play->counted);
}

/* In a buffer that has room for all of it; pools for requests are slabs' business. */
static int playFixed(void) {
  static _Alignas(4096) char buffer[64 * MIB];
  options = (mema_Options){.untracked = true, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
    if (plays[i].play == requests || plays[i].play == empties) continue;
    if (!mema_initPoolWith(&pool, &options)) return 3;
    playOne(&plays[i]);
    if (!freePool(&pool)) return 8;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  bool shared = strcmp(argv[1], "shared") == 0, arena = strcmp(argv[1], "arena") == 0;
  if (strcmp(argv[1], "fixed") == 0) return playFixed();
  inFamily = strcmp(argv[1], "subPool") == 0;
  options = (mema_Options){.poolSize = GIB,
                           .untracked = shared || arena || strcmp(argv[1], "untracked") == 0,
                           .shared = shared,
                           .engine = arena || strcmp(argv[1], "trackedArena") == 0 ? MEMA_ARENA : MEMA_SLAB};
  for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
    if (options.engine == MEMA_ARENA && plays[i].endless) continue;
    if (inFamily && !initPool(&parent, 2 * GIB)) return 3;
    if (!makePoolHere(&pool, GIB)) return 3;
    playOne(&plays[i]);
    if (!freePool(&pool) || (inFamily && !freePool(&parent))) return 8;
  }
  return 0;
}
