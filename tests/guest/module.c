/* module - a library with libmema.a linked into it, that is unloaded before the threads end that used its pool. */
#include <mema.h>

bool moduleUse(void);
bool moduleEnd(void);

static Pool pool;
static bool isReady;

bool moduleUse(void) {
  void *chunks[100];
  const mema_Options options = {.poolSize = 1 << 20, .untracked = true, .shared = true};
  if (!isReady) isReady = mema_initPoolWith(&pool, &options);
  for (int i = 0; i < 100; i++) chunks[i] = palloc(&pool, 100);
  for (int i = 0; i < 100; i++) pfree(&pool, chunks[i]);
  return chunks[99] != NULL;
}

bool moduleEnd(void) {
  isReady = false;
  return freePool(&pool);
}
