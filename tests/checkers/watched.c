/* watched.c - one mistake with a chunk, in one kind of pool: a checker reports it.
 *
 *   watched KIND FAULT     makes the mistake; the status is 0 if no checker ends the program for it
 *   watched KIND           prints the faults that are possible with this kind
 *   watched                prints the kinds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mema.h"

enum {
  poolSize = 100000,
  chunkSize = 100,
  bufferSize = 200000,
  leaked = 8 /* chunks: an old word of the stack may still point to one of them */
};

typedef enum Way { ALONE, SUB_POOL, OUTSIDE } Way;

typedef struct Kind {
  const char *name;
  mema_Options options;
  Way way;
} Kind;

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
    {"subPool", {.untracked = false}, SUB_POOL},
    {"untrackedSubPool", {.untracked = true}, SUB_POOL},
    {"arenaSubPool", {.engine = MEMA_ARENA}, SUB_POOL},
    {"outside", {.reservation = 1}, OUTSIDE},
    {"untrackedOutside", {.reservation = 1, .untracked = true}, OUTSIDE},
    {"arenaOutside", {.engine = MEMA_ARENA, .reservation = 1}, OUTSIDE},
    {"committed", {.committed = true}, ALONE},
    {"plainBound", {.boundMemory = true, .plain = true}, ALONE},
    {"plain", {.plain = true}, ALONE},
    {"plainUntracked", {.plain = true, .untracked = true}, ALONE},
};
enum { kindCount = sizeof kinds / sizeof kinds[0] };

static mema_Pool parent, pool, sibling;
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

static void makePool(const Kind *kind, bool leakCheck) {
  mema_Options options = kind->options, all = {.poolSize = poolSize};
  options.poolSize = poolSize;
  options.leakCheck = leakCheck;
  if (options.engine == MEMA_FIXED) {
    options.buffer = buffer;
    options.bufferSize = kind->way == OUTSIDE ? 512 : sizeof buffer;
  }
  all.leakCheck = leakCheck;
  bool child = kind->way == SUB_POOL;
  if (child && !mema_initPoolWith(&parent, &all)) fail("parent");
  if (!(child ? mema_initSubPool(&pool, &parent, &options) : mema_initPoolWith(&pool, &options))) fail("pool");
  if (child && !mema_initSubPool(&sibling, &parent, &options)) fail("sibling");
  if (kind->way == OUTSIDE && mema_palloc(&pool, kind->options.engine == MEMA_FIXED ? 300 : 40000) == NULL) fail("filling");
}

static char *take(size_t size) {
  char *chunk = hide(mema_palloc(&pool, size));
  if (chunk == NULL) fail("palloc");
  return chunk;
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

static bool any(const Kind *kind) {
  (void)kind;
  return true;
}

/* ---- no mistake ---------------------------------------------------------------------------------------------------------- */

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
    if (!mema_checkPool(&pool) || mema_pfree(&pool, chunks[0])) fail("check");
    if (!mema_resetPool(&pool)) fail("reset");
  }
}

/* Pools are made to end with their chunks: that is a mistake only if the pool is asked to tell. */
static void live(void) {
  for (int i = 0; i < leaked; i++) takeFilled(77);
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

static void resized(void) {
  char *chunk = takeFilled(chunkSize), *other = hide(mema_repalloc(&pool, chunk, chunkSize - 10));
  if (other == NULL) fail("repalloc");
  other[chunkSize - 10] = 'r';
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

static void undefined(void) {
  if (take(chunkSize)[50] == 'x') puts("x");
}

/* The first life of the bytes does not make them defined. */
static void undefinedAgain(void) {
  char *chunk = takeFilled(chunkSize);
  if (!mema_pfree(&pool, chunk) || !mema_resetPool(&pool)) fail("pfree");
  if (take(chunkSize)[50] == 'x') puts("x");
}

__attribute__((noinline)) static void leak(void) {
  for (int i = 0; i < leaked; i++) take(77);
  if (!mema_freePool(&pool)) fail("freePool");
}

typedef struct Fault {
  const char *name;
  void (*make)(void);
  bool (*possible)(const Kind *kind);
  bool leakCheck;
} Fault;

static const Fault faults[] = {
    {"none", none, any, false},
    {"live", live, any, false},
    {"over", over, any, false},
    {"overFull", overFull, any, false},
    {"readOver", readOver, any, false},
    {"overLarge", overLarge, any, false},
    {"under", under, any, false},
    {"underLater", underLater, any, false},
    {"underAligned", underAligned, any, false},
    {"freed", freed, any, false},
    {"freedAndTaken", freedAndTaken, any, false},
    {"afterReset", afterReset, any, false},
    {"rewound", rewound, canMark, false},
    {"ended", ended, any, false},
    {"resized", resized, any, false},
    {"movedAway", movedAway, any, false},
    {"moved", moved, canMove, false},
    {"movedOver", movedOver, canMove, false},
    {"undefined", undefined, any, false},
    {"undefinedAgain", undefinedAgain, any, false},
    {"leak", leak, any, true},
};
enum { faultCount = sizeof faults / sizeof faults[0] };

int main(int count, char **arguments) {
  if (count < 2) {
    for (int i = 0; i < kindCount; i++) puts(kinds[i].name);
    return 0;
  }
  int kind = 0;
  while (kind < kindCount && strcmp(kinds[kind].name, arguments[1]) != 0) kind++;
  if (kind == kindCount) return 2;
  for (int i = 0; i < faultCount; i++) {
    if (!faults[i].possible(&kinds[kind])) continue;
    if (count < 3) puts(faults[i].name);
    if (count < 3 || strcmp(faults[i].name, arguments[2]) != 0) continue;
    makePool(&kinds[kind], faults[i].leakCheck);
    faults[i].make();
    endAll();
    return 0;
  }
  return count < 3 ? 0 : 2;
}
