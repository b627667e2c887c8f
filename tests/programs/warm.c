/* Makes calls that need no system call, between two writes that tests/syscalls.sh finds in a trace.
 *
 *   warm lives SIZE | untrackedLives SIZE | arenaLives SIZE | untrackedArenaLives SIZE | steady SIZE | committed SIZE */
#include "support.h"

#include <unistd.h>

static void mark(const char *text) {
  if (write(STDOUT_FILENO, text, strlen(text)) < 0) exit(1);
}

static void require(bool good) {
  if (!good) exit(1);
}

static void liveOnce(size_t size, bool untracked, mema_Engine engine) {
  Pool pool;
  mema_Options options = {.poolSize = size, .untracked = untracked, .engine = engine};
  require(mema_initPoolWith(&pool, &options));
  char *chunks[50];
  for (size_t i = 0; i < 50; i++) {
    require((chunks[i] = palloc(&pool, size / 200 + i)) != NULL);
    chunks[i][0] = 1;
  }
  for (size_t i = 0; i < 50; i += 2) require(pfree(&pool, chunks[i]));
  require(palloc(&pool, size * 2) == NULL); /* nor does a refusal */
  require(freePool(&pool));
}

static void lives(size_t size, bool untracked, mema_Engine engine) {
  for (int i = 0; i < 5; i++) liveOnce(size, untracked, engine);
  mark("begin\n");
  for (int i = 0; i < 1000; i++) liveOnce(size, untracked, engine);
  mark("end\n");
}

/* One pool, filled and emptied by chunks of all sizes up to `largest`. */
static void churn(Pool *pool, size_t largest) {
  enum { count = 200 };
  static char *chunks[count];
  uint64_t random = 1;
  for (int step = 0; step < 20000; step++) {
    size_t i = nextRandom(&random) % count;
    if (chunks[i] != NULL) require(pfree(pool, chunks[i]));
    chunks[i] = palloc(pool, nextRandom(&random) % largest);
    if (chunks[i] != NULL) chunks[i][0] = 1;
  }
  for (size_t i = 0; i < count; i++) {
    if (chunks[i] != NULL) require(pfree(pool, chunks[i]));
    chunks[i] = NULL;
  }
}

static void steady(size_t size) {
  Pool pool;
  require(initPool(&pool, size));
  churn(&pool, size / 400);
  mark("begin\n");
  churn(&pool, size / 400);
  mark("end\n");
  require(freePool(&pool));
}

/* From the first chunk on: the memory is there since init. */
static void committed(size_t size) {
  Pool pool;
  mema_Options options = {.poolSize = size, .committed = true};
  require(mema_initPoolWith(&pool, &options));
  mark("begin\n");
  churn(&pool, size / 400);
  size_t wanted = size / 1000;
  while (pool.freeSize >= wanted) require(palloc(&pool, wanted) != NULL);
  require(mema_resetPool(&pool));
  churn(&pool, size / 400);
  mark("end\n");
  require(freePool(&pool));
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t size = strtoull(argv[2], NULL, 0);
  if (strcmp(argv[1], "lives") == 0) lives(size, false, MEMA_SLAB);
  if (strcmp(argv[1], "untrackedLives") == 0) lives(size, true, MEMA_SLAB);
  if (strcmp(argv[1], "arenaLives") == 0) lives(size, false, MEMA_ARENA);
  if (strcmp(argv[1], "untrackedArenaLives") == 0) lives(size, true, MEMA_ARENA);
  if (strcmp(argv[1], "steady") == 0) steady(size);
  if (strcmp(argv[1], "committed") == 0) committed(size);
  return 0;
}
