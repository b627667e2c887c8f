/* watched.c - one mistake with a chunk, in one kind of pool: a checker reports it.
 *
 *   watched KIND FAULT     makes the mistake; the status is 0 if no checker ends the program for it
 *   watched each KIND...   makes each mistake that is possible with these kinds, each in a process of its own, and prints
 *                          a line for it: KIND WAY FAULT ACCESS PLACE PROCESS STATUS. The way is "inPlace" or "plain"
 *                          (docs/checkers.md). The access that a checker has to report is a "read", a "write", a "branch"
 *                          on undefined bytes, a "leak" or "none". The place is "behind" or "before" a chunk, in a
 *                          "freed" one, or in a pool that "ended". "edge" is before a chunk that may be the first of its
 *                          mapping, where a page faults.
 *   watched                prints the kinds */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mema.h"

enum {
  poolSize = 100000,
  chunkSize = 100,
  bufferSize = 200000,
  smallQuarantine = 8192,
  tightReservation = 128 * 1024, /* for chunks of 16 bytes and their redzones it is too small */
  leaked = 8                     /* chunks: an old word of the stack may still point to one of them */
};

typedef enum Way { ALONE, SUB_POOL, OUTSIDE } Way;

typedef struct Kind {
  const char *name;
  mema_Options options;
  Way way;
} Kind;

static void *reserve(void *user, size_t size, size_t alignment) {
  (void)user;
  char *base = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return base != MAP_FAILED ? base + (-(uintptr_t)base & (alignment - 1)) : NULL;
}

static const mema_Memory hooks = {.reserve = reserve};

static const Kind kinds[] = {
    {"slab", {.untracked = false}, ALONE},
    {"untracked", {.untracked = true}, ALONE},
    {"arena", {.engine = MEMA_ARENA}, ALONE},
    {"untrackedArena", {.engine = MEMA_ARENA, .untracked = true}, ALONE},
    {"fixed", {.engine = MEMA_FIXED}, ALONE},
    {"untrackedFixed", {.engine = MEMA_FIXED, .untracked = true}, ALONE},
    {"fallback", {.engine = MEMA_FIXED, .fallback = true}, OUTSIDE},
    {"shared", {.shared = true, .untracked = true}, ALONE},
    {"sharedTracked", {.shared = true}, ALONE},
    {"sharedOutside", {.shared = true, .untracked = true, .reservation = 1}, OUTSIDE},
    {"subPool", {.untracked = false}, SUB_POOL},
    {"untrackedSubPool", {.untracked = true}, SUB_POOL},
    {"arenaSubPool", {.engine = MEMA_ARENA}, SUB_POOL},
    {"untrackedArenaSubPool", {.engine = MEMA_ARENA, .untracked = true}, SUB_POOL},
    {"sharedSubPool", {.shared = true, .untracked = true, .guaranteed = poolSize}, SUB_POOL},
    {"outside", {.reservation = 1}, OUTSIDE},
    {"untrackedOutside", {.reservation = 1, .untracked = true}, OUTSIDE},
    {"arenaOutside", {.engine = MEMA_ARENA, .reservation = 1}, OUTSIDE},
    {"untrackedArenaOutside", {.engine = MEMA_ARENA, .untracked = true, .reservation = 1}, OUTSIDE},
    {"untrackedFallback", {.engine = MEMA_FIXED, .fallback = true, .untracked = true}, OUTSIDE},
    {"lines", {.sites = true, .name = "books"}, ALONE},
    {"stacks", {.sites = true, .stacks = 1}, ALONE},
    {"quarantine", {.quarantine = smallQuarantine}, ALONE},
    {"tight", {.reservation = tightReservation}, ALONE},
    {"untrackedQuarantine", {.quarantine = smallQuarantine, .untracked = true}, ALONE},
    {"committed", {.committed = true}, ALONE},
    {"plainBound", {.boundMemory = true, .plain = true}, ALONE},
    {"plain", {.plain = true}, ALONE},
    {"plainUntracked", {.plain = true, .untracked = true}, ALONE},
    {"plainArena", {.plain = true, .engine = MEMA_ARENA}, ALONE},
    {"plainUntrackedArena", {.plain = true, .engine = MEMA_ARENA, .untracked = true}, ALONE},
    {"plainShared", {.plain = true, .shared = true, .untracked = true}, ALONE},
    {"plainSubPool", {.plain = true}, SUB_POOL},
    {"plainOutside", {.plain = true, .reservation = 1}, OUTSIDE},
    {"plainHooked", {.plain = true, .memory = &hooks}, ALONE},
};
enum { kindCount = sizeof kinds / sizeof kinds[0] };

static mema_Pool parent, pool, sibling;
static const Kind *current;
static char buffer[bufferSize];
static volatile char seen; /* what is read goes here, so that it is read */

static void *hide(void *pointer) {
  __asm__("" : "+r"(pointer)); /* the compiler must not know what was allocated */
  return pointer;
}

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, mema_lastError()->sentence);
  exit(2);
}

static void makePool(const Kind *kind, bool leakCheck, bool unwatched) {
  mema_Options options = kind->options, all = {.poolSize = 4 * poolSize, .plain = kind->options.plain};
  options.poolSize = poolSize;
  options.leakCheck = leakCheck;
  if (options.engine == MEMA_FIXED) {
    options.buffer = buffer;
    options.bufferSize = kind->way == OUTSIDE ? 512 : sizeof buffer;
  }
  all.leakCheck = leakCheck;
  options.unwatched = all.unwatched = unwatched;
  bool child = kind->way == SUB_POOL;
  if (child && !mema_initPoolWith(&parent, &all)) fail("parent");
  if (!(child ? mema_initSubPool(&pool, &parent, &options) : mema_initPoolWith(&pool, &options))) fail("pool");
  if (child && !mema_initSubPool(&sibling, &parent, &options)) fail("sibling");
  if (kind->way == OUTSIDE && mema_palloc(&pool, kind->options.engine == MEMA_FIXED ? 300 : 40000) == NULL) fail("filling");
}

static char *take(size_t size) {
  static mema_Site here = {__FILE__, __func__, __LINE__, 0};
  char *chunk = hide(mema_palloc(&pool, size));
  if (chunk == NULL) fail("palloc");
  return current->options.sites ? mema_noteSite(&pool, chunk, &here) : chunk;
}

static char *takeFilled(size_t size) {
  char *chunk = take(size);
  memset(chunk, 'x', size);
  return chunk;
}

static void endAll(void) {
  if (sibling.initialized && !mema_freePool(&sibling)) fail("freePool");
  if (pool.initialized && !mema_freePool(&pool)) fail("freePool");
  if (parent.initialized && !mema_freePool(&parent)) fail("freePool");
}

static bool canMark(const Kind *kind) {
  return !kind->options.shared && (!kind->options.untracked || kind->options.engine == MEMA_ARENA);
}

static bool canMove(const Kind *kind) {
  return kind->way == SUB_POOL && kind->options.engine == MEMA_SLAB && !kind->options.untracked;
}

static bool isSubPool(const Kind *kind) {
  return kind->way == SUB_POOL;
}

static bool isShared(const Kind *kind) {
  return kind->options.shared;
}

static bool isPlain(const Kind *kind) {
  return kind->options.plain || kind->options.engine == MEMA_FIXED;
}

/* An arena goes on behind a freed chunk, kept or not. Chunks outside the reservation are not kept. */
static bool usesPlacesAgain(const Kind *kind) {
  return !isPlain(kind) && kind->way == ALONE && kind->options.engine == MEMA_SLAB;
}

static bool isTight(const Kind *kind) {
  return kind->options.reservation == tightReservation;
}

static bool isNotAsked(const Kind *kind) {
  return !kind->options.plain;
}

static bool any(const Kind *kind) {
  (void)kind;
  return true;
}

/* ---- no mistake ---------------------------------------------------------------------------------------------------------- */

/* The contents of a chunk are defined at its new address, or size, and its new bytes may be used. */
static void grownTwice(void) {
  char *chunk = takeFilled(chunkSize);
  for (size_t size = chunkSize; size < 5000; size += size / 9) {
    chunk = hide(mema_repalloc(&pool, chunk, size + size / 9));
    if (chunk == NULL || chunk[0] != 'x' || chunk[size - 1] != 'x') fail("repalloc");
    memset(chunk, 'x', size + size / 9);
  }
  chunk = hide(mema_repalloc(&pool, chunk, chunkSize / 2));
  if (chunk == NULL || chunk[chunkSize / 2 - 1] != 'x') fail("repalloc");
}

static void none(void) {
  char *chunks[50];
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 50; i++) chunks[i] = takeFilled((size_t)i * 7 + 1);
    for (int i = 0; i < 50; i += 2) chunks[i] = mema_repalloc(&pool, chunks[i], (size_t)(i + 1) * 20);
    for (int i = 0; i < 50; i++) memset(chunks[i], 'y', mema_chunkSize(&pool, chunks[i]));
    for (int i = 0; i < 50; i += 3)
      if (!mema_pfree(&pool, chunks[i])) fail("pfree");
    char *zeros = hide(mema_pcalloc(&pool, 1, 20000)), *aligned = hide(mema_pmemalign(&pool, 256, 40));
    if (zeros == NULL || zeros[19999] != 0 || aligned == NULL) fail("pcalloc");
    if (memchr(mema_pstrdup(&pool, "text"), 't', 5) == NULL) fail("pstrdup");
    memset(aligned, 'z', 40);
    grownTwice();
    mema_trimPool(&pool);
    if (!mema_checkPool(&pool) || mema_pfree(&pool, chunks[0])) fail("check");
    if (!mema_resetPool(&pool)) fail("reset");
  }
}

/* Pools are made to end with their chunks: that is a mistake only if the pool is asked to tell. */
static void live(void) {
  for (int i = 0; i < leaked; i++) takeFilled(77);
}

/* A block of malloc is no leak as long as a chunk points to it. The pool lives on. */
static void roots(void) {
  for (int i = 0; i < 100; i++) {
    char **chunk = hide(take(chunkSize)), *block = hide(malloc(50));
    if (block == NULL) fail("malloc");
    memset(chunk, 0, chunkSize);
    chunk[i % 10] = block;
  }
  char **large = hide(take(30000));
  memset(large, 0, 30000);
  large[3000] = hide(malloc(50));
  exit(0);
}

/* Fills most of a pool, and frees all chunks but the first ones. */
static void fillAndFree(void) {
  char *chunks[50];
  for (int i = 0; i < 50; i++) chunks[i] = takeFilled(1000);
  for (int i = 5; i < 50; i++)
    if (!mema_pfree(&pool, chunks[i])) fail("pfree");
}

/* The messages to a checker about memory hold no longer where a pool gets it that no checker is told of: warm, after a trim of
 * the pool, and after one of the process. */
static void reused(void) {
  for (int way = 0; way < 3; way++) {
    fillAndFree();
    if (way == 1) mema_trimPool(&pool);
    endAll();
    if (way == 2) mema_trimPool(NULL);
    makePool(current, false, true);
    fillAndFree();
    endAll();
    makePool(current, false, false);
  }
}

/* Memory that reads as zero is undefined to memcheck, until pcalloc has written it. */
static void zeros(void) {
  static const size_t sizes[] = {100, 40000, 1000}; /* the second is no slot: its memory may be known to be zeros */
  for (int i = 0; i < 3; i++) {
    const char *chunk = hide(mema_pcalloc(&pool, 1, sizes[i]));
    if (chunk == NULL) fail("pcalloc");
    for (size_t at = 0; at < sizes[i]; at++)
      if (chunk[at] != 0) fail("zeros");
  }
}

/* Notes the place of a chunk, if it is a new one. */
static void notePlace(char **places, size_t *count, char *chunk) {
  size_t i = 0;
  while (i < *count && places[i] != chunk) i++;
  places[i] = chunk;
  if (i == *count) ++*count;
}

/* Freed chunks are kept up to the quarantine, and up to what the budget has free. So their places serve again, for chunks that are
 * freed soon and for live ones. */
static void quarantined(void) {
  enum { size = 1000, rounds = 1000, budget = poolSize / size };
  static char *places[rounds + budget];
  size_t quarantine = current->options.quarantine, most = quarantine != 0 ? quarantine / size + 1 : budget + 1, count = 0;
  for (int round = 0; round < rounds; round++) {
    char *chunk = takeFilled(size);
    notePlace(places, &count, chunk);
    if (!mema_pfree(&pool, chunk)) fail("pfree");
  }
  if (count > most + most / 8 + 8) { /* free places are not used in the order in which they became free */
    fprintf(stderr, "%zu places were used, %zu at most\n", count, most);
    exit(2);
  }
  for (char *chunk; (chunk = mema_palloc(&pool, size)) != NULL;) notePlace(places, &count, chunk);
  if (count <= budget + budget / 8 + 8) return;
  fprintf(stderr, "%zu places were used for %d chunks\n", count, budget);
  exit(2);
}

/* No checker is told of a pool that asks for that: bytes of its memory that no chunk has are like any others. */
static void unwatched(void) {
  endAll();
  makePool(current, false, true);
  takeFilled(chunkSize)[chunkSize] = 'o'; /* still in the chunk's slot, grains or piece */
}

/* Kept chunks that a reset or going back has ended do not come back later, when new chunks have their places. */
static void forgotten(void) {
  char *chunks[20];
  bool marks = canMark(current);
  for (int round = 0; round < 4; round++) {
    mema_Mark mark = marks ? mema_markPool(&pool) : (mema_Mark){0};
    for (int i = 0; i < 20; i++) chunks[i] = takeFilled(chunkSize);
    for (int i = 0; i < 20; i += 2)
      if (!mema_pfree(&pool, chunks[i])) fail("pfree");
    if (!(marks && round % 2 == 0 ? mema_rewindPool(&pool, mark) : mema_resetPool(&pool))) fail("reset");
    for (int i = 0; i < 20; i++) chunks[i] = takeFilled(chunkSize);
    mema_trimPool(&pool);
    if (!mema_checkPool(&pool)) fail("check");
    for (int i = 0; i < 20; i++)
      if (chunks[i][0] != 'x' || !mema_pfree(&pool, chunks[i])) fail("a chunk is lost");
  }
}

/* Kept chunks and their redzones give way before a chunk lies outside the reservation. */
static void givenUp(void) {
  char *chunks[3000];
  mema_Stats stats;
  for (int i = 0; i < 3000; i++) chunks[i] = takeFilled(16);
  for (int i = 0; i < 3000; i++)
    if (!mema_pfree(&pool, chunks[i])) fail("pfree");
  takeFilled(50000);
  if (!mema_poolStats(&pool, &stats) || stats.outsideChunks != 0) fail("a chunk lies outside");
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------ */

static void over(void) {
  takeFilled(chunkSize)[chunkSize] = 'o';
}

/* The chunk fills its slot, its grains, or its piece. */
static void overFull(void) {
  char *first = takeFilled(112);
  takeFilled(112);
  first[112] = 'o';
}

static void readOver(void) {
  seen = takeFilled(chunkSize)[chunkSize];
}

static void overLarge(void) {
  takeFilled(65536 / 2)[65536 / 2] = 'o';
}

static void under(void) {
  takeFilled(chunkSize)[-1] = 'u';
}

static void underLater(void) {
  takeFilled(chunkSize);
  takeFilled(chunkSize);
  takeFilled(chunkSize)[-1] = 'u';
}

static void callocOver(void) {
  char *chunk = hide(mema_pcalloc(&pool, 10, 10));
  if (chunk == NULL || chunk[99] != 0) fail("pcalloc");
  chunk[100] = 'o';
}

/* A small chunk behind a large one, then none behind it. */
static void overSmall(void) {
  takeFilled(3000);
  takeFilled(1)[1] = 'o';
}

static void underAligned(void) {
  char *chunk = hide(mema_pmemalign(&pool, 64, 64));
  if (chunk == NULL) fail("pmemalign");
  chunk[-1] = 'u';
}

static void freed(void) {
  char *chunk = takeFilled(chunkSize);
  takeFilled(chunkSize);
  if (!mema_pfree(&pool, chunk)) fail("pfree");
  seen = chunk[0];
}

/* A checker that kept no freed chunk would see the next chunk here. */
static void freedAndTaken(void) {
  char *chunk = takeFilled(chunkSize);
  takeFilled(chunkSize);
  if (!mema_pfree(&pool, chunk)) fail("pfree");
  takeFilled(chunkSize);
  chunk[chunkSize - 1] = 'f';
}

static void afterReset(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_resetPool(&pool)) fail("reset");
  seen = chunk[0];
}

/* A new chunk at the old one's place makes only its own bytes usable. */
static void resetAndTaken(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_resetPool(&pool)) fail("reset");
  takeFilled(10);
  chunk[chunkSize - 10] = 'r';
}

static void rewound(void) {
  takeFilled(chunkSize);
  mema_Mark mark = mema_markPool(&pool);
  char *chunk = takeFilled(chunkSize);
  if (!mema_rewindPool(&pool, mark)) fail("rewind");
  seen = chunk[0];
}

static void ended(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_freePool(&pool)) fail("freePool");
  seen = chunk[0];
}

static void endedByParent(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_freePool(&parent)) fail("freePool");
  seen = chunk[0];
}

static void *pfreeThere(void *chunk) {
  if (!mema_pfree(&pool, chunk)) fail("pfree");
  return NULL;
}

static void freedElsewhere(void) {
  char *chunk = takeFilled(chunkSize);
  pthread_t thread;
  if (pthread_create(&thread, NULL, pfreeThere, chunk) != 0 || pthread_join(thread, NULL) != 0) fail("thread");
  seen = chunk[0];
}

static void resized(void) {
  char *chunk = takeFilled(chunkSize), *other = hide(mema_repalloc(&pool, chunk, chunkSize - 10));
  if (other == NULL) fail("repalloc");
  other[chunkSize - 10] = 'r';
}

/* A plain chunk that shrinks has another block, so that its former address is reported. */
static void shrunkAway(void) {
  char *chunk = takeFilled(chunkSize);
  if (mema_repalloc(&pool, chunk, chunkSize / 2) == NULL) fail("repalloc");
  seen = chunk[0];
}

/* First where the chunk's place has room, then with a neighbour behind it. */
static void grown(void) {
  char *chunk = hide(mema_repalloc(&pool, takeFilled(chunkSize), chunkSize + 10));
  if (chunk == NULL) fail("repalloc");
  memset(chunk, 'g', chunkSize + 10);
  takeFilled(chunkSize);
  chunk = hide(mema_repalloc(&pool, chunk, chunkSize * 3));
  if (chunk == NULL) fail("repalloc");
  memset(chunk, 'g', chunkSize * 3);
  ((char *)hide(chunk))[chunkSize * 3] = 'g';
}

static void grownInPlace(void) {
  char *chunk = hide(mema_repalloc(&pool, takeFilled(chunkSize), chunkSize + 10));
  if (chunk == NULL) fail("repalloc");
  memset(chunk, 'g', chunkSize + 10);
  ((char *)hide(chunk))[chunkSize + 10] = 'g';
}

static void movedAway(void) {
  char *chunk = takeFilled(chunkSize);
  takeFilled(chunkSize);
  if (mema_repalloc(&pool, chunk, chunkSize * 50) == NULL) fail("repalloc");
  seen = chunk[0];
}

/* A chunk that has a new owner is watched as before. */
static void moved(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_moveChunk(&sibling, &pool, chunk)) fail("moveChunk");
  memset(chunk, 'm', chunkSize);
  if (!mema_pfree(&sibling, chunk)) fail("pfree");
  seen = chunk[0];
}

static void movedOver(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_moveChunk(&sibling, &pool, chunk)) fail("moveChunk");
  chunk[chunkSize] = 'm';
}

static char *takeAndMove(mema_Pool *to) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_moveChunk(to, &pool, chunk)) fail("moveChunk");
  return chunk;
}

static void movedUp(void) {
  char *chunk = takeAndMove(&parent);
  if (!mema_pfree(&parent, chunk)) fail("pfree");
  seen = chunk[0];
}

static void movedUnder(void) {
  takeAndMove(&sibling)[-1] = 'm';
}

static void movedAndReset(void) {
  char *chunk = takeAndMove(&sibling);
  if (!mema_resetPool(&pool)) fail("reset");
  memset(chunk, 'm', chunkSize);
  if (!mema_resetPool(&sibling)) fail("reset");
  seen = chunk[0];
}

static void movedAndEnded(void) {
  char *chunk = takeAndMove(&sibling);
  if (!mema_freePool(&pool)) fail("freePool");
  memset(chunk, 'm', chunkSize);
  if (!mema_freePool(&sibling)) fail("freePool");
  seen = chunk[0];
}

static void undefined(void) {
  if (take(chunkSize)[50] == 'x') seen = 'x';
}

/* The first life of the bytes does not make them defined. */
static void undefinedAgain(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_pfree(&pool, chunk) || !mema_resetPool(&pool)) fail("pfree");
  if (take(chunkSize)[50] == 'x') seen = 'x';
}

static void undefinedGrown(void) {
  char *chunk = hide(mema_repalloc(&pool, takeFilled(chunkSize), chunkSize * 2));
  if (chunk == NULL || chunk[chunkSize - 1] != 'x') fail("repalloc");
  if (chunk[chunkSize] == 'x') seen = 'x';
}

__attribute__((noinline)) static void leak(void) {
  for (int i = 0; i < leaked; i++) take(77);
  if (!mema_freePool(&pool)) fail("freePool");
}

/* Blocks of malloc that only chunks of an ended pool point to. */
__attribute__((noinline)) static void lostBlocks(void) {
  for (int i = 0; i < leaked; i++) {
    void **chunk = hide(takeFilled(chunkSize));
    chunk[0] = hide(malloc(50));
  }
  if (!mema_freePool(&pool)) fail("freePool");
}

/* Where leaks are asked for, a reset and going back leak nothing. */
static void noLeak(void) {
  mema_Mark mark = canMark(current) ? mema_markPool(&pool) : (mema_Mark){0};
  for (int i = 0; i < leaked; i++) take(77);
  if (canMark(current) && !mema_rewindPool(&pool, mark)) fail("rewind");
  for (int i = 0; i < leaked; i++) take(77);
  if (!mema_resetPool(&pool)) fail("reset");
}

__attribute__((noinline)) static void leakByParent(void) {
  for (int i = 0; i < leaked; i++) take(77);
  if (!mema_freePool(&parent)) fail("freePool");
}

__attribute__((noinline)) static void movedLeak(void) {
  for (int i = 0; i < leaked; i++)
    if (!mema_moveChunk(&sibling, &pool, take(77))) fail("moveChunk");
  if (!mema_freePool(&pool) || !mema_freePool(&sibling)) fail("freePool");
}

typedef struct Fault {
  const char *name, *access, *place; /* see the beginning of this file */
  void (*make)(void);
  bool (*possible)(const Kind *kind);
  bool leakCheck;
} Fault;

static const Fault faults[] = {
    {"none", "none", "-", none, any, false},
    {"roots", "none", "-", roots, any, false},
    {"zeros", "none", "-", zeros, any, false},
    {"reused", "none", "-", reused, any, false},
    {"quarantined", "none", "-", quarantined, usesPlacesAgain, false},
    {"unwatched", "none", "-", unwatched, isNotAsked, false},
    {"forgotten", "none", "-", forgotten, any, false},
    {"givenUp", "none", "-", givenUp, isTight, false},
    {"live", "none", "-", live, any, false},
    {"over", "write", "behind", over, any, false},
    {"overFull", "write", "behind", overFull, any, false},
    {"overSmall", "write", "behind", overSmall, any, false},
    {"readOver", "read", "behind", readOver, any, false},
    {"overLarge", "write", "behind", overLarge, any, false},
    {"callocOver", "write", "behind", callocOver, any, false},
    {"under", "write", "before", under, any, false},
    {"underLater", "write", "before", underLater, any, false},
    {"underAligned", "write", "before", underAligned, any, false},
    {"freed", "read", "freed", freed, any, false},
    {"freedAndTaken", "write", "freed", freedAndTaken, any, false},
    {"freedElsewhere", "read", "freed", freedElsewhere, isShared, false},
    {"afterReset", "read", "freed", afterReset, any, false},
    {"resetAndTaken", "write", "freed", resetAndTaken, any, false},
    {"rewound", "read", "freed", rewound, canMark, false},
    {"ended", "read", "ended", ended, any, false},
    {"endedByParent", "read", "ended", endedByParent, isSubPool, false},
    {"resized", "write", "behind", resized, any, false},
    {"shrunkAway", "read", "freed", shrunkAway, isPlain, false},
    {"grown", "write", "behind", grown, any, false},
    {"grownInPlace", "write", "behind", grownInPlace, any, false},
    {"movedAway", "read", "freed", movedAway, any, false},
    {"moved", "read", "freed", moved, canMove, false},
    {"movedOver", "write", "behind", movedOver, canMove, false},
    {"movedUnder", "write", "before", movedUnder, canMove, false},
    {"movedUp", "read", "freed", movedUp, canMove, false},
    {"movedAndReset", "read", "freed", movedAndReset, canMove, false},
    {"movedAndEnded", "read", "ended", movedAndEnded, canMove, false},
    {"undefined", "branch", "-", undefined, any, false},
    {"undefinedAgain", "branch", "-", undefinedAgain, any, false},
    {"undefinedGrown", "branch", "-", undefinedGrown, any, false},
    {"leak", "leak", "-", leak, any, true},
    {"noLeak", "none", "-", noLeak, any, true},
    {"lostBlocks", "leak", "-", lostBlocks, any, false},
    {"leakByParent", "leak", "-", leakByParent, isSubPool, true},
    {"movedLeak", "leak", "-", movedLeak, canMove, true},
};
enum { faultCount = sizeof faults / sizeof faults[0] };

static void run(const Kind *kind, const Fault *fault) {
  current = kind;
  makePool(kind, fault->leakCheck, false);
  fault->make();
  endAll();
}

/* The page in front of a slab outside faults, and that in front of a heap with a mapping of its own. */
static const char *placeOf(const Kind *kind, const Fault *fault) {
  bool faults = kind->way == OUTSIDE || isTight(kind) || kind->options.committed;
  return faults && !isPlain(kind) && strcmp(fault->place, "before") == 0 ? "edge" : fault->place;
}

/* A pool for which leaks are asked is plain. */
static void runApart(const Kind *kind, const Fault *fault) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    run(kind, fault);
    exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) exit(2);
  printf("%s %s %s %s %s %d %d\n", kind->name, isPlain(kind) || fault->leakCheck ? "plain" : "inPlace", fault->name,
         fault->access, placeOf(kind, fault), (int)child, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static const Kind *kindOf(const char *name) {
  for (int i = 0; i < kindCount; i++)
    if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
  exit(2);
}

int main(int count, char **arguments) {
  bool each = count > 1 && strcmp(arguments[1], "each") == 0;
  if (count < 2)
    for (int i = 0; i < kindCount; i++) puts(kinds[i].name);
  for (int at = 2; at < count; at++) {
    const Kind *kind = kindOf(arguments[each ? at : 1]);
    for (int i = 0; i < faultCount; i++) {
      if (!faults[i].possible(kind)) continue;
      if (each) runApart(kind, &faults[i]);
      if (each || strcmp(faults[i].name, arguments[at]) != 0) continue;
      run(kind, &faults[i]);
      return 0;
    }
  }
  return count < 2 || each ? 0 : 2;
}
