/* A correct program for each kind of pool. Its Pool is undefined memory on the stack, then in a block of malloc. The record of a clean-up, the buffer,
 * and the memory from hooks are undefined too. memcheck must report nothing.
 *
 *   engines [KIND]: one kind of the table below, or all */
#define _GNU_SOURCE
#include <mema.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { budget = 1 << 20, bufferSize = 2 * budget };

static void *reserve(void *user, size_t size, size_t alignment) {
  (void)user;
  return aligned_alloc(alignment, size);
}

static void release(void *user, void *base, size_t size) {
  (void)user, (void)size;
  free(base);
}

static const mema_Memory hooks = {.reserve = reserve, .release = release};

static const struct {
  const char *name;
  bool sub; /* a sub-pool of a pool that is made with the same options */
  mema_Options options;
} kinds[] = {
    {"tracked", false, {.poolSize = budget}},
    {"untracked", false, {.poolSize = budget, .untracked = true}},
    {"large", false, {.poolSize = 64 * budget}},
    {"narrow", false, {.poolSize = budget, .reservation = 64 * 1024}},
    {"arena", false, {.poolSize = budget, .engine = MEMA_ARENA}},
    {"untrackedArena", false, {.poolSize = budget, .untracked = true, .engine = MEMA_ARENA}},
    {"fixed", false, {.engine = MEMA_FIXED}},
    {"untrackedFixed", false, {.untracked = true, .engine = MEMA_FIXED}},
    {"fixedFallback", false, {.poolSize = budget, .engine = MEMA_FIXED, .fallback = true}},
    {"shared", false, {.poolSize = budget, .untracked = true, .shared = true}},
    {"trackedShared", false, {.poolSize = budget, .shared = true}},
    {"committed", false, {.poolSize = budget, .committed = true}},
    {"huge", false, {.poolSize = 8 * budget, .hugePages = true}},
    {"hooks", false, {.poolSize = budget, .memory = &hooks}},
    {"untrackedHooks", false, {.poolSize = budget, .untracked = true, .memory = &hooks}},
    {"subPool", true, {.poolSize = budget}},
    {"untrackedSubPool", true, {.poolSize = budget, .untracked = true}},
    {"arenaSubPool", true, {.poolSize = budget, .engine = MEMA_ARENA}},
    {"sharedSubPool", true, {.poolSize = budget, .untracked = true, .shared = true}},
};

static const char *kindNow;

static _Noreturn void fail(const char *what) {
  printf("%s: %s: %s\n", kindNow, what, mema_lastError()->sentence);
  exit(1);
}

static inline void expect(bool good, const char *what) {
  if (!good) fail(what);
}

static bool isZero(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

/* Chunks hold undefined bytes when they are freed. The library must not branch on these bytes later. */
static void useChunks(Pool *pool) {
  enum { count = 60 };
  char *chunks[count], undefined[3000];
  for (size_t i = 0; i < count; i++) {
    size_t size = i % 10 == 9 ? 20000 : 16 + i * 40;
    char *chunk = i % 3 == 1   ? mema_pcalloc(pool, 1, size)
                  : i % 7 == 3 ? mema_pmemalign(pool, 256, size)
                               : palloc(pool, size);
    if (chunk == NULL) fail("palloc");
    if (i % 3 == 1) expect(isZero(chunk, size), "zero");
    memcpy(chunk, undefined, size < sizeof undefined ? size : sizeof undefined);
    chunks[i] = chunk;
  }
  for (size_t i = 0; i < count; i += 2) expect((chunks[i] = mema_repalloc(pool, chunks[i], 3000)) != NULL, "repalloc");
  for (size_t i = 0; i < count; i++)
    if (i % 4 != 0) expect(pfree(pool, chunks[i]), "pfree");
  expect(!pfree(pool, chunks[1]) && !pfree(pool, &pool), "a bad pfree");
  char *text = mema_psprintf(pool, "%d %s", 42, "chunks");
  expect(text != NULL && strcmp(text, "42 chunks") == 0 && mema_pstrdup(pool, text) != NULL, "strings");
  expect(mema_chunkSize(pool, text) >= strlen(text) && mema_largestChunk(pool) != 0, "sizes");
  expect(palloc(pool, MEMA_UNLIMITED) == NULL, "a request over budget");
}

static void end(void *arg) {
  ++*(int *)arg;
}

static void usePool(Pool *pool) {
  mema_Cleanup cleanup; /* undefined */
  mema_Stats stats;
  int ended = 0;
  bool shared = mema_addCleanup(pool, &cleanup, end, &ended, MEMA_AFTER_SUB_POOLS) == false;
  if (!shared) expect(!mema_addCleanup(pool, &cleanup, end, &ended, MEMA_AFTER_SUB_POOLS), "a clean-up added twice");
  mema_Mark mark = mema_markPool(pool);
  useChunks(pool);
  if (mema_poolStats(pool, &stats) && !stats.untracked && !shared) expect(mema_rewindPool(pool, mark), "rewind");
  useChunks(pool);
  expect(mema_poolStats(pool, &stats) && stats.liveChunks != 0 && mema_freeSize(pool) == pool->freeSize, "stats");
  mema_trimPool(pool);
  expect(mema_checkPool(pool), "check");
  expect(mema_resetPool(pool) && ended == !shared && pool->freeSize == pool->poolSize, "reset");
  useChunks(pool);
}

static void live(Pool *pool, Pool *parent, const mema_Options *options) {
  bool made = parent != NULL ? mema_initSubPool(pool, parent, options) : mema_initPoolWith(pool, options);
  expect(made, "init");
  expect(!initPool(pool, budget) && mema_lastError()->reason == MEMA_LIVE_POOL, "init of a live pool");
  usePool(pool);
  expect(freePool(pool) && !freePool(pool), "freePool");
}

static void onStack(Pool *parent, const mema_Options *options) {
  Pool pool;
  live(&pool, parent, options);
}

static void inHeap(Pool *parent, const mema_Options *options) {
  Pool *pool = malloc(sizeof *pool);
  expect(pool != NULL, "malloc");
  live(pool, parent, options);
  live(pool, parent, options); /* where a pool was before */
  free(pool);
}

static void tryKind(size_t kind) {
  mema_Options options = kinds[kind].options, above = options;
  kindNow = kinds[kind].name;
  char *buffer = malloc(bufferSize);
  expect(buffer != NULL, "malloc");
  if (options.engine == MEMA_FIXED) {
    options.buffer = buffer;
    options.bufferSize = options.fallback ? 8192 : bufferSize;
  }
  Pool parent;
  above.poolSize *= 2;
  if (kinds[kind].sub) expect(mema_initPoolWith(&parent, &above), "init of the parent");
  if (options.shared) options.guaranteed = options.poolSize;
  onStack(kinds[kind].sub ? &parent : NULL, &options);
  inHeap(kinds[kind].sub ? &parent : NULL, &options);
  if (kinds[kind].sub) expect(freePool(&parent), "freePool of the parent");
  free(buffer);
}

int main(int argc, char **argv) {
  bool any = false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (argc > 1 && strcmp(argv[1], kinds[i].name) != 0) continue;
    tryKind(i);
    any = true;
  }
  return any ? 0 : 2;
}
